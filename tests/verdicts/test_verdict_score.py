"""The score: what people know from elsewhere, from the judge's own numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.rollout.case import Case, Totals
from workflows.rollout.guard import Guard
from workflows.rollout.state import CheckResult, Verdict
from workflows.rollout.tally import Split, Tally
from workflows.rollout.terms import Terms
from workflows.rollout.verdicts import weigh
from workflows.verdicts.score import join_scores, score_case, score_checks

TERMS = Terms((20,))
SEEN = Totals(Split(Tally(100), Tally(400)))


def results(*verdicts: Verdict) -> list[CheckResult]:
    return [CheckResult("check", verdict, None, "", "") for verdict in verdicts]


@pytest.mark.parametrize(("health", "score"), [(3.0, 95.3), (0.0, 50.0), (-2.0, 11.9), (1e6, 100.0)])
def test_health_raises_the_score_of_a_canary_without_evidence_against_it(health: float, score: float) -> None:
    found = score_case(TERMS, Case(whole=SEEN, health_errors=health))

    assert found == pytest.approx(score, abs=0.05)


def test_a_canary_that_answered_nothing_has_no_score() -> None:
    assert score_case(TERMS, Case()) is None


@given(health=st.floats(-2, 1e6), log_evidence=st.floats(-20, 60))
def test_no_score_leaves_its_bounds_and_what_rolls_back_scores_five_or_less(health: float, log_evidence: float) -> None:
    case = Case(whole=SEEN, guard=Guard((log_evidence,)), health_errors=health)

    score = score_case(TERMS, case)

    assert score is not None
    assert 0 <= score <= 100
    assert score <= 5 or weigh(TERMS, case).total < TERMS.limit


@pytest.mark.parametrize(
    ("verdicts", "score"),
    [
        ((), None),
        ((Verdict.PASSED, Verdict.INCONCLUSIVE), None),
        ((Verdict.PASSED, Verdict.FAILED), 50),
        ((Verdict.PASSED,), 100),
        ((Verdict.FAILED,), 0),
    ],
)
def test_checks_score_by_the_share_that_passed(verdicts: tuple[Verdict, ...], score: float | None) -> None:
    assert score_checks(results(*verdicts)) == score


def test_of_two_scores_the_lower_counts_and_one_that_is_not_known_hides_the_other() -> None:
    assert (join_scores(90, 50), join_scores(None, 50)) == (50, None)
