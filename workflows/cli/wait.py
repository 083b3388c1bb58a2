"""Run `penstock wait`: wait until what a canary's target asks for now is released, whoever drives it.

The outcome must be one of the revision that was there at the start. Where we drive, our record names the revision;
where Flagger drives, whose hash cannot be computed from outside, it must be younger than the target's pod template.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from workflows import loop, wiring
from workflows.canary import durations
from workflows.canary.templates import DEFAULT_NAMESPACE
from workflows.cli.subject import KUBERNETES, add_cluster_options, connect, read_name, read_object
from workflows.cluster import outcomes
from workflows.cluster.client import Cluster
from workflows.cluster.guard import driven_by_flagger
from workflows.cluster.kinds import CANARY, Manifest
from workflows.cluster.outcomes import Result
from workflows.cluster.targets import kind_of
from workflows.errors import ConfigurationError, ExitCode, PenstockError, TemporaryError
from workflows.output import add_output_option, show
from workflows.ports import Platform
from workflows.progress import waiting
from workflows.rollout.phase import Phase
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.state import RolloutState
from workflows.states.place import Place

LOOK_EVERY = timedelta(seconds=1)
"""How often is looked where changes cannot be watched."""

_WATCH_FOR = timedelta(seconds=5)

_CODES = {Result.PROMOTED: ExitCode.PROMOTED, Result.FAILED: ExitCode.ROLLED_BACK}
_RELEASED = frozenset({Phase.INITIALIZED, Phase.SUCCEEDED})


@dataclass(frozen=True, slots=True)
class _End:
    code: ExitCode
    reason: str


@dataclass(frozen=True, slots=True)
class _Vigil:
    """Watch one canary for the end of one revision."""

    cluster: Cluster
    plan: RolloutPlan
    platform: Platform
    revision: str
    begun: datetime

    def look(self) -> tuple[str, _End | None]:
        """Give what the canary's status says, and the end of its release once there is one."""
        canary = self.cluster.get(CANARY, self.plan.namespace, self.plan.name)
        if canary is None:
            raise ConfigurationError(f"{self.plan.key}: the Canary was deleted")
        return outcomes.summarise(canary), self._conclude(canary)

    def rest(self, at_most: timedelta) -> None:
        """Wait until the Canary changes; what cannot be watched is looked at again soon."""
        clock = self.platform.clock
        began = clock.now()
        with suppress(PenstockError):
            watched = self.cluster.watch(CANARY, self.plan.namespace, self.plan.name, at_most.total_seconds())
            # The first is the Canary as it is; what else changes, as the target, is seen when the watch is over.
            next(watched, None)
            if next(watched, None):
                return
        clock.sleep(max(timedelta(), min(LOOK_EVERY, at_most) - (clock.now() - began)))

    def _conclude(self, canary: Manifest) -> _End | None:
        current = self.platform.workload.revision()
        end = self._judge_status(canary) if driven_by_flagger(canary) else self._judge_state(current)
        if end is None and current != self.revision:
            return _End(ExitCode.FAILED, f"revision {self.revision} was replaced by {current} before it was released")
        return end

    def _judge_state(self, current: str) -> _End | None:
        state = self.platform.states.load() or RolloutState()
        if state.phase in _RELEASED and state.promoted_revision == self.revision:
            return _End(ExitCode.PROMOTED, f"the primary runs revision {self.revision}")
        if state.phase is Phase.FAILED and state.revision == self.revision == current:
            return _End(loop.exit_code(state), state.reason)
        return None

    def _judge_status(self, canary: Manifest) -> _End | None:
        target = self.cluster.get(kind_of(self.plan), self.plan.namespace, self.plan.target.name) or {}
        result = outcomes.judge(canary, outcomes.find_change(target) or self.begun)
        return _End(_CODES[result], outcomes.explain(canary)) if result else None


def main(argv: Sequence[str]) -> int:
    """Wait for the end of the release and tell by the exit code how it went."""
    arguments = make_parser().parse_args(list(argv))
    place = Place(arguments.namespace or DEFAULT_NAMESPACE, read_name(arguments.canary))
    timeout, cluster = _read_timeout(arguments.timeout), connect(arguments)
    plan, text = read_object(cluster, place)
    platform = wiring.build(KUBERNETES, plan, wiring.Wishes(cluster=cluster, source=text))
    vigil = _Vigil(cluster, plan, platform, platform.workload.revision(), platform.clock.now())
    with waiting(f"waiting for {place} at most {timeout}"):
        end = _wait(vigil, timeout)
    document = {
        "canary": plan.key,
        "revision": vigil.revision,
        "outcome": end.code.name.lower(),
        "reason": end.reason,
        "exit_code": end.code.value,
    }
    show(arguments.output, document, lambda: f"{place}: {end.reason}\n")
    return end.code


def _wait(vigil: _Vigil, timeout: timedelta) -> _End:
    clock, last = vigil.platform.clock, ""
    deadline = clock.now() + timeout
    while True:
        try:
            line, end = vigil.look()
        except TemporaryError as error:
            line, end = str(error), None
        if line != last:
            sys.stderr.write(f"{clock.now():%H:%M:%S} {line}\n")
            last = line
        left = deadline - clock.now()
        if end or left <= timedelta():
            return end or _End(ExitCode.TEMPORARY, f"not released within {timeout}; {last}")
        vigil.rest(min(_WATCH_FOR, left))


def _read_timeout(text: str) -> timedelta:
    try:
        return durations.parse(text)
    except durations.DurationError as error:
        raise ConfigurationError(f"--timeout: {text!r} {error}") from error


def make_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser("penstock wait", description=main.__doc__)
    parser.add_argument("canary", metavar="CANARY", help="canary/NAME")
    add_cluster_options(parser)
    parser.add_argument("--for", choices=["promoted"], default="promoted", help="what is waited for (promoted)")
    parser.add_argument("--timeout", default="30m", metavar="30m", help="how long to wait (30m)")
    add_output_option(parser)
    return parser
