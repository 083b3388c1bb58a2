"""What a release tells, in Flagger's words and order."""

from tests.rollout_story import Story, analysis, asking, plan
from webhooks.protocol import HookType
from workflows.rollout.traffic import Arm

BEGUN = [
    "New revision detected! Scaling up ad.weather",
    "New revision detected, progressing canary analysis: ad.weather",
]

PASSED = "success rate 100.00% (0 of 1000 failed); request duration p99 24ms (1000 requests)"


def test_a_promotion_is_told_step_by_step() -> None:
    types = tuple(each for each in HookType if each not in {HookType.EVENT, HookType.ROLLBACK})
    story = Story(asking(*types, of=analysis(weights=(100,), promotion_step=50)))

    story.run()

    assert story.messages == [
        "Confirm-rollout check ask-confirm-rollout passed",
        *BEGUN,
        "Starting canary analysis for ad.weather",
        "Pre-rollout check ask-pre-rollout passed",
        "Confirm-traffic-increase check ask-confirm-traffic-increase passed",
        "Advance ad.weather canary weight 100",
        f"Checks passed ad.weather canary weight 100: {PASSED}",
        "Confirm-traffic-increase check ask-confirm-traffic-increase passed",
        "Confirm-promotion check ask-confirm-promotion passed",
        "Copying ad.weather template spec to ad-primary.weather",
        "Advance ad.weather primary weight 50",
        "Advance ad.weather primary weight 100",
        "Promotion completed! Scaling down ad.weather",
        "Canary analysis completed successfully, promotion finished.",
        "Post-rollout check ask-post-rollout passed",
    ]


def test_a_rollback_is_told_with_its_numbers() -> None:
    story = Story(plan(analysis(threshold=2)))
    story.traffic.errors_percent[Arm.CANARY] = 25

    story.run()

    failed = "success rate 75.00% < 95% (50 of 200 failed)"
    assert story.messages == [
        *BEGUN,
        "Starting canary analysis for ad.weather",
        "Advance ad.weather canary weight 20",
        f"Halt ad.weather advancement {failed}",
        f"Halt ad.weather advancement {failed}",
        f"Rolling back ad.weather failed checks threshold reached: 2 of 2 checks failed, the last one: {failed}",
        "Canary failed! Scaling down ad.weather",
    ]


def test_people_are_alerted_of_the_beginning_and_the_end() -> None:
    story = Story()

    story.run()

    assert story.alerts == [
        ("INFO", "New revision detected, progressing canary analysis: ad.weather"),
        ("INFO", "Canary analysis completed successfully, promotion finished."),
    ]
