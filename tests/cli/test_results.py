"""What a stage tells a script: why a check did not pass while the release goes on, why it ended when it has."""

from tests.rollout_story import YES, Story, asking, no
from webhooks.protocol import HookType
from workflows.cli.results import describe
from workflows.rollout.state import Verdict

ONE_NO = asking(HookType.ROLLOUT), {HookType.ROLLOUT: [no("too slow"), YES]}


def test_a_release_under_way_tells_why_its_last_check_failed() -> None:
    story = Story(*ONE_NO)
    while not any(record.decision.verdict is Verdict.FAILED for record in story.records):
        story.tick()

    assert describe(story.release.plan, story.state)["reason"] == "external check ask-rollout failed too slow"


def test_a_release_that_was_promoted_tells_no_check_that_failed_before() -> None:
    story = Story(*ONE_NO)

    shown = describe(story.release.plan, story.run())

    assert (shown["outcome"], shown["failed_checks"], shown["reason"]) == ("promoted", 1, "")
