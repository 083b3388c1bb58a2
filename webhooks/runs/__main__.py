"""Be the runner process: `python -m webhooks.runs DATA_DIR`, started and watched by `penstock serve`."""

import sys

from webhooks.runs import process

if __name__ == "__main__":
    sys.exit(process.main(sys.argv[1:]))
