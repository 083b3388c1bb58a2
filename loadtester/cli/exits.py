"""Turn how a run ended and what was judged into an exit code."""

from loadtester.process import Ending, LoadRun
from loadtester.verdict import LoadOutcome

EXIT_FAILED = 99
EXIT_INCONCLUSIVE = 98
EXIT_BAD_PLAN = 104
EXIT_CANCELLED = 105
EXIT_SCRIPT = 107


def exit_code(load: LoadRun) -> int:
    """Give a run's exit code: a fault of the script comes first, then a cancel, then the verdict."""
    if load.blames_script:
        return EXIT_SCRIPT
    if load.ending is Ending.CANCELLED:
        return EXIT_CANCELLED
    return code_of(load.verdict.outcome)


def code_of(outcome: LoadOutcome) -> int:
    """Give the exit code of a verdict."""
    match outcome:
        case LoadOutcome.PASSED:
            return 0
        case LoadOutcome.FAILED:
            return EXIT_FAILED
        case LoadOutcome.INCONCLUSIVE:
            return EXIT_INCONCLUSIVE
