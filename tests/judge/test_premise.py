"""Which judge judges, and when its premise does not hold."""

import pytest

from workflows.rollout.plan import Judge, Load, Strategy
from workflows.rollout.premise import Choice, Circumstances, choose, parse_judge
from workflows.rollout.terms import Mode


@pytest.mark.parametrize("judge", Judge)
def test_a_judge_is_read_by_its_name(judge: Judge) -> None:
    assert parse_judge(judge.value) is judge


def test_an_unknown_judge_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown judge 'evidense'; known: threshold, evidence, evidence-strict"):
        parse_judge("evidense")


@pytest.mark.parametrize(
    ("judge", "mode"),
    [(Judge.THRESHOLD, None), (Judge.EVIDENCE, Mode.NORMAL), (Judge.EVIDENCE_STRICT, Mode.STRICT)],
)
def test_a_judge_has_its_mode(judge: Judge, mode: Mode | None) -> None:
    assert judge.mode is mode


@pytest.mark.parametrize("load", [Load.UNCOUNTED, Load.BOTH_ARMS])
def test_evidence_judges_where_both_arms_get_the_same_mix(load: Load) -> None:
    assert choose(Judge.EVIDENCE, Circumstances(load=load)) == Choice(Judge.EVIDENCE)


@pytest.mark.parametrize(
    ("circumstances", "why"),
    [
        (Circumstances(load=Load.ONE_ARM), "a rollout hook sends load to one arm only, where it is counted"),
        (Circumstances(mirrored=True), "mirrored requests reach both arms"),
        (Circumstances(Strategy.AB_TESTING), "other users"),
        (Circumstances(Strategy.BLUE_GREEN), "no user traffic"),
    ],
)
def test_a_broken_premise_falls_back_to_thresholds_and_says_so(circumstances: Circumstances, why: str) -> None:
    choice = choose(Judge.EVIDENCE_STRICT, circumstances)

    assert choice.judge is Judge.THRESHOLD
    assert choice.reason.startswith("judging by threshold instead of evidence-strict: ")
    assert why in choice.reason


def test_thresholds_need_no_premise() -> None:
    assert choose(Judge.THRESHOLD, Circumstances(mirrored=True)) == Choice(Judge.THRESHOLD)
