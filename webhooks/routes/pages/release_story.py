"""Collect what a page tells of one release: its reports, what hooks said meanwhile, its runs and gates.

The one rule to keep: what a page shows is read in bounded pieces, and what nobody told is None.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from webhooks.gates import ROLLBACK_GATE
from webhooks.hooks import HookService
from webhooks.live import Event, Glance
from webhooks.releases import Measured, MeasuredPoint
from webhooks.routes.api.timeline import show_event, show_gate_moment
from webhooks.routes.pages.measurements import Measurements
from webhooks.store.records import CanaryName, Gate, GateState, Run, RunQuery
from webhooks.store.releases import ArmFigures, Ending, Release, Report, ReportKind, Teller

MOST_POINTS = 500
"""How many points of a chart are told at once."""

_ROWS = 200
_MOMENTS = 300
_RUNS = 100
_SAMPLES = 50
_AROUND_S = 60.0
_POSITION = re.compile(r"([0-9]{1,16})\.([0-9a-f]{8})\.([0-9a-f]{8})")
_WEIGHT = re.compile(r"Advance \S+ canary weight (\d{1,3})\b")
_FOREVER = float("inf")
_WHOLE = 100

Point = list[float | int | None]
"""Sequence, unix seconds, canary weight, then success rate and p99 of the primary and of the canary."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Carry one line of the timeline; `kind` says who told it."""

    at: float
    kind: str
    text: str
    warning: bool = False


class ReleaseStory:
    """Tell of one release as it stands now."""

    def __init__(self, service: HookService, release: Release, measured: Measured) -> None:
        self._service = service
        self._measured = measured
        self.release = release

    @cached_property
    def rows(self) -> Sequence[Report]:
        """List its newest decisions, the newest first."""
        return self._find(ReportKind.DECISION, _ROWS)

    @property
    def last_figures(self) -> tuple[ArmFigures, ArmFigures]:
        """Give what was last measured of the primary and of the canary."""
        if self.release.teller is Teller.HOOKS:
            points = self._measured.points[::-1]
            return _find_measured(one.primary for one in points), _find_measured(one.canary for one in points)
        told = (*self.rows, *self._find(ReportKind.SAMPLE, _SAMPLES))
        newest = sorted(told, key=lambda one: -one.sequence)
        return _find_measured(one.primary for one in newest), _find_measured(one.canary for one in newest)

    def _find(self, kind: ReportKind, limit: int) -> Sequence[Report]:
        return self._service.store.reports.newest(self.release.canary, self.release.id, kind, limit)

    @cached_property
    def runs(self) -> Sequence[Run]:
        """List the runs that were started for it."""
        found = self._service.runs.runs.page(RunQuery(canary=self.release.canary, limit=_RUNS))
        return [run for run in found if self._is_within(run.created_at)]

    @cached_property
    def gates(self) -> Sequence[Gate]:
        """List the gates of a release under way."""
        return self._service.gates.select(self.release.canary) if self.release.under_way else ()

    @property
    def waiting(self) -> Sequence[Gate]:
        """List the gates that somebody may decide, without that of the rollback."""
        return [gate for gate in self.gates if gate.gate != ROLLBACK_GATE and gate.epoch]

    @property
    def rollback(self) -> Gate | None:
        """Give the rollback gate, None where no hook has asked for it in this release."""
        return next((gate for gate in self.gates if gate.gate == ROLLBACK_GATE and gate.epoch), None)

    @property
    def listens(self) -> bool:
        """Tell whether a hook of it was called, so that what is said about its gates is heard."""
        epoch = self._service.store.epochs.latest(self.release.canary)
        return epoch is not None and not epoch.ended

    @cached_property
    def moments(self) -> Sequence[Moment]:
        """List what happened, the newest first."""
        reported = self._find(ReportKind.EVENT, _MOMENTS)
        told = [Moment(one.at, "loop", one.text, one.warning) for one in reported]
        known = {moment.text for moment in told}
        told += [moment for moment in self._list_heard() if moment.kind != "event" or moment.text not in known]
        return sorted(told, key=lambda moment: -moment.at)[:_MOMENTS]

    @property
    def has_journal(self) -> bool:
        """Tell whether its journal is kept."""
        return self._service.store.reports.measure_journal(self.release.canary, self.release.id) > 0

    def _list_heard(self) -> Iterator[Moment]:
        for event in self._service.store.events.select(self.release.canary):
            if self._is_within(event.at):
                warning = event.metadata.get("eventType") == "Warning"
                yield Moment(event.at, "event", str(show_event(event)["text"]), warning)
        for gate in self._service.gates.history(self.release.canary):
            if self._is_within(gate.at):
                warning = gate.state is GateState.CLOSED or gate.gate == ROLLBACK_GATE
                yield Moment(gate.at, "gate", str(show_gate_moment(gate)["text"]), warning)

    def _is_within(self, at: float) -> bool:
        release = self.release
        return release.began_at - _AROUND_S <= at <= (release.ended_at or _FOREVER) + _AROUND_S


def _find_measured(figures: Iterable[ArmFigures]) -> ArmFigures:
    return next((one for one in figures if one.success_percent is not None or one.p99_ms is not None), ArmFigures())


def limit(release: Release, measured: Measured) -> Release:
    """Give a release with the limits of its Canary, where nobody reported any."""
    if release.teller is Teller.LOOP:
        return release
    least, most = measured.minimum_success_percent, measured.maximum_p99_ms
    return replace(release, plan=replace(release.plan, minimum_success_percent=least, maximum_p99_ms=most))


