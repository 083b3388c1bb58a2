"""Perform one release of the demo: run the loop, show it live, act as the person at the gate, and report.

Nothing here helps the release along but the one approval that the story has: everything else is the loop's own doing.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta

from webhooks.protocol import HookType
from workflows import loop
from workflows.errors import TemporaryError
from workflows.journal.writer import Journal
from workflows.local.hookservice import HookService
from workflows.local.sampler import Sampler
from workflows.local.story import Scene
from workflows.ports import Platform
from workflows.process import owner
from workflows.records import TickRecord
from workflows.release import Release
from workflows.reports.live import LiveView
from workflows.reports.recorder import Recorder, UserCounts
from workflows.reports.release import ReleaseReport, TimelinePoint
from workflows.reports.reporter import Reporter, telling
from workflows.reports.snapshot import ArmHealth, ReleaseProgress, Snapshot
from workflows.rollout.phase import Phase
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.state import Event, RolloutState


@dataclass(frozen=True, slots=True)
class ViewEvents:
    """Show a release's events in the live view."""

    view: LiveView

    def emit(self, plan: RolloutPlan, event: Event, at: datetime) -> None:
        """Show one event."""
        _ = plan
        self.view.event(at, event.message, warning=event.warning)


@dataclass(frozen=True, slots=True)
class Troupe:
    """Hold what all releases of the demo share; `users` counts the users' requests since the demo began.

    `journal` opens the journal of one release, `reporter` who shows it on the pages, None where nobody does. A gate is
    approved when nobody else did so for `patience`.
    """

    platform: Platform
    plan: RolloutPlan
    service: HookService
    users: Callable[[], UserCounts]
    view: LiveView
    scenes: Sequence[Scene]
    journal: Callable[[Scene], Journal]
    reporter: Callable[[Scene], Reporter | None] = lambda _: None
    patience: timedelta = timedelta()


class Performance:
    """Perform one scene."""

    def __init__(self, troupe: Troupe, scene: Scene, before: Sequence[ReleaseReport] = ()) -> None:
        self._troupe = troupe
        self._scene = scene
        self._done = tuple(ReleaseProgress(report.name, 1.0, report.outcome) for report in before)
        self._recorder = Recorder(troupe.plan, scene.name)
        self._before = troupe.users()
        self._began = troupe.platform.clock.now()
        self._state = RolloutState()
        self._reporter = troupe.reporter(scene)
        self._hooks = {hook.name: "" for hook in troupe.plan.analysis.hooks}

    def perform(self) -> ReleaseReport:
        """Run the release to its end and tell how it went; whatever interrupts it leaves the traffic at home."""
        platform = self._troupe.platform
        journal = self._troupe.journal(self._scene)
        release = Release(platform, self._troupe.plan, owner(), keep=journal.keep)
        reported = telling(self._reporter, release, journal.path) if self._reporter else nullcontext(release)
        with reported as told, Sampler(platform, self._users, self._show) as sampler:
            try:
                self._state = state = loop.run(told, self._watch)
            finally:
                journal.close(release.state)
            # What a release leaves behind is its doing too: users are counted for one more interval.
            platform.clock.sleep(self._troupe.plan.analysis.interval)
        return self._recorder.report(state, sampler.timeline, self._users())

    def _users(self) -> UserCounts:
        now = self._troupe.users()
        return UserCounts(now.requests - self._before.requests, now.failures - self._before.failures)

    def _watch(self, record: TickRecord) -> None:
        self._recorder.watch(record)
        self._state = record.decision.state
        self._follow_hooks(record)
        if self._waits_for_somebody(record):
            self._approve()

    def _waits_for_somebody(self, record: TickRecord) -> bool:
        state = record.decision.state
        if state.phase is not Phase.WAITING_PROMOTION:
            return False
        return record.at - (state.held_since or state.phase_since or record.at) >= self._troupe.patience

    def _approve(self) -> None:
        plan, platform = self._troupe.plan, self._troupe.platform
        for hook in plan.analysis.hooks_of(HookType.CONFIRM_PROMOTION):
            gate, canary = hook.metadata.get("gate", hook.type.value), f"{plan.namespace}/{plan.name}"
            if self._troupe.patience and self._troupe.service.is_halted(canary, gate):
                continue
            try:
                self._troupe.service.approve(canary, gate, "the canary passed every check")
            except TemporaryError as error:
                self._troupe.view.event(platform.clock.now(), f"gate {gate} was not approved: {error}", warning=True)
                continue
            self._troupe.view.event(platform.clock.now(), f"gate {gate} approved by the demo, as a person would")

    def _follow_hooks(self, record: TickRecord) -> None:
        texts = [record.decision.reason, *(event.message for event in record.decision.events)]
        for hook in self._troupe.plan.analysis.hooks:
            said = [text for text in texts if f" {hook.name}" in text]
            if said:
                self._hooks[hook.name] = _sum_up(said[-1])
            elif hook.type is HookType.ROLLOUT and record.decision.checks:
                self._hooks[hook.name] = "passed"

    def _show(self, point: TimelinePoint) -> None:
        if self._reporter:
            self._reporter.sample(point)
        state = self._state
        self._troupe.view.show(
            Snapshot(
                at=point.at,
                release=self._scene.name,
                phase=state.phase,
                canary_percent=point.canary_percent,
                primary=ArmHealth(point.primary_success_percent, point.primary_p99_ms),
                canary=ArmHealth(point.canary_success_percent, point.canary_p99_ms),
                failed_checks=state.failed_checks,
                threshold=self._troupe.plan.analysis.threshold,
                user_requests=point.user_requests,
                user_failures=point.user_failures,
                hooks=tuple((name, said) for name, said in self._hooks.items() if said),
                releases=self._progress(),
                elapsed=point.at - self._began,
            )
        )

    def _progress(self) -> tuple[ReleaseProgress, ...]:
        now = ReleaseProgress(self._scene.name, min(1.0, len(self._recorder.weights) / len(self._scene.weights)))
        later = self._troupe.scenes[len(self._done) + 1 :]
        return (*self._done, now, *(ReleaseProgress(scene.name) for scene in later))


def _sum_up(message: str) -> str:
    words = ("waiting", "passed", "failed")
    return next((word for word in words if word in message), "called")
