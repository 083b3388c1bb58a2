"""A release on paper, for tests: plans, a service whose faults are set, and every port in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from webhooks.protocol import HookType
from workflows import loop
from workflows.clocks import MemoryClock
from workflows.hooks.memory import MemoryHookCaller
from workflows.metrics.memory import MemoryCounter, MemoryMetrics
from workflows.notifiers.memory import MemoryEvents, MemoryNotifier
from workflows.ports import Clock, HookAnswer, Platform, TrafficRouter
from workflows.release import Release, TickRecord, advance, pace_of
from workflows.rollout.phase import Phase
from workflows.rollout.plan import (
    Alerting,
    Analysis,
    Check,
    Hook,
    Limits,
    Reference,
    RolloutPlan,
    Service,
    Strategy,
)
from workflows.rollout.samples import TrafficCounts
from workflows.rollout.state import RolloutState
from workflows.rollout.traffic import Arm
from workflows.routers.memory import MemoryRouter
from workflows.states.memory import MemoryStateStore
from workflows.workloads.memory import MemoryWorkload

INTERVAL = timedelta(seconds=10)
SUCCESS = Check("request-success-rate", Limits(minimum=95))
LATENCY = Check("request-duration", Limits(maximum=500))
PAGER = Alerting("pager", Reference("AlertProvider", "pager"))
YES = HookAnswer(passed=True, reason="")
BOUND = 400

Script = Mapping[str | HookType, Sequence[HookAnswer]]


def no(reason: str = "not yet") -> HookAnswer:
    return HookAnswer(passed=False, reason=reason)


def hook(hook_type: HookType, name: str = "") -> Hook:
    return Hook(name or f"ask-{hook_type.value}", "http://hooks.test/", hook_type)


def analysis(**settings: object) -> Analysis:
    """The story's analysis: steps of 20, three failed checks, success rate and p99."""
    story = Analysis(interval=INTERVAL, threshold=3, weights=(20, 40, 60, 80, 100), checks=(SUCCESS, LATENCY))
    return replace(story, **settings)  # type: ignore[arg-type] # a test names the fields it changes


def plan(of: Analysis | None = None, **settings: object) -> RolloutPlan:
    service, target = Service("ad", 3003), Reference("Deployment", "ad")
    story = RolloutPlan(
        "ad",
        "weather",
        target,
        service,
        of or analysis(),
        progress_deadline=timedelta(minutes=1),
        approval_deadline=timedelta(minutes=5),
    )
    return replace(story, **settings)  # type: ignore[arg-type] # a test names the fields it changes


def ab_test(iterations: int = 2, **settings: object) -> RolloutPlan:
    return plan(analysis(weights=(), iterations=iterations, **settings), strategy=Strategy.AB_TESTING)


def blue_green(iterations: int = 2, provider: str = "istio", **settings: object) -> RolloutPlan:
    # Nobody but the tests' own load meets an idle version: there is no user traffic to judge it by.
    settings = {"checks": (), **settings}
    return plan(
        analysis(weights=(), iterations=iterations, **settings), strategy=Strategy.BLUE_GREEN, provider=provider
    )


def asking(*types: HookType, of: Analysis | None = None, **settings: object) -> RolloutPlan:
    """The story's plan with one hook of each type."""
    return plan(replace(of or analysis(), hooks=tuple(map(hook, types))), **settings)


