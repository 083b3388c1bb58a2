"""A pipeline takes the course of `penstock run` for the same Canary: same routes, same questions, same end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import argo_engine, tekton_engine
from tests.cluster.argo_engine import ArgoEngine
from tests.cluster.tekton_engine import TektonEngine
from tests.manifests.paper_pods import PaperPods
from tests.rollout_story import YES, Story, ab_test, analysis, asking, blue_green, hook, no, plan
from webhooks.protocol import HookPayload, HookType
from workflows import loop
from workflows.manifests import argo, tekton
from workflows.manifests.pipeline import Part, Shape
from workflows.ports import HookAnswer
from workflows.release import Release
from workflows.rollout.phase import Phase
from workflows.rollout.plan import Analysis, Hook, RolloutPlan, SessionAffinity
from workflows.rollout.traffic import Arm, Route

HOOKS = tuple(map(hook, (HookType.PRE_ROLLOUT, HookType.ROLLOUT, HookType.CONFIRM_PROMOTION)))
LADDER = analysis(weights=(50, 100), hooks=HOOKS)
EVERY_STAGE = Shape(parts=frozenset(Part) - {Part.APPROVAL})

Pods = Callable[[list[str]], int]


@dataclass
class Course:
    """What was released: a plan, what its hooks say, how many requests in a hundred the canary fails, since when."""

    plan: RolloutPlan
    script: Mapping[str | HookType, list[HookAnswer]]
    faulty: int = 0
    since: HookType | None = None

    def story(self) -> Story:
        story = Story(self.plan, {name: list(answers) for name, answers in self.script.items()})
        if self.since:
            story.plug(hooks=Spoiler(story, self.since, self.faulty))
        else:
            story.traffic.errors_percent[Arm.CANARY] = self.faulty
        return story


@dataclass
class Spoiler:
    """Calls the hooks of a story, whose canary fails from the first call of one type on."""

    story: Story
    since: HookType
    faulty: int

    def call(self, asked: Hook, payload: HookPayload) -> HookAnswer:
        """Call a hook."""
        if asked.type is self.since:
            self.story.traffic.errors_percent[Arm.CANARY] = self.faulty
        return self.story.hooks.call(asked, payload)


def mirrored(of: RolloutPlan) -> RolloutPlan:
    return replace(of, analysis=replace(of.analysis, mirror_percent=50))


def skipping(of: RolloutPlan) -> RolloutPlan:
    return replace(of, skip_analysis=True)


def sticky(of: Analysis) -> Analysis:
    return replace(of, affinity=SessionAffinity("ours"))


REFUSED = {HookType.CONFIRM_PROMOTION: [no()] * 1000}
ASKED_TWICE = {HookType.CONFIRM_PROMOTION: [no(), YES, no(), YES]}
RISING = asking(HookType.CONFIRM_TRAFFIC_INCREASE, HookType.ROLLBACK, HookType.ROLLOUT, of=LADDER)
WAITING = asking(HookType.CONFIRM_PROMOTION, HookType.ROLLBACK, HookType.ROLLOUT, of=LADDER)
IDLE = blue_green(hooks=HOOKS)
COURSES = {
    "canary": Course(plan(LADDER), {}),
    "sticky": Course(plan(sticky(LADDER)), {}),
    "refused": Course(plan(LADDER), REFUSED),
    "confirmed late": Course(WAITING, {HookType.CONFIRM_PROMOTION: [no(), no(), YES]}),
    "a rollback while the promotion waits": Course(WAITING, REFUSED | {HookType.ROLLBACK: [no()] * 5 + [YES]}),
    "faulty while the promotion waits": Course(WAITING, REFUSED, 90, HookType.CONFIRM_PROMOTION),
    "more traffic late": Course(RISING, {HookType.CONFIRM_TRAFFIC_INCREASE: [no(), YES, no(), no(), YES]}),
    "more traffic refused": Course(RISING, {HookType.CONFIRM_TRAFFIC_INCREASE: [YES, no()]}),
    "faulty while more traffic waits": Course(
        RISING,
        {HookType.CONFIRM_TRAFFIC_INCREASE: [YES, no()]},
        90,
        HookType.CONFIRM_TRAFFIC_INCREASE,
    ),
    "mirrored": Course(mirrored(plan(LADDER)), {}),
    "mirrored, faulty": Course(mirrored(plan(LADDER)), {}, faulty=90),
    "a/b": Course(ab_test(hooks=HOOKS), {}),
    "a/b, faulty": Course(ab_test(hooks=HOOKS), {}, faulty=90),
    "blue/green": Course(IDLE, {}),
    "blue/green, mirrored": Course(mirrored(IDLE), {}),
    "blue/green, a check fails": Course(IDLE, {HookType.ROLLOUT: [YES, no(), no(), no()]}),
    "blue/green, refused": Course(IDLE, REFUSED),
    "blue/green, asked twice": Course(IDLE, ASKED_TWICE),
    "blue/green without a mesh": Course(mirrored(blue_green(provider="kubernetes", hooks=HOOKS)), {}),
    "blue/green without a mesh, refused": Course(blue_green(provider="kubernetes", hooks=HOOKS), REFUSED),
    "skipping, canary": Course(skipping(plan(LADDER)), REFUSED, faulty=90),
    "skipping, mirrored": Course(skipping(mirrored(plan(LADDER))), REFUSED, faulty=90),
    "skipping, a/b": Course(skipping(ab_test(hooks=HOOKS)), REFUSED, faulty=90),
    "skipping, blue/green": Course(skipping(IDLE), REFUSED, faulty=90),
}


@cache
def written(kind: str, name: str, shape: Shape) -> list[Any]:
    documents = {"argo": argo.write_argo, "tekton": tekton.write_tekton}[kind](COURSES[name].plan, shape)
    return [yaml.safe_load(str(each)) for each in documents]


def by_argo(name: str, pods: Pods, folder: Path, shape: Shape = EVERY_STAGE, **settings: Any) -> ArgoEngine:
    return ArgoEngine(written("argo", name, shape)[0], folder, [], run_stage=pods, **settings)


def by_tekton(name: str, pods: Pods, folder: Path, shape: Shape = EVERY_STAGE, **settings: Any) -> TektonEngine:
    documents = written("tekton", name, shape)
    tasks = {each["metadata"]["name"]: each for each in documents if each["kind"] == "Task"}
    (pipeline,) = (each for each in documents if each["kind"] == "Pipeline")
    return TektonEngine(tasks, pipeline, folder, [], settings.pop("parameters", {}), run_stage=pods, **settings)


ENGINES = pytest.mark.parametrize("make", [by_argo, by_tekton])


def routes(story: Story) -> list[Route]:
    """List the routes that were in force, each once as long as it lasted."""
    seen = story.router.history
    return [route for place, route in enumerate(seen) if place == 0 or route != seen[place - 1]]


def course(story: Story, release: Release) -> tuple[object, ...]:
    state = release.state()
    return state.phase, state.promoted_revision, state.cause, state.failed_checks, routes(story), story.called


@ENGINES
@pytest.mark.parametrize("name", COURSES)
def test_a_pipeline_goes_the_way_of_a_whole_release(tmp_path: Path, name: str, make: Any) -> None:
    whole, staged = COURSES[name].story(), COURSES[name].story()
    loop.run(whole.release)

    pods = PaperPods(staged)

    make(name, pods, tmp_path).run()

    assert course(staged, pods.release) == course(whole, whole.release)


class Meddler:
    """Calls the hooks of a story; at the second rollout hook somebody takes all traffic off the canary."""

    def __init__(self, story: Story) -> None:
        self._story, self._left = story, 2

    def call(self, asked: Hook, payload: HookPayload) -> HookAnswer:
        """Call a hook."""
        self._left -= asked.type is HookType.ROLLOUT
        if self._left == 0:
            self._story.router.shift(Route())
            self._left = -1
        return self._story.hooks.call(asked, payload)


def meddled() -> Story:
    story = COURSES["canary"].story()
    story.plug(hooks=Meddler(story))
    return story


def test_argo_climbs_again_as_a_whole_release_when_somebody_took_the_traffic_away(tmp_path: Path) -> None:
    whole, staged = meddled(), meddled()
    loop.run(whole.release)
    pods = PaperPods(staged)

    by_argo("canary", pods, tmp_path).run()

    assert [route.canary_percent for route in routes(whole)] == [0, 50, 100, 0, 50, 100, 0]
    assert course(staged, pods.release) == course(whole, whole.release)


def test_tekton_whose_weights_are_written_down_ends_when_somebody_took_the_traffic_away(tmp_path: Path) -> None:
    story = meddled()
    pods = PaperPods(story)

    by_tekton("canary", pods, tmp_path).run()

    state = pods.release.state()
    assert (state.phase, state.promoted_revision, state.weight) == (Phase.FAILED, "v1", 0)
    assert state.reason == "canary weight is 0 where 100 was to be judged; start again"


class Second:
    """The pods of a second pipeline, which is another owner."""

    def __init__(self, pods: PaperPods) -> None:
        self.pods = pods
        self.stages: list[str] = []

    def __call__(self, words: list[str]) -> int:
        self.stages.append(" ".join(words[1:3]).strip())
        return self.pods([word.replace("uid-1", "uid-2") for word in words])


@ENGINES
@pytest.mark.parametrize("name", ["canary", "mirrored", "a/b", "blue/green", "blue/green without a mesh"])
@pytest.mark.parametrize("at", range(3, 13))
def test_a_second_pipeline_completes_what_a_first_one_began(tmp_path: Path, name: str, at: int, make: Any) -> None:
    story = COURSES[name].story()
    pods = PaperPods(story)
    deleted = (argo_engine if make is by_argo else tekton_engine).Ending.DELETED
    make(name, pods, tmp_path, ending=deleted, at=at).run()
    before, second = len(story.router.history), Second(pods)

    ended = make(name, second, tmp_path, parameters={"on-conflict": "supersede"}).run()

    state = pods.release.state()
    assert (ended, state.phase, state.promoted_revision) == ("Succeeded", Phase.SUCCEEDED, "v2")
    shares = [route.canary_percent for route in story.router.history[before:]]
    assert shares == sorted(shares[:-1]) + shares[-1:]


@ENGINES
def test_a_canary_that_was_not_judged_at_its_last_weight_is_judged_before_it_is_promoted(
    tmp_path: Path, make: Any
) -> None:
    story = COURSES["canary"].story()
    pods = PaperPods(story)
    shape = replace(EVERY_STAGE, parts=EVERY_STAGE.parts - {Part.PRE_ROLLOUT})
    for words in (["acquire"], ["start"], ["gate"], ["set-weight", "100"]):
        assert pods(["stage", *words, "--owner", "a first"]) == 0
    story.traffic.errors_percent[Arm.CANARY] = 90

    make("canary", pods, tmp_path, shape=shape, parameters={"on-conflict": "supersede"}).run()

    state = pods.release.state()
    assert (state.phase, state.promoted_revision) == (Phase.FAILED, "v1")
