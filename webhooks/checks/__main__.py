"""Run the http check that stdin describes: the child of a run."""

import sys

from webhooks.checks import http

if __name__ == "__main__":
    sys.exit(http.main())
