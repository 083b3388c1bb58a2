"""A whole release in one process: its end, its exit code, and what happens to it when it is stopped."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.rollout_story import YES, Story, analysis, asking, no, plan
from webhooks.protocol import HookPayload, HookType
from workflows import loop
from workflows.clocks import SystemClock
from workflows.custody import keeping
from workflows.errors import ConfigurationError, ExitCode, FencedError, TemporaryError, UnavailableError
from workflows.ports import HookAnswer, Lease
from workflows.release import LEASE, Release, TickRecord
from workflows.rollout.phase import Phase
from workflows.rollout.plan import Check, Hook, Limits
from workflows.rollout.samples import Measurement
from workflows.rollout.state import Cause, RolloutState
from workflows.rollout.traffic import Arm, Route
from workflows.states.memory import MemoryStateStore

QUEUE = Check("queue", Limits(maximum=10), query="queue_length")
CODES = {
    None: 0,
    Cause.PROMOTED: 0,
    Cause.CHECKS: 10,
    Cause.EVIDENCE: 10,
    Cause.HOOK: 10,
    Cause.ABORTED: 10,
    Cause.NO_DATA: 11,
    Cause.REFUSED: 12,
    Cause.NOT_READY: 13,
    Cause.PRIMARY_NOT_READY: 13,
}


@pytest.mark.parametrize("cause", [None, *Cause])
def test_every_end_has_its_exit_code(cause: Cause | None) -> None:
    assert loop.exit_code(RolloutState(Phase.FAILED, cause=cause)) == ExitCode(CODES[cause])


def test_a_run_with_nothing_to_release_ends_at_once() -> None:
    story = Story(deploy="")
    story.run()

    state = story.run()

    assert (state.phase, loop.exit_code(state)) == (Phase.INITIALIZED, ExitCode.PROMOTED)


def test_a_run_gives_its_release_up_at_the_end() -> None:
    story = Story()
    story.run()

    assert story.states.acquire("run-2", LEASE).owner == "run-2"


def test_another_owner_is_not_disturbed() -> None:
    story = Story()
    story.states.acquire("run-2", LEASE)

    with pytest.raises(FencedError, match="held by run-2"):
        story.run()

    assert (story.router.history, story.messages) == ([], [])


def test_a_run_that_was_fenced_touches_nothing_more() -> None:
    story = Story().at_weight(40)

    def lose(_: TickRecord) -> None:
        story.clock.sleep(LEASE)
        story.states.acquire("run-2", LEASE)

    with pytest.raises(FencedError):
        loop.run(story.release, lose)

    assert (story.router.read(), story.state.phase) == (Route(60), Phase.PROGRESSING)
    assert story.states.acquire("run-2", LEASE).fence == 3


def interrupted_when(story: Story, phase: Phase) -> Release:
    """Press Ctrl+C in the first wait of a phase."""
    sleep = story.clock.sleep
    pressed: list[Phase] = []

    def press(duration: timedelta) -> None:
        if story.state.phase is phase and not pressed:
            pressed.append(phase)
            raise KeyboardInterrupt("SIGINT")
        sleep(duration)

    story.clock.sleep = press  # type: ignore[method-assign] # a signal comes while the clock is waited for
    return story.release


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.PROGRESSING, Phase.WAITING_PROMOTION])
def test_a_stopped_run_sends_the_traffic_home_first(phase: Phase) -> None:
    asked = asking(HookType.CONFIRM_ROLLOUT, HookType.CONFIRM_PROMOTION)
    story = Story(asked, {HookType.CONFIRM_ROLLOUT: [no(), YES], HookType.CONFIRM_PROMOTION: [no(), YES]})

    with pytest.raises(KeyboardInterrupt):
        loop.run(interrupted_when(story, phase))

    assert (story.state.phase, story.state.cause, story.router.read()) == (Phase.FAILED, Cause.ABORTED, Route())
    assert story.state.reason == "the run was stopped: SIGINT"
    assert not story.workload.readiness(Arm.CANARY).serving


@pytest.mark.parametrize("phase", [Phase.PROMOTING, Phase.FINALISING])
def test_a_run_stopped_after_the_promotion_completes_it(phase: Phase) -> None:
    story = Story(plan(analysis(weights=(50,), promotion_step=1)))

    with pytest.raises(KeyboardInterrupt):
        loop.run(interrupted_when(story, phase))

    assert (story.state.phase, story.state.cause, story.router.read()) == (Phase.SUCCEEDED, Cause.PROMOTED, Route())


def test_a_run_stopped_while_the_promoted_primary_is_down_leaves_the_users_with_the_canary() -> None:
    story = Story()
    story.until(Phase.PROMOTING)
    story.workload.stall(Arm.PRIMARY, "crash loop")

    with pytest.raises(KeyboardInterrupt):
        loop.run(interrupted_when(story, Phase.PROMOTING))

    assert (story.state.phase, story.router.read()) == (Phase.FAILED, Route(100))


def test_a_run_stopped_before_it_began_leaves_everything_as_it_is() -> None:
    story = Story(deploy="")

    with pytest.raises(KeyboardInterrupt):
        loop.run(interrupted_when(story, Phase.INITIALIZING))

    assert story.state.phase is Phase.INITIALIZING


@pytest.mark.parametrize("hook_type", [each for each in HookType if each is not HookType.CONFIRM_ROLLOUT])
def test_a_run_stopped_within_a_hook_ends_safe(hook_type: HookType) -> None:
    story = Story(asking(hook_type))

    class Interrupted:
        def call(self, *_: object) -> HookAnswer:
            raise KeyboardInterrupt

    story.plug(hooks=Interrupted())
    with pytest.raises(KeyboardInterrupt):
        loop.run(story.release)

    assert (story.state.under_way, story.router.read()) == (False, Route())


def test_an_error_of_the_loop_itself_sends_the_traffic_home() -> None:
    story = Story().at_weight(40)

    class Broken:
        def measure(self, *_: object) -> float:
            return 1 / 0

    story.change(analysis=analysis(checks=(QUEUE,)))
    story.plug(metrics=Broken())
    with pytest.raises(ZeroDivisionError):
        loop.run(story.release)

    assert (story.state.phase, story.router.read()) == (Phase.FAILED, Route())


def test_what_the_user_must_mend_sends_the_traffic_home() -> None:
    story = Story(plan(analysis(checks=(QUEUE,))))

    class Unknown:
        def measure(self, *_: object) -> None:
            raise ConfigurationError("queue: no such template")

    story.plug(metrics=Unknown())
    with pytest.raises(ConfigurationError, match="no such template"):
        story.run()

    assert (story.weights, story.state.cause) == ([0, 20, 0], Cause.ABORTED)


PORTS = [
    ("router", "read"),
    ("router", "shift"),
    ("workload", "revision"),
    ("workload", "readiness"),
    ("workload", "scale"),
    ("workload", "promote"),
    ("states", "load"),
    ("states", "save"),
]


def fail(story: Story, port: str, method: str, when: Callable[[int], bool]) -> None:
    """Make a port's method fail at the calls that `when` picks."""
    original, calls = getattr(getattr(story, port), method), [0]

    def troubled(*args: object, **options: object) -> object:
        calls[0] += 1
        if when(calls[0]):
            raise UnavailableError(f"{port}: connection refused")
        return original(*args, **options)

    setattr(getattr(story, port), method, troubled)


