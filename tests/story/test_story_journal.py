"""Journals of releases on the local platform: kept, whole, and replayed from the record alone."""

import signal
from pathlib import Path

import pytest

from tests.local_traffic import deployment
from tests.story.conftest import Theatre
from workflows.cli import main
from workflows.rollout.state import Cause


def check(journal: Path) -> list[int]:
    return [main([command, str(journal)]) for command in ("verify", "replay", "explain")]


def test_both_releases_of_the_story_leave_journals_that_replay(
    theatre: Theatre, capsys: pytest.CaptureFixture[str]
) -> None:
    theatre.write(stepWeight=50)
    theatre.release("v2")
    theatre.release("v3")

    journals = [theatre.report.with_name(name) for name in ("ad.1.journal.jsonl", "ad.journal.jsonl")]
    assert [check(journal) for journal in journals] == [[0, 0, 0]] * 2
    told = capsys.readouterr().out
    assert "Promoted: 3 checks passed, 0 failed." in told
    assert "Rolled back: 3 of 3 checks failed, the last one: success rate" in told
    assert "To pass, the last check would have needed at most" in told


def test_a_bad_version_is_stopped_by_evidence_at_the_first_rungs(theatre: Theatre) -> None:
    theatre.platform.apply(deployment("v3"))

    ended = theatre.run("--judge", "evidence")

    assert (ended.code, theatre.told["outcome"], theatre.state.cause) == (10, "rolled_back", Cause.EVIDENCE)
    assert max(theatre.told["weights"]) <= 40
    assert "20 rolls back" in theatre.told["reason"]
    assert check(theatre.report.with_name("ad.journal.jsonl")) == [0, 0, 0]


ENDS = {
    signal.SIGINT: "Rolled back: the run was stopped: SIGINT.",
    signal.SIGKILL: "The record stops here: the release goes on, or its last lines are missing.",
}


@pytest.mark.parametrize(("number", "said"), ENDS.items(), ids=["ctrl-c", "kill -9"])
def test_a_run_that_is_ended_leaves_a_journal_that_replays(
    theatre: Theatre, capsys: pytest.CaptureFixture[str], number: signal.Signals, said: str
) -> None:
    theatre.platform.apply(deployment("v2"))
    running = theatre.begin()
    theatre.reaches(20)

    running.send(number)
    running.ended()

    journal = theatre.report.with_name("ad.journal.jsonl")
    assert check(journal) == [0, 0, 0]
    assert said in capsys.readouterr().out
