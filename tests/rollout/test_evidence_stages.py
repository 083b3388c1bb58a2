"""Single stages of a pipeline judged by evidence."""

from tests.rollout.judged import failing, judged
from workflows import stages
from workflows.rollout.phase import Phase
from workflows.rollout.state import Cause


def test_a_gate_of_a_pipeline_returns_when_the_evidence_admits_the_weight() -> None:
    story = judged()
    stages.start(story.release)
    stages.gate(story.release)
    stages.set_weight(story.release, 20)

    state = stages.gate(story.release)

    assert (state.phase, state.weight) == (Phase.PROGRESSING, 20)
    assert state.case is not None
    assert state.case.seen_s > 0


def test_a_gate_of_a_pipeline_rolls_back_by_evidence() -> None:
    story = failing(25)
    stages.start(story.release)
    stages.set_weight(story.release, 20)

    assert stages.gate(story.release).cause is Cause.EVIDENCE
