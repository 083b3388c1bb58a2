"""How a release stands: by our record of it, or by a Canary's status."""

import pytest

from tests.rollout_story import plan
from workflows.rollout import evidence
from workflows.rollout.case import Case, Look
from workflows.rollout.phase import Phase
from workflows.rollout.plan import Judge
from workflows.rollout.samples import ArmCounts, TrafficCounts
from workflows.rollout.state import Cause, RolloutState
from workflows.rollout.terms import Terms
from workflows.verdicts import standing

BROKEN = TrafficCounts(ArmCounts({"2xx": 4000}), ArmCounts({"2xx": 900, "5xx": 100}))
CASE = evidence.observe(Terms((20, 40)), Case(), Look(0, 20, BROKEN)).case


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (RolloutState(), ("inconclusive", None, False)),
        (RolloutState(Phase.INITIALIZED), ("passed", None, True)),
        (RolloutState(Phase.PROGRESSING, weight=40), ("inconclusive", None, False)),
        (RolloutState(Phase.PROGRESSING, cause=Cause.CHECKS), ("failed", 0, False)),
        (RolloutState(Phase.SUCCEEDED, cause=Cause.PROMOTED), ("passed", 100, True)),
        (RolloutState(Phase.FAILED, cause=Cause.EVIDENCE), ("failed", 0, True)),
        (RolloutState(Phase.FAILED, cause=Cause.NO_DATA), ("inconclusive", None, True)),
        (RolloutState(Phase.FAILED, cause=Cause.REFUSED), ("failed", None, True)),
    ],
)
def test_a_release_of_ours_stands_as_its_record_says(state: RolloutState, told: tuple[str, int | None, bool]) -> None:
    found = standing.of_state(state, plan()).describe()

    assert (found["verdict"], found["score"], found["final"]) == told
    assert found["phase"] == state.phase.value


def test_what_halts_a_release_is_told() -> None:
    state = RolloutState(Phase.PROGRESSING, weight=40, failed_checks=1, halt="success rate 90% < 95%")

    reason = standing.of_state(state, plan()).reason

    assert reason == "Progressing at weight 40, failed checks 1: success rate 90% < 95%"


def test_the_evidence_of_a_release_under_way_is_told() -> None:
    found = standing.of_state(RolloutState(Phase.PROGRESSING, weight=20, case=CASE), plan(judge=Judge.EVIDENCE))

    assert found.score is not None
    assert found.score < 5
    assert found.metrics[0].reason == "5xx: canary 100 of 1000, primary 0 of 4000"


def test_evidence_without_its_terms_is_not_told() -> None:
    state = RolloutState(Phase.PROGRESSING, weight=20, case=CASE)

    assert standing.of_state(state, None).metrics == standing.of_state(state, plan()).metrics == ()


@pytest.mark.parametrize(
    ("phase", "told"),
    [
        ("", ("inconclusive", False)),
        ("Initialized", ("passed", True)),
        ("Progressing", ("inconclusive", False)),
        ("Succeeded", ("passed", True)),
        ("Failed", ("failed", True)),
        ("SomethingNew", ("inconclusive", False)),
    ],
)
def test_a_release_of_flaggers_stands_as_the_status_says(phase: str, told: tuple[str, bool]) -> None:
    found = standing.of_status({"status": {"phase": phase}}).describe()

    assert (found["verdict"], found["final"]) == told
