"""One journal for all stages of a pipeline, each a process of its own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.journal.journals import SOURCE
from tests.rollout_story import YES, Story, asking, no
from webhooks.protocol import HookType
from workflows import stages
from workflows.cli import main
from workflows.journal import reader
from workflows.journal.entries import Resumed
from workflows.journal.explanation import explain
from workflows.journal.reader import JournalFile
from workflows.journal.replay import replay
from workflows.journal.writer import Journal
from workflows.release import Release
from workflows.rollout.plan import Judge
from workflows.rollout.state import Cause
from workflows.rollout.traffic import Arm

CANARY = Path(__file__).parents[2] / "examples" / "ad-service" / "canary.yaml"
Step = Callable[[Release], object]
TO_PROMOTION: tuple[Step, ...] = (
    stages.start,
    stages.gate,
    lambda release: stages.set_weight(release, 50),
    stages.gate,
    lambda release: stages.hook(release, HookType.CONFIRM_PROMOTION, timedelta(minutes=1)),
    stages.promote,
    stages.shift_back,
    stages.finalise,
)


def run(path: Path, story: Story, steps: tuple[Step, ...] = TO_PROMOTION) -> JournalFile:
    for step in steps:
        journal = Journal(path, SOURCE, story.release.plan.key, lambda _: None)
        step(replace(story.release, keep=journal.keep))
        journal.close(story.release.state)
    return reader.read(path)


def judged(judge: Judge) -> Story:
    return Story(asking(HookType.CONFIRM_PROMOTION, judge=judge), {HookType.CONFIRM_PROMOTION: [no(), no(), YES]})


@pytest.mark.parametrize("judge", Judge)
def test_every_stage_is_decided_again_without_a_difference(tmp_path: Path, judge: Judge) -> None:
    file = run(tmp_path / "ad.jsonl", judged(judge))

    assert (replay(file).differences, file.fault) == ((), None)
    assert file.end
    assert file.end.state.cause is Cause.PROMOTED


def test_the_stages_go_on_in_one_chain(tmp_path: Path) -> None:
    file = run(tmp_path / "ad.jsonl", Story())

    assert list(tmp_path.iterdir()) == [file.path]
    assert sum(isinstance(note.entry, Resumed) for note in file.notes) == len(TO_PROMOTION) - 1
    assert {planned.tick.decider.name for planned in file.ticks()} == {"stage", "release"}


def test_a_gate_that_rolls_back_by_evidence_ends_the_journal(tmp_path: Path) -> None:
    story = judged(Judge.EVIDENCE)
    story.traffic.errors_percent[Arm.CANARY] = 25

    file = run(tmp_path / "ad.jsonl", story, (*TO_PROMOTION[:4], lambda release: stages.finish(release, *STOPPED)))

    assert file.end
    assert file.end.state.cause is Cause.EVIDENCE
    assert replay(file).differences == ()


STOPPED = (Cause.ABORTED, "the pipeline ended")


def test_a_case_travels_from_gate_to_gate(tmp_path: Path) -> None:
    file = run(tmp_path / "ad.jsonl", judged(Judge.EVIDENCE), TO_PROMOTION[:4])

    looks = [planned.tick for planned in file.ticks() if planned.tick.decision.verdict and planned.tick.before.case]
    assert all(tick.before.case and tick.before.case.baseline.answers.requests for tick in looks)


def test_a_pipeline_is_told_as_one_release(tmp_path: Path) -> None:
    story = [sentence.text for sentence in explain(run(tmp_path / "ad.jsonl", Story()))]

    assert not any("cut off" in text for text in story)
    assert story[-2].startswith("Promoted: ")


def test_a_stage_keeps_the_journal_it_is_asked_for(tmp_path: Path) -> None:
    journal = tmp_path / "ad.jsonl"
    words = ["--file", str(CANARY), "--platform", "memory", "--interval", "1s", "--journal", str(journal)]

    code = main(["stage", "start", *words])

    assert code == 0
    assert replay(reader.read(journal)).ticks > 0


def test_a_journal_that_cannot_be_written_is_said_before_anything_moves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["stage", "start", "--file", str(CANARY), "--platform", "memory", "--journal", str(tmp_path)])

    assert code == 78
    assert "is not a file; name a file that can be written" in capsys.readouterr().err
