"""Run `python -m workflows` as `penstock`."""

import sys

from workflows.cli import main

if __name__ == "__main__":
    sys.exit(main())