@pytest.mark.parametrize(("port", "method"), [*PORTS, ("states", "acquire")])
def test_passing_trouble_of_a_port_is_borne(port: str, method: str) -> None:
    story = Story()
    fail(story, port, method, lambda call: call in {2, 5, 8})

    state = story.run()

    assert (state.phase, state.cause, story.router.read()) == (Phase.SUCCEEDED, Cause.PROMOTED, Route())
    assert not story.workload.readiness(Arm.CANARY).serving


@pytest.mark.parametrize(("port", "method"), PORTS)
def test_lasting_trouble_of_a_port_is_given_up_after_the_progress_deadline(port: str, method: str) -> None:
    story = Story().at_weight(40)
    began = story.clock.now()
    fail(story, port, method, lambda _: True)

    with pytest.raises(TemporaryError, match="connection refused"):
        story.run()

    waited = story.clock.now() - began
    assert story.release.plan.progress_deadline < waited < story.release.plan.progress_deadline + timedelta(minutes=2)


@pytest.mark.parametrize(("port", "method"), [("workload", "promote"), ("workload", "scale")])
def test_traffic_goes_home_where_only_the_workload_is_in_trouble(port: str, method: str) -> None:
    story = Story().at_weight(40)
    fail(story, port, method, lambda _: True)

    with pytest.raises(TemporaryError):
        story.run()

    assert story.router.read() == Route()


def test_trouble_while_finishing_a_promotion_still_sends_the_traffic_home() -> None:
    story = Story()
    story.until(Phase.FINALISING)
    story.router.shift(Route(30))
    fail(story, "workload", "scale", lambda _: True)

    with pytest.raises(TemporaryError):
        loop.run(interrupted_when(story, Phase.FINALISING))

    assert story.router.read() == Route()


