"""Say `penstock load ...`: run and compare plans, make reports, render manifests, print the schema.

Exit codes: 0 passed, 99 a threshold failed, 98 inconclusive, 104 bad plan, 105 cancelled, 107 the user's script is
at fault. The one rule to keep: bad input ends in one line for each fault, never in a traceback.
"""

from argparse import ArgumentParser

from loadtester.cli.early import start_engine

__all__ = ["main", "make_parser"]

_NEED_ENGINE = ("run", "compare", "worker")


def main(argv: list[str]) -> int:
    """Run one command and give its exit code; the first word names the command.

    The engine starts before anything else is imported: it is the slower one, and both can get ready at once.
    """
    wanted = argv[:1] and argv[0] in _NEED_ENGINE and not {"-h", "--help"} & set(argv)
    child = start_engine() if wanted else None
    from loadtester.cli.command import execute  # noqa: PLC0415 - see above

    return execute(argv, child)


def make_parser() -> ArgumentParser:
    """Describe the commands."""
    from loadtester.cli import arguments  # noqa: PLC0415 - see `main`

    return arguments.make_parser()
