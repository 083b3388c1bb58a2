"""What people ordered stands in the journal: a release with a pause and an abort is decided again from it alone."""

from pathlib import Path

import pytest

from tests.journal.journals import Recording
from workflows.journal import explanation
from workflows.journal.replay import replay
from workflows.rollout.order import Command, Order


@pytest.mark.parametrize("last", [Command.RESUME, Command.ABORT, Command.PROMOTE, Command.PROMOTE_FULL])
def test_a_release_with_orders_is_decided_again(last: Command, tmp_path: Path) -> None:
    recording = Recording(tmp_path / "ad.journal.jsonl").tick(4)
    for number, command in enumerate((Command.PAUSE, last)):
        recording.story.states.order(Order(command, "ann", str(number)))
        recording.tick(2)

    played = replay(recording.run())

    assert played.differences == ()


def test_who_ended_a_release_is_explained(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "ad.journal.jsonl").tick(4)
    recording.story.states.order(Order(Command.ABORT, "ann", "1"))

    told = [sentence.text for sentence in explanation.explain(recording.run())]

    assert any("aborted by ann" in text for text in told)
