"""The values that plans, states and decisions are made of."""

import pytest

from tests.rollout_story import analysis, asking, hook, plan
from webhooks.protocol import HookType
from workflows.clocks import MemoryClock
from workflows.rollout.decision import Generated, Tick, ask_hooks, ask_metrics
from workflows.rollout.phase import UNDER_WAY, Phase
from workflows.rollout.plan import Check, Limits
from workflows.rollout.state import Cause, HookRound, Outcome, RolloutState, World
from workflows.rollout.traffic import Readiness, Route


@pytest.mark.parametrize(
    ("limits", "inside", "outside"),
    [
        (Limits(), [-1e9, 0, 1e9], []),
        (Limits(minimum=1), [1, 2], [0.9]),
        (Limits(maximum=2), [1, 2], [2.1]),
        (Limits(1, 2), [1, 1.5, 2], [0.9, 2.1]),
    ],
)
def test_limits_are_inclusive(limits: Limits, inside: list[float], outside: list[float]) -> None:
    assert all(limits.admit(value) for value in inside)
    assert not any(limits.admit(value) for value in outside)


@pytest.mark.parametrize(("name", "built_in"), [("request-success-rate", True), ("queue", False)])
def test_a_check_is_built_in_by_its_name(name: str, built_in: bool) -> None:  # noqa: FBT001 - a table's column
    assert Check(name, Limits()).built_in is built_in


def test_hooks_of_a_type_keep_the_order_of_the_file() -> None:
    hooks = (hook(HookType.ROLLOUT, "b"), hook(HookType.EVENT), hook(HookType.ROLLOUT, "a"))

    assert [each.name for each in analysis(hooks=hooks).hooks_of(HookType.ROLLOUT)] == ["b", "a"]


def test_a_plan_is_named_as_in_events() -> None:
    assert plan().key == "ad.weather"


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (Cause.PROMOTED, Outcome.PROMOTED),
        (Cause.CHECKS, Outcome.ROLLED_BACK),
        (Cause.EVIDENCE, Outcome.ROLLED_BACK),
        (Cause.NO_DATA, Outcome.ROLLED_BACK),
        (Cause.HOOK, Outcome.ROLLED_BACK),
        (Cause.REFUSED, Outcome.ROLLED_BACK),
        (Cause.ABORTED, Outcome.ROLLED_BACK),
        (Cause.NOT_READY, Outcome.FAILED),
        (Cause.PRIMARY_NOT_READY, Outcome.FAILED),
    ],
)
def test_every_cause_has_its_outcome(cause: Cause, outcome: Outcome) -> None:
    assert cause.outcome is outcome


@pytest.mark.parametrize("phase", list(Phase))
def test_a_release_is_under_way_or_rests(phase: Phase) -> None:
    assert RolloutState(phase).under_way is (phase in UNDER_WAY)


@pytest.mark.parametrize(
    ("state", "started"),
    [
        (RolloutState(), False),
        (RolloutState(weight=1), True),
        (RolloutState(iterations=1), True),
        (RolloutState(route=Route(mirrored=True)), True),
        (RolloutState(route=Route(100)), False),
    ],
)
def test_an_analysis_has_started_once_it_gave_the_canary_something(state: RolloutState, started: bool) -> None:  # noqa: FBT001 - a table's column
    assert state.started is started


def a_tick() -> Tick:
    ready = Readiness(ready=True, endpoints=1)
    world = World(MemoryClock().now(), "v2", ready, ready, Route())
    return Tick(asking(HookType.ROLLOUT), RolloutState(Phase.PROGRESSING), world)


@pytest.mark.parametrize(
    ("asked", "answer", "complaint"),
    [
        (ask_hooks(a_tick(), HookType.ROLLOUT), (), "hooks were asked, tuple was answered"),
        (ask_metrics(a_tick()), HookRound(passed=True), "metrics were asked, HookRound was answered"),
    ],
)
def test_an_answer_to_another_question_is_a_bug(
    asked: Generated[object], answer: HookRound | tuple[()], complaint: str
) -> None:
    next(asked)

    with pytest.raises(TypeError, match=complaint):
        asked.send(answer)