def test_counters_that_cannot_be_read_are_no_data() -> None:
    story = Story().at_weight(20)
    fail(story, "traffic", "read", lambda _: True)

    state = story.run()

    assert (state.cause, loop.exit_code(state)) == (Cause.NO_DATA, ExitCode.INCONCLUSIVE)
    assert "no values found for metric request-success-rate: traffic: connection refused" in state.reason


def test_a_window_whose_beginning_was_not_read_is_no_data_and_not_all_data() -> None:
    story = Story().at_weight(20)
    story.traffic.errors_percent[Arm.CANARY] = 100
    fail(story, "traffic", "read", lambda call: call == 2)
    story.tick()
    story.traffic.errors_percent[Arm.CANARY] = 0

    record = story.tick()

    assert (record.window.canary.total, record.decision.state.inconclusive_checks) == (0, 1)
    assert "the counters were not read when the step began" in record.decision.events[0].message


def test_a_counter_that_starts_again_is_read_from_nothing() -> None:
    story = Story().at_weight(80)
    story.traffic._counter.reset()

    assert story.tick().window.canary.total == 800


def test_queries_are_asked_beside_the_built_in_checks() -> None:
    story = Story(plan(analysis(checks=(*analysis().checks, QUEUE))))
    story.metrics.answer("queue", [Measurement(5.0)])

    state = story.run()

    assert (state.cause, len(story.metrics.asked)) == (Cause.PROMOTED, 5)


class SlowHooks:
    """Answer after a while, as a long test suite does."""

    def __init__(self, seconds: float, during: Callable[[], object]) -> None:
        self.seconds, self.during = seconds, during

    def call(self, _: Hook, __: HookPayload) -> HookAnswer:
        threading.Event().wait(self.seconds)
        self.during()
        return no("too late")


def test_the_lease_is_kept_while_a_hook_is_slow() -> None:
    story, clock, refused = Story(asking(HookType.PRE_ROLLOUT)), SystemClock(), []
    story.tick()
    states = MemoryStateStore("ad.weather", clock)
    states.save(story.state, states.acquire("run-1", timedelta(seconds=0.3)))

    def intrude() -> None:
        with pytest.raises(FencedError):
            states.acquire("run-2", LEASE)
        refused.append(True)
        raise KeyboardInterrupt

    platform = replace(story.release.platform, states=states, hooks=SlowHooks(0.6, intrude))
    with pytest.raises(KeyboardInterrupt):
        loop.run(replace(story.release, platform=platform, lease=timedelta(seconds=0.3)))

    assert refused == [True]


class Rented(MemoryStateStore):
    """Refuse to renew as it is told, and tell when it was asked."""

    answers: tuple[type[Exception] | None, ...] = ()

    def __init__(self) -> None:
        super().__init__("ad.weather", SystemClock())
        self.renewals = 0
        self.enough = threading.Event()

    def acquire(self, owner: str, duration: timedelta) -> Lease:
        if threading.current_thread().name != "lease":
            return super().acquire(owner, duration)
        answer = self.answers[min(self.renewals, len(self.answers) - 1)]
        self.renewals += 1
        if self.renewals >= len(self.answers):
            self.enough.set()
        if answer:
            raise answer("no")
        return super().acquire(owner, duration)


@pytest.mark.parametrize(
    ("answers", "renewals"), [((UnavailableError, None, None), 3), ((FencedError,), 1)], ids=["trouble", "fenced"]
)
def test_a_lease_is_renewed_through_trouble_until_it_is_lost(
    answers: tuple[type[Exception] | None, ...], renewals: int
) -> None:
    story, states = Story(), Rented()
    states.answers = answers
    platform = replace(story.release.platform, states=states)

    with keeping(replace(story.release, platform=platform, lease=timedelta(seconds=0.06))):
        assert states.enough.wait(10)

    assert states.renewals >= renewals


def test_a_lease_is_renewed_through_trouble_that_a_person_would_have_to_mend() -> None:
    story, troubles = Story(), iter([True])
    acquire, renewed = story.states.acquire, threading.Event()

    def stumble(owner: str, duration: timedelta, **more: bool) -> Lease:
        if threading.current_thread().name == "lease":
            if next(troubles, False):
                raise ConfigurationError("the token is not accepted")
            renewed.set()
        return acquire(owner, duration, **more)

    story.states.acquire = stumble  # type: ignore[method-assign] # the store stumbles once
    with keeping(replace(story.release, lease=timedelta(milliseconds=60))):
        assert renewed.wait(10)
