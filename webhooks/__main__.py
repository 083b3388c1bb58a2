"""Run the commands of this package alone: `python -m webhooks serve|runner|loadtester|gate|runs ...`."""

import sys
from importlib import import_module

_COMMANDS = {
    "serve": "webhooks.cli.service",
    "runner": "webhooks.cli.runner",
    "loadtester": "webhooks.cli.loadtester",
    "gate": "webhooks.cli.gate",
    "runs": "webhooks.cli.runs",
}


_MISUSED = 2
"""How argparse ends for a wrong command line."""
_BAD_ARGUMENT = 78


def run(argv: list[str]) -> int:
    """Carry out one command."""
    place = _COMMANDS.get(argv[0]) if argv else None
    if place is None:
        print(f"usage: python -m webhooks {'|'.join(_COMMANDS)} ...", file=sys.stderr)  # noqa: T201 - the edge of the command
        return _BAD_ARGUMENT
    try:
        return int(import_module(place).main(argv[1:]))
    except SystemExit as ended:
        if ended.code == _MISUSED:
            return _BAD_ARGUMENT
        raise


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