class FaultyTraffic:
    """Count requests, 100 a second, as the router splits them, failed and slow as it is told."""

    def __init__(self, clock: Clock, router: TrafficRouter) -> None:
        self._clock, self._read_route = clock, router.read
        self._seen = clock.now()
        self._counter = MemoryCounter()
        self.errors_percent = dict.fromkeys(Arm, 0)
        self.latency_ms = dict.fromkeys(Arm, 20.0)
        self.per_second = 100
        self.silent = False

    def read(self) -> TrafficCounts:
        now, route = self._clock.now(), self._read_route()
        flowed = 0 if self.silent else int((now - self._seen).total_seconds() * self.per_second)
        self._seen = now
        to_canary = flowed if route.mirrored else flowed * route.canary_percent // 100
        self._record(Arm.CANARY, to_canary)
        self._record(Arm.PRIMARY, flowed - flowed * route.canary_percent // 100)
        return self._counter.read()

    def _record(self, arm: Arm, requests: int) -> None:
        failed = requests * self.errors_percent[arm] // 100
        self._counter.record(arm, "5xx", requests=failed, latency_ms=self.latency_ms[arm])
        self._counter.record(arm, "2xx", requests=requests - failed, latency_ms=self.latency_ms[arm])


class Story:
    """One canary: v1 is the primary, and v2 was asked for unless `deploy` is empty."""

    def __init__(self, of: RolloutPlan | None = None, script: Script | None = None, deploy: str = "v2") -> None:
        chosen = of or plan()
        self.clock = MemoryClock()
        self.router = MemoryRouter()
        self.workload = MemoryWorkload(self.clock)
        self.traffic = FaultyTraffic(self.clock, self.router)
        self.metrics = MemoryMetrics()
        self.hooks = MemoryHookCaller(script or {})
        self.states = MemoryStateStore(chosen.key, self.clock)
        self.events, self.notifier = MemoryEvents(), MemoryNotifier()
        self.release = Release(self._platform(), chosen, "run-1")
        self.records: list[TickRecord] = []
        if deploy:
            loop.run(self.release)
            self.router.history.clear()
            self.events.emitted.clear()
            self.notifier.sent.clear()
            self.workload.deploy(deploy)

    def _platform(self) -> Platform:
        return Platform(
            clock=self.clock,
            router=self.router,
            workload=self.workload,
            counter=self.traffic,
            metrics=self.metrics,
            hooks=self.hooks,
            states=self.states,
            events=self.events,
            notifier=self.notifier,
        )

    @property
    def state(self) -> RolloutState:
        return self.release.state()

    @property
    def weights(self) -> list[int]:
        """The canary's shares, each once as long as it lasted."""
        shares = [route.canary_percent for route in self.router.history]
        return [share for index, share in enumerate(shares) if index == 0 or share != shares[index - 1]]

    @property
    def messages(self) -> list[str]:
        return self.events.messages

    @property
    def called(self) -> list[str]:
        """The types of the hooks that were called, in order."""
        return [call.hook.type.value for call in self.hooks.calls]

    @property
    def alerts(self) -> list[tuple[str, str]]:
        return [(severity.name, message) for message, severity, _ in self.notifier.sent]

    def change(self, **settings: object) -> None:
        """Change the plan under way."""
        changed = replace(self.release.plan, **settings)  # type: ignore[arg-type] # a test names the fields
        self.release = replace(self.release, plan=changed)

    def plug(self, **ports: object) -> None:
        """Put other adapters in the place of these ports."""
        platform = replace(self.release.platform, **ports)  # type: ignore[arg-type] # a test names the ports
        self.release = replace(self.release, platform=platform)

    def tick(self, times: int = 1) -> TickRecord:
        for _ in range(times):
            record = advance(self.release)
            self.records.append(record)
            self.clock.sleep(pace_of(record.decision, self.release.plan.analysis.interval))
        return self.records[-1]

    def until(self, reached: Phase | Callable[[RolloutState], bool]) -> RolloutState:
        """Tick until a phase, or a claim about the state, is reached."""
        for _ in range(BOUND):
            state = self.state
            if state.phase is reached if isinstance(reached, Phase) else reached(state):
                return state
            self.tick()
        raise AssertionError(f"not reached within {BOUND} ticks: {reached}; {self.state}; {self.messages[-5:]}")

    def at_weight(self, percent: int) -> "Story":
        """Tick until the canary has this share."""
        self.until(lambda state: state.weight == percent)
        return self

    def run(self) -> RolloutState:
        """Run to the end; one that has none fails."""
        return loop.run(self.release, self._count)

    def _count(self, record: TickRecord) -> None:
        self.records.append(record)
        if len(self.records) > BOUND:
            raise AssertionError(f"no end within {BOUND} ticks: {self.state}; {self.messages[-5:]}")
