"""Own the Kubernetes Job that stdin describes: the child of a run."""

import sys

from webhooks.checks.cluster import owner

if __name__ == "__main__":
    sys.exit(owner.main())
