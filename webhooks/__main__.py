"""Run the commands of this package alone: `python -m webhooks serve|runner|loadtester|gate|runs ...`."""

import sys
from importlib import import_module

_COMMANDS = {
    "serve": ("webhooks.cli", "main"),
    # Apart, since what it imports counts for Prometheus and must not be there before serve says where.
    "runner": ("webhooks.cli.runner", "main"),
    "loadtester": ("webhooks.cli", "loadtester_main"),
    "gate": ("webhooks.cli", "gate_main"),
    "runs": ("webhooks.cli", "runs_main"),
}


def run(argv: list[str]) -> int:
    """Carry out one command."""
    place = _COMMANDS.get(argv[0]) if argv else None
    if place is None:
        print(f"usage: python -m webhooks {'|'.join(_COMMANDS)} ...", file=sys.stderr)  # noqa: T201 - the edge of the command
        return 2
    return int(getattr(import_module(place[0]), place[1])(argv[1:]))


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
