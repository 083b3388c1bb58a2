"""What the judge remembers of a release: its case, its record and its journal."""

import json
from pathlib import Path

import pytest

from tests.journal.journals import Recording
from tests.rollout.judged import failing, judged
from tests.rollout_story import analysis, plan
from workflows.errors import ConfigurationError
from workflows.journal.replay import replay
from workflows.rollout.phase import Phase
from workflows.rollout.plan import Judge
from workflows.rollout.state import RolloutState
from workflows.states import record


def test_another_revision_keeps_only_what_was_learned_of_the_primary() -> None:
    story = judged().at_weight(20)
    learned = story.state.case
    story.workload.deploy("v3")

    story.tick()

    assert learned is not None
    assert story.state.case == learned.reopened()


def test_another_revision_before_any_look_has_no_case() -> None:
    story = judged().at_weight(1)
    story.workload.deploy("v3")

    story.tick()

    assert story.state.case is None


def test_the_next_release_begins_without_the_case_of_the_one_before() -> None:
    story = judged()
    story.run()
    story.workload.deploy("v3")

    story.until(Phase.PROGRESSING)

    assert story.state.case is None


def test_the_state_of_a_whole_release_stays_small_and_reads_back_equal() -> None:
    story = judged(plan(analysis(weights=tuple(range(10, 101, 10)))))

    state = story.run()

    text = json.dumps(record.encode(state))
    assert len(text) < 10_000
    assert record.decode(json.loads(text)) == state


def test_a_record_from_before_the_judge_still_reads() -> None:
    document = record.encode(RolloutState())
    del document["case"]

    assert record.decode(document) == RolloutState()


def test_a_record_with_a_damaged_case_is_refused_with_its_field() -> None:
    document = record.encode(judged().at_weight(5).state)
    document["case"]["case"]["rung_s"] = "long"  # type: ignore[index] # a document is nested

    with pytest.raises(ConfigurationError, match=r"case\.rung_s: 'long' is not a finite number"):
        record.decode(document)


@pytest.mark.parametrize(("percent", "judge"), [(0, "evidence"), (25, "evidence"), (0, "evidence-strict")])
def test_a_journal_of_a_release_by_evidence_is_decided_again_without_a_difference(
    tmp_path: Path, percent: int, judge: str
) -> None:
    story = failing(percent)
    story.change(judge=Judge(judge))

    file = Recording(tmp_path / "ad.jsonl", story).run()

    again = replay(file)
    assert (again.differences, file.origins[0].rule.name) == ((), judge)
    assert again.judged > 0
