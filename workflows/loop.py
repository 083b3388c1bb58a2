"""Run a whole release in one process: the stages until the end.

The one rule to keep: whatever stops the loop, the traffic goes home before it gives up; only a loop that was fenced
touches nothing, since another owner has the release.
"""

from workflows import stages
from workflows.custody import keeping, let_go
from workflows.errors import ExitCode, FencedError
from workflows.release import Release
from workflows.rollout.state import Cause, RolloutState
from workflows.stages import Watch


def run(release: Release, watch: Watch = stages.ignore) -> RolloutState:
    """Release what is new, to the end, and return the last state; a killed run is resumed where it was.

    Raises FencedError when another owner holds the release, TemporaryError when the platform stayed away longer than
    the progress deadline.
    """
    with keeping(release):
        try:
            state = stages.drive(release, stages.rests, watch)
        except FencedError:
            raise
        except BaseException as stopped:
            why = str(stopped) or type(stopped).__name__
            stages.finish(release, Cause.ABORTED, f"the run was stopped: {why}", watch)
            let_go(release)
            raise
        # A release that could not be ended keeps its lease: when that runs out, the watchdog ends it.
        let_go(release)
        return state


def exit_code(state: RolloutState) -> ExitCode:
    """Tell a pipeline how a release ended; one that did not have to begin is a success."""
    match state.cause:
        case None | Cause.PROMOTED:
            return ExitCode.PROMOTED
        case Cause.CHECKS | Cause.EVIDENCE | Cause.HOOK | Cause.ABORTED:
            return ExitCode.ROLLED_BACK
        case Cause.NO_DATA:
            return ExitCode.INCONCLUSIVE
        case Cause.REFUSED:
            return ExitCode.REFUSED
        case Cause.NOT_READY | Cause.PRIMARY_NOT_READY:  # pragma: no branch - mypy proves it is the last
            return ExitCode.FAILED
