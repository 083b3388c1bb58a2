"""Judge what a journal recorded by another judge: would it have stopped this release, and when.

The windows are the recorded ones, at the recorded weights: another judge might have gone another way, so what is told
is the first moment at which it would have stopped this one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from workflows.canary.override import with_judge
from workflows.foresight.jurors import Sighting, summon
from workflows.journal.entries import TickEntry
from workflows.journal.reader import JournalFile, PlannedTick
from workflows.rollout.phase import ANALYSED


@dataclass(frozen=True, slots=True)
class Rejudgement:
    """Say how a release ended and what another judge would have done; seconds count from the first window on.

    `stopped_s` is when it would have stopped the release, None when it would have let it go on.
    """

    key: str
    happened: str
    happened_s: float
    judge: str
    windows: int
    stopped_s: float | None = None
    weight: int = 0
    reason: str = ""


def rejudge(file: JournalFile, judge: str) -> Rejudgement:
    """Judge a journal's windows again by a judge's name."""
    ticks = list(_windows(file))
    end = file.end
    happened = end.state.cause.outcome.value.replace("_", " ") if end and end.state.cause else "not ended"
    if not ticks:
        return Rejudgement(file.key, happened, 0.0, judge, 0)
    began = ticks[0].tick.at
    found = Rejudgement(file.key, happened, (ticks[-1].tick.at - began).total_seconds(), judge, len(ticks))
    juror, revision = None, ""
    for planned in ticks:
        before = planned.tick.before
        if juror is None or before.revision != revision:
            juror, revision = summon(with_judge(planned.plan, judge)), before.revision
        opinion = juror(_see(planned.tick))
        if opinion.stops:
            after = (planned.tick.at - began).total_seconds()
            return replace(found, stopped_s=after, weight=before.weight, reason=opinion.said)
    return found


def _windows(file: JournalFile) -> Iterator[PlannedTick]:
    for planned in file.ticks():
        before = planned.tick.before
        if before.phase in ANALYSED and before.started and planned.tick.evidence.reading is not None:
            yield planned


def _see(tick: TickEntry) -> Sighting:
    route = replace(tick.before.route, canary_percent=tick.before.weight)
    return Sighting(tick.at, route, tick.evidence.window, tick.evidence.measurements)
