"""Every decision made again from the record alone: equal, or named with line, field and both values."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import rollout_story
from tests.journal import journals
from tests.journal.journals import Document, Recording
from tests.rollout_story import Story, analysis
from webhooks.protocol import HookType
from workflows import stages
from workflows.errors import ConfigurationError
from workflows.journal.reader import JournalFile
from workflows.journal.replay import replay
from workflows.rollout.plan import Check, Judge, Limits, NoDataPolicy
from workflows.rollout.samples import Measurement
from workflows.rollout.state import Cause
from workflows.rollout.traffic import Arm

QUERY = Check("queue-length", Limits(maximum=10), query="queue")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ad.journal.jsonl"


def failing(story: Story) -> Story:
    story.traffic.errors_percent[Arm.CANARY] = 10
    return story


def silent(story: Story) -> Story:
    story.traffic.silent = True
    return story


def querying() -> Story:
    story = Story(rollout_story.plan(analysis(checks=(rollout_story.SUCCESS, QUERY))))
    story.metrics.answer(QUERY.name, [Measurement(3.0), Measurement(float("inf")), Measurement(2.0)])
    return story


def hooked() -> Story:
    script = {
        HookType.CONFIRM_PROMOTION: [rollout_story.no(), rollout_story.YES],
        HookType.ROLLBACK: [rollout_story.no()],
    }
    return Story(rollout_story.asking(*HookType), script)


STORIES: dict[str, Callable[[], Story]] = {
    "promoted": Story,
    "rolled back": lambda: failing(Story()),
    "blind": lambda: silent(Story()),
    "blind and held": lambda: silent(Story(rollout_story.plan(no_data=NoDataPolicy.HOLD))),
    "queries": querying,
    "every hook": hooked,
    "A/B": lambda: Story(rollout_story.ab_test()),
    "blue/green": lambda: Story(rollout_story.blue_green()),
    "mirrored": lambda: Story(rollout_story.plan(analysis(mirror_percent=100, weights=(50, 100)))),
    "steps home": lambda: Story(rollout_story.plan(analysis(promotion_step=30))),
    "skipped": lambda: Story(rollout_story.plan(skip_analysis=True)),
}


@pytest.mark.parametrize("tell", STORIES.values(), ids=STORIES)
def test_the_record_alone_leads_to_the_same_decisions(path: Path, tell: Callable[[], Story]) -> None:
    file = Recording(path, tell()).run()

    played = replay(file)

    assert played.differences == ()
    assert played.ticks >= 4


def test_a_run_that_was_stopped_can_be_replayed(path: Path) -> None:
    recording = Recording(path)
    recording.tick(4)
    stages.finish(recording.story.release, Cause.ABORTED, "somebody stopped it")

    assert replay(recording.close()).differences == ()


def test_a_run_that_was_resumed_can_be_replayed(path: Path) -> None:
    first = Recording(path)
    first.tick(4).close()

    assert replay(Recording(path, first.story).run()).differences == ()


def last_failure(file: JournalFile) -> int:
    return max(each.line for each in file.ticks() if each.tick.decision.verdict)


def put(*places: str | int) -> Callable[[Document, Any], None]:
    """Make a function that sets what stands at a place of a document."""

    def change(document: Any, value: Any) -> None:
        for place in places[:-1]:
            document = document[place]
        document[places[-1]] = value

    return change


CHANGES: dict[str, tuple[Callable[[Document, Any], None], Any, str]] = {
    "verdict": (put("decision", "verdict"), "passed", 'verdict: recorded "passed", recomputed "failed"'),
    "reason": (put("decision", "reason"), "no reason", 'reason: recorded "no reason", recomputed "3 of 3 checks'),
    "next state": (put("decision", "state", "weight"), 20, "state.weight: recorded 20, recomputed 0"),
    "actions": (put("decision", "actions"), [], 'actions: recorded [], recomputed [{"is": "Shift", "route"'),
    "events": (put("decision", "events"), [], 'events: recorded [], recomputed [{"message": "Halt ad.weather'),
    "state before": (put("before", "failed_checks"), 0, "state.failed_checks: recorded 3, recomputed 1"),
    "counts": (put("evidence", "window", "canary", "responses"), {"2xx": 200}, "evidence.window: recorded"),
    "reading": (put("evidence", "reading"), None, "evidence.window: recorded"),
    "metrics": (
        put("evidence", "exchanges", 0, "answer", 0, "verdict"),
        "passed",
        'metrics: recorded [{"name": "request-success-rate", "verdict": "passed"',
    ),
    "a question left out": (
        put("evidence", "exchanges"),
        [],
        'question: recorded none, recomputed {"is": "JudgeMetrics"}',
    ),
    "a revision": (put("world", "revision"), "v9", 'question: recorded {"is": "JudgeMetrics"}, recomputed none'),
    "a phase": (put("before", "phase"), "Finalising", "state.phase: recorded"),
}


@pytest.mark.parametrize(("change", "value", "said"), CHANGES.values(), ids=CHANGES)
def test_whatever_was_changed_is_named_with_both_values(
    path: Path, change: Callable[[Document, Any], None], value: Any, said: str
) -> None:
    line = last_failure(journals.bad(path))

    forged = journals.forged(path, lambda number, document: change(document, value) if number == line else None)

    assert forged.fault is None
    told = [str(difference) for difference in replay(forged).differences]
    assert any(each.startswith(f"line {line}: {said}") for each in told), told


def test_a_plan_that_was_changed_shows_in_what_follows_from_it(path: Path) -> None:
    journals.bad(path)
    lenient = put("origin", "plan", "analysis", "threshold")

    forged = journals.forged(path, lambda number, document: lenient(document, 9) if number == 1 else None)

    assert "state.phase" in {difference.field for difference in replay(forged).differences}


def test_a_measurement_that_was_taken_out_is_missed(path: Path) -> None:
    line = last_failure(Recording(path, querying()).run())
    empty = put("evidence", "measurements")

    forged = journals.forged(path, lambda number, document: empty(document, {}) if number == line else None)

    (difference,) = replay(forged).differences
    assert difference.field == "evidence.measurements.queue-length"


def test_an_answer_of_another_kind_is_a_decision_that_cannot_be_made(path: Path) -> None:
    file = Recording(path, Story(rollout_story.asking(HookType.ROLLOUT))).run()
    line = next(each.line for each in file.ticks() if len(each.tick.evidence.exchanges) == 2)
    swap = put("evidence", "exchanges", 0, "answer")

    forged = journals.forged(path, lambda number, document: swap(document, []) if number == line else None)

    assert "cannot be made: hooks were asked, tuple was answered" in str(replay(forged).differences[0])


def test_a_decider_that_nobody_knows_is_said(path: Path) -> None:
    journals.good(path)
    decider = put("decider", "name")

    forged = journals.forged(path, lambda number, document: decider(document, "oracle") if number == 2 else None)

    with pytest.raises(ConfigurationError, match="line 2: decided by 'oracle', which this program does not know"):
        replay(forged)


def test_another_rule_is_said_not_to_be_replayable(path: Path) -> None:
    journals.good(path)
    rule = put("origin", "rule", "version")

    forged = journals.forged(path, lambda number, document: rule(document, 2) if number == 1 else None)

    with pytest.raises(
        ConfigurationError, match="rule 'threshold' version 2; this program replays 'threshold' version 1"
    ):
        replay(forged)


def test_counts_that_evidence_was_weighed_from_must_be_those_of_the_window(path: Path) -> None:
    file = journals.bad(path, Story(rollout_story.plan(judge=Judge.EVIDENCE)))
    line = last_failure(file)
    fewer = put("evidence", "exchanges", 1, "answer", "canary", "responses")

    forged = journals.forged(path, lambda number, document: number == line and fewer(document, {"2xx": 1}))

    assert [each.field for each in replay(forged).differences][:1] == ["counts"]


def test_a_journal_whose_judge_was_renamed_is_not_replayed(path: Path) -> None:
    journals.bad(path, Story(rollout_story.plan(judge=Judge.EVIDENCE)))
    rename = put("origin", "rule", "name")

    forged = journals.forged(path, lambda number, document: number == 1 and rename(document, "threshold"))

    with pytest.raises(ConfigurationError, match="by rule 'threshold' version 1; this program replays 'evidence'"):
        replay(forged)
