"""Know releases: by what the loop that drives them reports, else by the hooks that a controller calls.

Reports may come twice, late and out of order: where a release stands is told by the decision with the highest
sequence, and an end stays an end. The rule to keep: a release that the loop reports is the loop's alone; hooks then
only add to its timeline.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from webhooks.errors import RefusedError
from webhooks.store.port import Store
from webhooks.store.records import CanaryName
from webhooks.store.releases import (
    ArmFigures,
    Ending,
    Release,
    ReleasePlan,
    ReleaseQuery,
    Report,
    ReportKind,
    Teller,
)

_ADVANCE = re.compile(r"Advance \S+ canary weight (\d{1,3})\b")
_BY_HOOKS = "hooks-"
_UNDER_WAY = frozenset({"Waiting", "Progressing", "WaitingPromotion", "Promoting", "Finalising"})
_SUPERSEDED = "a newer release began before anybody told how this one ended"
_ENDINGS = {"Succeeded": Ending.PROMOTED, "Failed": Ending.ROLLED_BACK}
_MOST = 200
_WHOLE = 100


@dataclass(frozen=True, slots=True)
class Keeping:
    """Say how long, and how many, releases are kept, and how long one may be silent before it is not believed."""

    kept_s: float
    kept: int
    silence_s: float


@dataclass(frozen=True, slots=True)
class Heard:
    """Carry what a hook tells of a release: of which revision, where that stands, and what was said.

    `begins`: the hook is the first of an analysis; `over`: the release has ended. Either may be told twice.
    """

    canary: CanaryName
    at: float
    checksum: str = ""
    phase: str = ""
    text: str = ""
    warning: bool = False
    begins: bool = False
    over: bool = False

    def is_about(self, release: Release) -> bool:
        """Tell whether this may be about a release."""
        return not (self.checksum and release.plan.revision) or self.checksum == release.plan.revision


@dataclass(frozen=True, slots=True)
class MeasuredPoint:
    """Carry how both arms answered their users until a time (unix seconds)."""

    at: float
    primary: ArmFigures
    canary: ArmFigures


@dataclass(frozen=True, slots=True)
class Measured:
    """Carry what somebody else has measured of a release, and the limits of its Canary; None is not known."""

    points: tuple[MeasuredPoint, ...] = ()
    minimum_success_percent: float | None = None
    maximum_p99_ms: float | None = None


Measure = Callable[[str, str, float, float], Measured | None]
"""Something that tells what was measured of a canary (namespace, name) between two times; None is not known."""


class ReleaseService:
    """Keep releases."""

    def __init__(self, store: Store, now: Callable[[], float], keeping: Keeping) -> None:
        self._store = store
        self._now = now
        self._keeping = keeping

    def begin(self, canary: CanaryName, release_id: str, began_at: float, plan: ReleasePlan) -> Release:
        """Keep a release that the loop drives; to say it again changes nothing but what it set out to do."""
        now = self._now()

        def decide(last: Release | None) -> Release:
            if last is None:
                return Release(canary, release_id, began_at, now, plan=plan)
            # Who comes when the primary has been replaced no longer knows what it ran.
            return replace(last, plan=replace(plan, previous=last.plan.previous or plan.previous), heard_at=now)

        new = self._store.releases.find(canary, release_id) is None
        release = self._store.releases.change(canary, release_id, decide)
        if new:
            self._end_others(canary, release_id, began_at)
            self._store.releases.prune(now - self._keeping.kept_s, self._keeping.kept)
        return release or decide(None)

    def tell(self, canary: CanaryName, release_id: str, reports: Sequence[Report], lost: int = 0) -> Release:
        """Keep what the loop reports; raises RefusedError for a release that did not begin."""
        now = self._now()
        if self._store.releases.find(canary, release_id) is None:
            raise RefusedError(f"release {release_id} of {canary} did not begin; begin it with PUT, then report")
        self._store.reports.add(canary, release_id, reports)

        def decide(last: Release | None) -> Release | None:
            return last and replace(fold(last, reports), heard_at=now, lost=max(last.lost, lost))

        release = self._store.releases.change(canary, release_id, decide)
        if release is None:
            raise RefusedError(f"release {release_id} of {canary} was forgotten meanwhile; begin it again with PUT")
        return release

    def hear(self, heard: Heard) -> None:
        """Keep what a hook tells, unless the loop reports the release itself."""
        newest = next(iter(self._store.releases.page(ReleaseQuery(canary=heard.canary, limit=1))), None)
        if newest is None or not newest.under_way or self.is_silent(newest):
            newest = None
        if newest is not None and newest.teller is Teller.LOOP:
            return
        if newest is not None and heard.is_about(newest):
            # Not at every call: what nobody would notice need not be written.
            if heard.text or replace(_learn(newest, heard), heard_at=newest.heard_at) != newest:
                self._store.releases.change(heard.canary, newest.id, lambda last: last and _learn(last, heard))
        elif not heard.over and (heard.begins or heard.phase in _UNDER_WAY):
            self._begin_by_hook(heard)

    def _begin_by_hook(self, heard: Heard) -> None:
        release_id = f"{_BY_HOOKS}{heard.at * 1000:.0f}"
        plan = ReleasePlan(revision=heard.checksum)
        began = Release(heard.canary, release_id, heard.at, heard.at, Teller.HOOKS, plan)
        self._store.releases.change(heard.canary, release_id, lambda last: _learn(last or began, heard))
        # The loop may have begun in the same moment. Each looks for the other once its own is kept: one sees both.
        if any(one.teller is Teller.LOOP and not self.is_silent(one) for one in self._list_under_way(heard.canary)):
            self._store.releases.forget(heard.canary, release_id)
        else:
            self._end_others(heard.canary, release_id, heard.at)

    def find(self, canary: CanaryName, release_id: str) -> Release | None:
        """Give a release by its id."""
        return self._store.releases.find(canary, release_id)

    def page(self, query: ReleaseQuery) -> tuple[Release, ...]:
        """List the releases that a query is about: those under way first, then the newest."""
        return self._store.releases.page(query)

    def is_silent(self, release: Release) -> bool:
        """Tell whether a release that should be under way was not heard of for so long that it may be over."""
        return release.under_way and self._now() - release.heard_at > self._keeping.silence_s

    def _list_under_way(self, canary: CanaryName) -> list[Release]:
        return [one for one in self._store.releases.page(ReleaseQuery(canary=canary, limit=_MOST)) if one.under_way]

    def _end_others(self, canary: CanaryName, release_id: str, began_at: float) -> None:
        """End what is under way of a canary for the release that begins; what only hooks told of it is forgotten."""
        for old in self._list_under_way(canary):
            if old.id == release_id:
                continue
            if old.teller is Teller.HOOKS and not release_id.startswith(_BY_HOOKS):
                self._store.releases.forget(canary, old.id)
            elif old.began_at <= began_at:
                self._store.releases.change(canary, old.id, lambda last: last and _supersede(last, began_at))


def fold(release: Release, reports: Sequence[Report]) -> Release:
    """Give where a release stands after some reports, in whatever order they came."""
    decisions = [one for one in reports if one.kind is ReportKind.DECISION]
    release = replace(release, sequence=max([release.sequence, *(one.sequence for one in reports)]))
    last = max(decisions, key=lambda one: one.sequence, default=None)
    if last is not None and last.sequence > release.decided:
        release = replace(
            release,
            decided=last.sequence,
            phase=last.phase or release.phase,
            weight=last.weight,
            failed_checks=last.failed_checks,
            reason=last.text or release.reason,
        )
    ended = next((one for one in decisions if one.ending), None)
    if ended is not None:
        release = replace(release, ending=ended.ending, ended_at=ended.at, reason=ended.text or release.reason)
    return release


def _learn(release: Release, heard: Heard) -> Release:
    advanced = _ADVANCE.match(heard.text)
    told = replace(
        release,
        heard_at=max(release.heard_at, heard.at),
        plan=replace(release.plan, revision=release.plan.revision or heard.checksum),
        phase=heard.phase or release.phase,
        weight=min(int(advanced[1]), _WHOLE) if advanced else release.weight,
        reason=heard.text if heard.warning else release.reason,
    )
    if not heard.over:
        return told
    ending = _ENDINGS.get(heard.phase, Ending.UNKNOWN)
    return replace(told, ending=ending, ended_at=heard.at, reason=heard.text or told.reason)


def _supersede(release: Release, at: float) -> Release | None:
    if not release.under_way:
        return None
    return replace(release, ending=Ending.UNKNOWN, ended_at=at, reason=_SUPERSEDED)
