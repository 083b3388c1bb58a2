"""The story of a release in sentences: what was seen, why it ended so, and what it would have taken."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests import rollout_story
from tests.journal import journals
from tests.journal.journals import Recording
from tests.rollout_story import Story, analysis
from webhooks.protocol import HookType
from workflows import stages
from workflows.journal.explanation import explain
from workflows.journal.reader import JournalFile
from workflows.rollout.phase import Phase
from workflows.rollout.plan import Check, Judge, Limits, NoDataPolicy
from workflows.rollout.samples import Measurement
from workflows.rollout.state import Cause
from workflows.rollout.traffic import Arm


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ad.journal.jsonl"


def told(file: JournalFile) -> str:
    return "\n".join("  " * sentence.depth + sentence.text for sentence in explain(file))


def test_a_promotion_is_told_with_both_arms_and_every_limit(path: Path) -> None:
    story = told(journals.good(path))

    assert "ad.weather, judged by rule threshold every 10 s; failed check 3 rolls back." in story
    assert "Checks: request-success-rate >= 95%, request-duration <= 500ms." in story
    assert "+10.5 s, canary at 20 %: passed, the canary gets 40 %\n" in story
    assert (
        "request-success-rate passed: canary 0 of 200 requests failed (100 % succeeded), "
        "primary 0 of 800 requests failed (100 % succeeded); limit >= 95%"
    ) in story
    assert (
        "request-duration passed: canary p99 24.9 ms over 200 requests, primary p99 24.9 ms over 800 requests" in story
    )
    assert "Promoted: 6 checks passed, 0 failed." in story
    assert "it would have taken 3 more failed checks (threshold 3)" in story


def test_a_rollback_is_told_with_what_would_have_passed(path: Path) -> None:
    story = told(journals.bad(path))

    assert "canary at 20 %: failed check 3 of 3: success rate 90.00% < 95% (20 of 200 failed)" in story
    assert "request-success-rate failed: canary 20 of 200 requests failed (90 % succeeded), primary 0 of 800" in story
    assert story.endswith(
        "Rolled back: 3 of 3 checks failed, the last one: success rate 90.00% < 95% (20 of 200 failed).\n"
        "  To pass, the last check would have needed at most 10 of 200 requests failed (20 did)."
    )


def story_of(*checks: Check, **settings: object) -> Story:
    return Story(rollout_story.plan(analysis(checks=checks), **settings))


def slow(limit_ms: float) -> Callable[[], Story]:
    def tell() -> Story:
        story = story_of(Check("request-duration", Limits(maximum=limit_ms)))
        story.traffic.latency_ms[Arm.CANARY] = 800.0
        return story

    return tell


def long_queue() -> Story:
    story = story_of(Check("queue-length", Limits(maximum=10), query="queue"))
    story.metrics.answer("queue-length", [Measurement(12.0)])
    return story


def silent(policy: NoDataPolicy) -> Callable[[], Story]:
    def tell() -> Story:
        story = story_of(rollout_story.SUCCESS, no_data=policy)
        story.traffic.silent = True
        return story

    return tell


def never_ready(arm: Arm) -> Callable[[], Story]:
    def tell() -> Story:
        story = Story().at_weight(20) if arm is Arm.PRIMARY else Story()
        story.workload.stall(arm)
        return story

    return tell


def asking(hook_type: HookType, *answers: object) -> Callable[[], Story]:
    return lambda: Story(rollout_story.asking(hook_type), {hook_type: answers})


NEEDS: dict[str, tuple[Callable[[], Story], str]] = {
    "slow": (slow(500), "needed at most 2 of 200 requests slower than 500 ms (200 were)."),
    "slow between buckets": (slow(333), "needed request-duration <= 333ms (it was 995)."),
    "a success rate with another limit": (
        lambda: story_of(Check("request-success-rate", Limits(maximum=50))),
        "needed request-success-rate <= 50% (it was 100).",
    ),
    "a query": (long_queue, "needed queue-length <= 10 (it was 12)."),
    "no query": (lambda: story_of(Check("lost", Limits(), query="x")), "needed data for lost (no values found"),
    "no data": (silent(NoDataPolicy.FAIL), "needed data for request-success-rate (no values found"),
    "no data, held": (silent(NoDataPolicy.HOLD), "needed data for request-success-rate (no values found"),
    "a hook": (
        asking(HookType.PRE_ROLLOUT, rollout_story.no("404")),
        "needed pre-rollout hook ask-pre-rollout to say yes; it said: 404.",
    ),
    "a rollback by hand": (asking(HookType.ROLLBACK, rollout_story.YES), "rollback hooks that say no."),
    "no canary": (never_ready(Arm.CANARY), "it would have taken a ready canary within 60 s."),
    "no primary": (never_ready(Arm.PRIMARY), "it would have taken a ready primary within 60 s."),
    "no approval": (asking(HookType.CONFIRM_PROMOTION, rollout_story.no()), "an approval within 300 s."),
}


@pytest.mark.parametrize(("tell", "said"), NEEDS.values(), ids=NEEDS)
def test_what_it_would_have_taken_is_said(path: Path, tell: Callable[[], Story], said: str) -> None:
    assert said in told(Recording(path, tell()).run()).splitlines()[-1]


def test_a_wait_is_told_once(path: Path) -> None:
    file = Recording(path, asking(HookType.CONFIRM_ROLLOUT, rollout_story.no("ask Ann"))()).run()

    waits = [sentence.text for sentence in explain(file) if "waiting for approval" in sentence.text]

    assert waits == ["+0.0 s to +300.0 s (31 times), canary at 0 %: waiting for approval ask-confirm-rollout: ask Ann"]


def test_a_run_that_was_stopped_says_so(path: Path) -> None:
    recording = Recording(path)
    recording.tick(4)
    stages.finish(recording.story.release, Cause.ABORTED, "somebody stopped it")

    story = told(recording.close())

    assert "Rolled back: somebody stopped it.\n  To pass it would have taken a run that nobody stopped." in story


def test_a_decision_that_was_not_put_in_force_is_marked(path: Path) -> None:
    recording = Recording(path)
    recording.tick(2)
    states = recording.story.states
    before = states.load()
    recording.tick()
    assert before is not None
    states.save(before, recording.story.release.acquire())

    story = told(recording.tick(2).close())

    assert story.count("(decided, but not put in force)") == 1


def test_a_record_that_stops_says_so_and_a_resumed_one_too(path: Path) -> None:
    first = Recording(path)
    stopped = told(first.tick(4).close())
    first.story.clock.sleep(timedelta(minutes=5))
    first.story.release = replace(first.story.release, owner="run-2")
    whole = told(Recording(path, first.story).run())

    assert stopped.endswith("The record stops here: the release goes on, or its last lines are missing.")
    assert "The run was cut off and resumed by run-2 (fence 3)." in whole


def test_stages_of_one_owner_are_told_as_one_run(path: Path) -> None:
    first = Recording(path)
    first.tick(4).close()

    assert "cut off" not in told(Recording(path, first.story).run())


def test_a_withdrawn_release_is_told(path: Path) -> None:
    recording = Recording(path, asking(HookType.CONFIRM_ROLLOUT, rollout_story.no())())
    recording.story.until(Phase.WAITING)
    recording.story.workload.deploy("v1")

    story = told(recording.tick().close())

    assert story.endswith("Ended without a release: the new revision was withdrawn.")


def test_what_a_full_journal_left_out_is_said(path: Path) -> None:
    file = Recording(path, limit_bytes=12_000).run()

    assert "ticks came after the journal was full and are not told here." in told(file)


def test_a_journal_without_any_tick_still_tells_the_end(path: Path) -> None:
    story = told(Recording(path, limit_bytes=1).run())

    assert "Promoted: 0 checks passed, 0 failed.\n" in story
    assert "ticks came after the journal was full" in story


def test_a_release_by_evidence_is_told_in_the_judges_own_sentences(path: Path) -> None:
    story = told(journals.bad(path, Story(rollout_story.plan(analysis(checks=()), judge=Judge.EVIDENCE))))

    assert "judged by rule evidence every 10 s" in story
    assert "canary at 1 %: passed, the canary gets 5 %; 5xx: canary" in story
    assert ": failed: 5xx: canary " in story
    assert "Rolled back: 5xx: canary " in story
    assert "would have taken a canary that does no worse than the primary" in story


def test_a_weight_that_evidence_kept_is_told_as_inconclusive(path: Path) -> None:
    story = told(Recording(path, Story(rollout_story.plan(judge=Judge.EVIDENCE))).run())

    assert "canary at 5 %: inconclusive, failed checks 0 of 3: 5xx: canary 0 of 60 " in story