def show_points(service: HookService, release: Release, measured: Measured, after: int) -> dict[str, object]:
    """Write the points of the chart that follow a sequence, a bounded number of them, and the limits."""
    points = list_points(service, release, measured, after)
    if release.teller is Teller.LOOP:
        return {"points": points}
    return {
        "points": points,
        "limits": {"success": measured.minimum_success_percent, "p99": measured.maximum_p99_ms},
    }


def list_points(service: HookService, release: Release, measured: Measured, after: int) -> list[Point]:
    """List the points of the chart that follow a sequence, a bounded number of them."""
    if release.teller is Teller.HOOKS:
        told = (*_points_of_hooks(service, release), *map(_point_of_measured, measured.points))
        return sorted((point for point in told if (point[0] or 0) > after), key=lambda one: one[0] or 0)[:MOST_POINTS]
    found = service.store.reports.select(release.canary, release.id, after, MOST_POINTS)
    return [_point(report) for report in found if report.kind is not ReportKind.EVENT]


def _point(report: Report) -> Point:
    primary, canary = report.primary, report.canary
    figures = (primary.success_percent, canary.success_percent, primary.p99_ms, canary.p99_ms)
    return [report.sequence, report.at, report.weight, *figures]


def _point_of_measured(measured: MeasuredPoint) -> Point:
    primary, canary = measured.primary, measured.canary
    figures = (primary.success_percent, canary.success_percent, primary.p99_ms, canary.p99_ms)
    return [round(measured.at * 1000), measured.at, None, *figures]


def _points_of_hooks(service: HookService, release: Release) -> Iterator[Point]:
    yield _weigh(release.began_at, None)
    for event in service.store.events.select(release.canary):
        advanced = _WEIGHT.match(event.metadata.get("eventMessage", ""))
        if advanced and release.began_at <= event.at <= (release.ended_at or _FOREVER):
            yield _weigh(event.at, min(_WHOLE, int(advanced[1])))
    if release.ended_at:
        # Both ways to end leave all traffic with the primary; of one that nobody told the end of, no more is known.
        yield _weigh(release.ended_at, None if release.ending is Ending.UNKNOWN else 0)


def _weigh(at: float, weight: int | None) -> Point:
    return [round(at * 1000), at, weight, None, None, None, None]


@dataclass(frozen=True, slots=True)
class ReleaseFeed:
    """Tell what is new of one release: points for its chart, and that its page or its gates have changed."""

    service: HookService
    measurements: Measurements
    canary: CanaryName
    id: str

    def look(self, position: str) -> Glance:
        """Look at the release; a page that is open when it is forgotten is told so."""
        release = self.service.releases.find(self.canary, self.id)
        if release is None:
            return Glance(position, (Event("gone"),), over=True)
        known = _POSITION.fullmatch(position)
        measured = self.measurements.recall(release)
        mark, gates = _digest(self._marks(release, measured)), _digest(self._marks_of_gates(release))
        if known is None:
            return Glance(f"{release.sequence}.{mark}.{gates}")
        after = int(known[1])
        found = self.service.store.reports.select(self.canary, self.id, after, MOST_POINTS)
        last = found[-1].sequence if found else after
        shown = show_points(self.service, release, measured, after if release.teller is Teller.LOOP else 0)
        events = self._tell(release, shown, (known[2] != mark, known[3] != gates))
        over = not (release.under_way or found or events or self.measurements.is_asking(release))
        return Glance(f"{last}.{mark}.{gates}", tuple(events), over)

    def _tell(self, release: Release, shown: dict[str, object], changed: tuple[bool, bool]) -> list[Event]:
        page, gates = changed
        # Hooks number nothing: what they tell is told anew, and the page knows which points it has.
        fresh = page if release.teller is Teller.HOOKS else bool(shown["points"])
        events = [Event("points", shown)] if fresh else []
        if page:
            events.append(Event("changed", {"say": describe(release)}))
        if gates:
            events.append(Event("gates"))
        return events

    def _marks(self, release: Release, measured: Measured) -> object:
        newest = self.service.runs.runs.page(RunQuery(canary=self.canary, limit=20))
        runs = [(run.id, run.state.value, run.reason) for run in newest]
        heard = release.heard_at if release.teller is Teller.HOOKS else 0
        return (release.decided, release.ending, release.lost, release.plan, heard, runs, measured, self._count_words())

    def _marks_of_gates(self, release: Release) -> object:
        return (release.under_way, self._count_words())

    def _count_words(self) -> int:
        return self.service.gates.newest_change(self.canary)


def _digest(marks: object) -> str:
    return hashlib.blake2s(repr(marks).encode("utf-8", "replace"), digest_size=4).hexdigest()


def describe(release: Release) -> str:
    """Say in one line where a release stands."""
    if release.ending is None:
        weight = "not known" if release.weight is None else f"{release.weight} %"
        return f"{release.phase or 'phase not known'}, canary weight {weight}"
    why = f" because {release.reason}" if release.reason and release.ending.value != "promoted" else ""
    words = {"promoted": "ended: promoted", "rolled_back": "ended: rolled back", "failed": "ended: failed"}
    if release.ending.value in words:
        return words[release.ending.value] + why
    return f"ended, nobody told how: {release.reason}"
