"""What holds in every release: random plans in random weather, tick by tick, with crashes in between."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rollout_story import INTERVAL, SUCCESS, hook, plan
from webhooks.protocol import HookType
from workflows.release import pace_of
from workflows.rollout import machine
from workflows.rollout.decision import (
    Answer,
    CallHooks,
    CountTraffic,
    Decision,
    Pace,
    Promote,
    Question,
    Scale,
    Shift,
    Tick,
)
from workflows.rollout.phase import ANALYSED, Phase
from workflows.rollout.plan import Analysis, Judge, NoDataPolicy, RolloutPlan, SessionAffinity, Strategy
from workflows.rollout.samples import ArmCounts, TrafficCounts
from workflows.rollout.state import Cause, CheckResult, HookRound, RolloutState, Verdict, World
from workflows.rollout.tick import deliberate
from workflows.rollout.traffic import Arm, Readiness, Route

READY = Readiness(ready=True, endpoints=2)
WEAK = Readiness(ready=False, endpoints=1, reason="1 of 2")
DEAD = Readiness(ready=False, endpoints=0, reason="0 of 2")
LOST = replace(DEAD, unready_for=timedelta(hours=1))
RESTING = {Phase.SUCCEEDED, Phase.FAILED}
KEPT = ("nothing", "doom")


@dataclass(frozen=True)
class Weather:
    """What one tick meets; `kept` is what of its decision survives: all of it, nothing, or what is saved first."""

    primary: Readiness = READY
    canary: Readiness = READY
    revision: str = "v2"
    yes: frozenset[HookType] = frozenset(HookType) - {HookType.ROLLBACK}
    verdict: Verdict = Verdict.PASSED
    counts: TrafficCounts = field(default_factory=TrafficCounts)
    meddled: Route | None = None
    kept: str = "all"
    passes: timedelta = timedelta()


@dataclass
class Sky:
    """A platform that does what it is told, in whatever weather."""

    plan: RolloutPlan
    state: RolloutState = field(default_factory=RolloutState)
    route: Route = field(default_factory=Route)
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def tick(self, weather: Weather) -> tuple[Tick, Decision]:
        self.now += weather.passes
        self.route = weather.meddled or self.route
        tick = Tick(self.plan, self.state, self.look(weather))
        decision = decide(tick, weather)
        if decision.ended and decision.state.phase is Phase.FAILED and weather.kept != "nothing":
            self.state = machine.condemn(self.state, decision.state, self.now)
        if weather.kept != "doom":
            for route in shifts(decision):
                self.route = route
        if weather.kept == "all":
            self.state = decision.state
        self.now += pace_of(decision, INTERVAL)
        return tick, decision

    def look(self, weather: Weather) -> World:
        return World(self.now, weather.revision, weather.primary, weather.canary, self.route)


def decide(tick: Tick, weather: Weather) -> Decision:
    deliberation = deliberate(tick)
    try:
        question = next(deliberation)
        while True:
            question = deliberation.send(answer(question, weather))
    except StopIteration as decided:
        decision: Decision = decided.value
        return decision


def answer(question: Question, weather: Weather) -> Answer:
    if isinstance(question, CallHooks):
        return HookRound(passed=question.type in weather.yes, hook="ask", reason="said so")
    if isinstance(question, CountTraffic):
        return weather.counts
    return (CheckResult(SUCCESS.name, weather.verdict, None, "", weather.verdict.value),)


def shifts(decision: Decision) -> Iterator[Route]:
    return (action.route for action in decision.actions if isinstance(action, Shift))


percents = st.integers(1, 100)
ladders = st.sets(percents, min_size=1, max_size=4).map(sorted).map(tuple)
hooks = st.sets(st.sampled_from([each for each in HookType if each is not HookType.EVENT])).map(
    lambda types: tuple(map(hook, types))
)
analyses = st.builds(
    Analysis,
    interval=st.just(INTERVAL),
    threshold=st.integers(1, 4),
    weights=ladders,
    iterations=st.integers(1, 3),
    promotion_step=st.just(0) | percents,
    mirror_percent=st.sampled_from([0, 100]),
    affinity=st.sampled_from([None, SessionAffinity("canary")]),
    checks=st.sampled_from([(), (SUCCESS,)]),
    hooks=hooks,
)
plans = st.builds(
    plan,
    analyses,
    strategy=st.sampled_from(Strategy),
    provider=st.sampled_from(["istio", "kubernetes"]),
    no_data=st.sampled_from(NoDataPolicy),
    judge=st.sampled_from(Judge),
    skip_analysis=st.sampled_from([False, False, False, True]),
)
YES = Weather().yes


def mostly(usual: object, *others: object) -> st.SearchStrategy:
    """Draw the usual thing nine times of ten, so that releases get far."""
    return st.sampled_from([usual] * 9 * len(others) + list(others))


def counted(requests: int, errors: int) -> TrafficCounts:
    usual = ArmCounts({"2xx": 400})
    return TrafficCounts(usual, ArmCounts({"2xx": requests - errors, "5xx": errors}))


arms = mostly(READY, WEAK, DEAD, LOST)
weathers = st.builds(
    Weather,
    primary=arms,
    canary=arms,
    revision=mostly("v2", "v3", "v1"),
    yes=mostly(YES, YES - {HookType.CONFIRM_PROMOTION}, YES - {HookType.CONFIRM_ROLLOUT}, frozenset(HookType))
    | st.frozensets(st.sampled_from(HookType)),
    verdict=mostly(Verdict.PASSED, Verdict.FAILED, Verdict.INCONCLUSIVE),
    counts=mostly(counted(100, 0), counted(100, 30), counted(0, 0)),
    meddled=mostly(None, Route(), Route(30), Route(100), Route(20, mirrored=True)),
    kept=mostly("all", *KEPT),
    passes=mostly(timedelta(), timedelta(minutes=2), timedelta(minutes=6)),
)
BEGUN = RolloutState(Phase.INITIALIZED, revision="v1", promoted_revision="v1")
story = given(plans, st.lists(weathers, min_size=1, max_size=40))
many = settings(max_examples=150)


def ticks(of: RolloutPlan, weather: list[Weather]) -> Iterator[tuple[Tick, Decision]]:
    sky = Sky(of, BEGUN)
    return (sky.tick(each) for each in weather)


@many
@story
def test_traffic_is_never_sent_to_an_arm_that_cannot_serve_it(of: RolloutPlan, weather: list[Weather]) -> None:
    for tick, decision in ticks(of, weather):
        for route in shifts(decision):
            assert tick.world.primary.serving or route.primary_percent == 0
            assert tick.world.canary.serving or (route.canary_percent == 0 and not route.mirrored)


@many
@story
def test_a_canary_is_scaled_down_only_when_it_has_no_traffic(of: RolloutPlan, weather: list[Weather]) -> None:
    for tick, decision in ticks(of, weather):
        route = tick.world.route
        for action in decision.actions:
            route = action.route if isinstance(action, Shift) else route
            assert not (isinstance(action, Scale) and action.arm is Arm.CANARY and not action.up) or (
                route.canary_percent == 0
            )


@many
@story
def test_the_weight_of_an_analysis_only_rises_until_it_falls_to_0(of: RolloutPlan, weather: list[Weather]) -> None:
    for tick, decision in ticks(of, weather):
        if {tick.state.phase, decision.state.phase} <= ANALYSED:
            assert decision.state.weight == 0 or decision.state.weight >= tick.state.weight


@many
@story
def test_a_weight_is_always_a_step_of_the_plan(of: RolloutPlan, weather: list[Weather]) -> None:
    low = {1, 5} if of.judge is not Judge.THRESHOLD else set()
    steps = {0, 100, *low, *of.analysis.weights}
    top = max(of.analysis.weights) if of.strategy is Strategy.CANARY else 100

    for tick, decision in ticks(of, weather):
        if {tick.state.phase, decision.state.phase} <= ANALYSED:
            assert decision.state.weight in steps
            assert decision.state.weight <= top


@many
@story
def test_a_finished_release_moves_only_for_a_new_revision(of: RolloutPlan, weather: list[Weather]) -> None:
    for tick, decision in ticks(of, weather):
        known = {tick.state.revision, tick.state.promoted_revision}
        if tick.state.phase in RESTING and tick.world.revision in known:
            assert (decision.state, decision.actions, decision.events) == (tick.state, (), ())


@many
@story
def test_a_rollback_by_checks_comes_exactly_at_the_threshold(of: RolloutPlan, weather: list[Weather]) -> None:
    for tick, decision in ticks(of, weather):
        failed, threshold = decision.state.failed_checks, of.analysis.threshold
        assert failed <= threshold
        assert failed < threshold or decision.state.phase is Phase.FAILED or tick.state.phase in RESTING
        if decision.ended and decision.state.cause is Cause.CHECKS:
            # Only evidence, which has a case, ends a release before.
            assert failed == threshold or decision.state.case


@many
@story
def test_a_condemned_release_ends_at_the_next_tick(of: RolloutPlan, weather: list[Weather]) -> None:
    for tick, decision in ticks(of, weather):
        if tick.state.condemned:
            assert (decision.state.phase, decision.state.cause) == (Phase.FAILED, tick.state.cause)


@many
@story
def test_only_a_judged_canary_is_promoted(of: RolloutPlan, weather: list[Weather]) -> None:
    for tick, decision in ticks(of, weather):
        if any(isinstance(action, Promote) for action in decision.actions):
            assert tick.state.phase in ANALYSED
            assert tick.world.revision == tick.state.revision
            assert of.skip_analysis or decision.verdict is Verdict.PASSED


@many
@story
def test_a_promotion_ends_only_on_a_primary_that_is_ready(of: RolloutPlan, weather: list[Weather]) -> None:
    for tick, decision in ticks(of, weather):
        if decision.ended and decision.state.phase is Phase.SUCCEEDED:
            assert tick.world.primary.ready
            assert (decision.state.route, decision.state.promoted_revision) == (Route(), tick.state.revision)


@many
@given(plans, st.lists(weathers, max_size=15), weathers)
def test_every_release_ends_once_the_weather_holds(of: RolloutPlan, before: list[Weather], after: Weather) -> None:
    sky = Sky(of, BEGUN)
    for weather in before:
        sky.tick(weather)
    steady = replace(after, meddled=None, kept="all", passes=timedelta())

    for _ in range(700):
        steady = replace(steady, primary=grown(steady.primary), canary=grown(steady.canary))
        if sky.tick(steady)[1].pace is Pace.DONE:
            break
    else:
        raise AssertionError(f"no end: {sky.state}")


def grown(arm: Readiness) -> Readiness:
    return arm if arm.ready else replace(arm, unready_for=arm.unready_for + timedelta(seconds=1))


@given(st.sampled_from(Phase), plans, weathers)
def test_no_tick_raises_from_any_phase(phase: Phase, of: RolloutPlan, weather: Weather) -> None:
    state = RolloutState(phase, revision="v2", promoted_revision="v1", route=weather.meddled or Route())

    decision = Sky(of, state, state.route).tick(weather)[1]

    assert decision.state.phase in {phase, *filter(None, machine.TRANSITIONS[phase].values())}


@given(plans, st.lists(weathers, max_size=10), weathers)
def test_the_same_answers_give_the_same_decision(of: RolloutPlan, before: list[Weather], last: Weather) -> None:
    sky = Sky(of, BEGUN)
    for weather in before:
        sky.tick(weather)
    tick = Tick(of, sky.state, sky.look(last))

    assert decide(tick, last) == decide(tick, last)
