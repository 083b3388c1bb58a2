"""Watch a release that somebody else drives, and say what we would have done; nothing is written anywhere.

The rule to keep: only the ports that read are called: the router, the counters and the queries.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from workflows.errors import TemporaryError
from workflows.foresight.jurors import Opinion, Sighting, summon
from workflows.ports import Platform
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.samples import Measurement, TrafficCounts
from workflows.rollout.traffic import Route

_LOOK_EVERY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Remark:
    """Say what we made of one window of the release that was watched."""

    at: datetime
    route: Route
    window: TrafficCounts
    opinion: Opinion


@dataclass(frozen=True, slots=True)
class Shadow:
    """Hold all that was remarked, in order; empty when no canary got traffic in time."""

    remarks: tuple[Remark, ...]

    @property
    def objection(self) -> Remark | None:
        """Give the first remark by which we would have stopped the release."""
        return next((remark for remark in self.remarks if remark.opinion.stops), None)


def follow(platform: Platform, plan: RolloutPlan, patience: timedelta, say: Callable[[Remark], None]) -> Shadow:
    """Watch the next release, or the one under way, until its canary has no traffic any more.

    Waits as long as `patience` for a canary to get traffic, and as long again for the release to end.
    """
    remarks = []
    for remark in _watch(platform, plan, patience):
        say(remark)
        remarks.append(remark)
    return Shadow(tuple(remarks))


def _watch(platform: Platform, plan: RolloutPlan, patience: timedelta) -> Iterator[Remark]:
    clock = platform.clock
    if not _await_traffic(platform, clock.now() + patience):
        return
    juror, before, deadline = summon(plan), _read(platform), clock.now() + patience
    route = _read_route(platform)
    while clock.now() < deadline:
        clock.sleep(plan.analysis.interval)
        earlier, route = route, _read_route(platform)
        if route is not None and not _tries(route):
            return
        now = _read(platform)
        if earlier is None or now is None or before is None:
            # What nobody could see is not judged; the next window is the longer for it.
            before = before or now
            continue
        seen = Sighting(clock.now(), earlier, now.since(before), _measure(platform, plan))
        before = now
        yield Remark(seen.at, seen.route, seen.window, juror(seen))


def _await_traffic(platform: Platform, deadline: datetime) -> bool:
    while platform.clock.now() < deadline:
        route = _read_route(platform)
        if route is not None and _tries(route):
            return True
        platform.clock.sleep(_LOOK_EVERY)
    return False


def _tries(route: Route) -> bool:
    return route.canary_percent > 0 or route.mirrored


def _read_route(platform: Platform) -> Route | None:
    try:
        return platform.router.read()
    except TemporaryError:
        return None


def _read(platform: Platform) -> TrafficCounts | None:
    try:
        return platform.counter.read()
    except TemporaryError:
        return None


def _measure(platform: Platform, plan: RolloutPlan) -> dict[str, Measurement]:
    return {check.name: platform.metrics.measure(check, plan) for check in plan.analysis.checks if not check.built_in}
