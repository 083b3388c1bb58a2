"""Releases that the evidence judge judges, for tests."""

from dataclasses import replace

from tests.rollout_story import Script, Story, analysis, plan
from workflows.rollout.plan import Judge, RolloutPlan
from workflows.rollout.traffic import Arm

EVIDENCE = [Judge.EVIDENCE, Judge.EVIDENCE_STRICT]
FELL_BACK = "judging by threshold instead of evidence: "


def judged(of: RolloutPlan | None = None, judge: Judge = Judge.EVIDENCE, script: Script | None = None) -> Story:
    return Story(replace(of or plan(), judge=judge), script)


def failing(percent: int, of: RolloutPlan | None = None) -> Story:
    story = judged(of)
    story.traffic.errors_percent[Arm.CANARY] = percent
    return story


def unchecked(**settings: object) -> RolloutPlan:
    return plan(analysis(checks=(), **settings))


def reasons(story: Story) -> list[str]:
    return [each.decision.reason for each in story.records]
