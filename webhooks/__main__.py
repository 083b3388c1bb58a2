"""Run the commands of this package alone: `python -m webhooks serve|loadtester|gate ...`."""

import sys

from webhooks.cli import gate_main, loadtester_main, main, runs_main

_COMMANDS = {"serve": main, "loadtester": loadtester_main, "gate": gate_main, "runs": runs_main}


def run(argv: list[str]) -> int:
    """Carry out one command."""
    command = _COMMANDS.get(argv[0]) if argv else None
    if command is None:
        print(f"usage: python -m webhooks {'|'.join(_COMMANDS)} ...", file=sys.stderr)  # noqa: T201 - the edge of the command
        return 2
    return command(argv[1:])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
