"""Whatever befalls a pipeline, at whichever of its stages: the traffic ends on the primary."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import argo_engine, tekton_engine
from tests.cluster.argo_engine import ArgoEngine, Run
from tests.cluster.tekton_engine import TektonEngine
from tests.manifests.paper_pods import PaperPods
from tests.rollout_story import Story, analysis, plan
from workflows.manifests import argo, tekton
from workflows.manifests.argo.release import MOST_WEIGHTS
from workflows.rollout.phase import Phase

PLAN = plan(analysis(weights=(50, 100)))
STAGES = 13
"""How many pods a release of two weights has, its end among them."""


LATE = ["stage", "set-weight", "50", "--owner", "argo/uid-1"]


@cache
def written(kind: str) -> list[Any]:
    documents = {"argo": argo.write_argo, "tekton": tekton.write_tekton}[kind](PLAN)
    return [yaml.safe_load(str(each)) for each in documents]


def by_argo(pods: Run, folder: Path, **settings: Any) -> ArgoEngine:
    return ArgoEngine(written("argo")[0], folder, [], run_stage=pods, **settings)


def by_tekton(pods: PaperPods, folder: Path, **settings: Any) -> TektonEngine:
    tasks = {each["metadata"]["name"]: each for each in written("tekton") if each["kind"] == "Task"}
    (pipeline,) = (each for each in written("tekton") if each["kind"] == "Pipeline")
    return TektonEngine(tasks, pipeline, folder, [], {}, run_stage=pods, **settings)


@pytest.fixture
def story() -> Story:
    """The primary runs v1, v2 is asked for."""
    return Story(PLAN)


@pytest.mark.parametrize("make", [by_argo, by_tekton])
def test_a_release_of_two_weights_has_so_many_pods(story: Story, tmp_path: Path, make: Any) -> None:
    pods = PaperPods(story)

    assert make(pods, tmp_path).run() == "Succeeded"

    assert (pods.count + 1, pods.release.state().phase) == (STAGES, Phase.SUCCEEDED)


def assert_home_for_good(pods: PaperPods, *, watched: bool) -> None:
    """Hold that the traffic is on the primary, by the watchdog if need be, and that a late stage leaves it there."""
    if watched:
        pods.watch_over()
    assert pods.home
    assert pods(LATE) != 0
    assert pods.home


@pytest.mark.parametrize("at", range(STAGES - 1))
@pytest.mark.parametrize("ending", argo_engine.Ending)
def test_a_workflow_of_argo_that_is_ended_leaves_the_traffic_on_the_primary(
    story: Story, tmp_path: Path, ending: argo_engine.Ending, at: int
) -> None:
    pods = PaperPods(story)
    assert by_argo(pods, tmp_path, ending=ending, at=at).run() == "Failed"
    assert_home_for_good(pods, watched=not ending.runs_exit_handler)


@pytest.mark.parametrize("at", range(STAGES - 1))
@pytest.mark.parametrize("ending", tekton_engine.Ending)
def test_a_run_of_tekton_that_is_ended_leaves_the_traffic_on_the_primary(
    story: Story, tmp_path: Path, ending: tekton_engine.Ending, at: int
) -> None:
    pods = PaperPods(story)
    assert by_tekton(pods, tmp_path, ending=ending, at=at).run() == "Failed"
    assert_home_for_good(pods, watched=not ending.runs_finally)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("mortal", range(STAGES))
def test_a_pod_of_argo_that_is_killed_at_a_write_is_run_again_and_v2_promoted(
    story: Story, tmp_path: Path, mortal: int, *, after: bool
) -> None:
    pods = PaperPods(story, mortal, after=after)
    run = by_argo(pods, tmp_path)

    assert run.run() == "Succeeded"

    assert (pods.home, pods.release.state().promoted_revision) == (True, "v2")
    assert pods.count + 1 == STAGES + pods.states.killed


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("mortal", range(STAGES))
def test_a_pod_of_tekton_that_is_killed_at_a_write_leaves_the_traffic_on_the_primary(
    story: Story, tmp_path: Path, mortal: int, *, after: bool
) -> None:
    pods = PaperPods(story, mortal, after=after)

    status = by_tekton(pods, tmp_path).run()

    assert (status, pods.home) == ("Failed" if pods.states.killed and mortal < STAGES - 1 else "Succeeded", True)


@pytest.mark.parametrize(("name", "status"), [("canary-weather-ad", "Pending"), ("canary-weather-other", "Succeeded")])
def test_a_second_workflow_of_a_canary_waits_for_the_end_of_the_first(
    story: Story, tmp_path: Path, name: str, status: str
) -> None:
    pods, seen, held = PaperPods(story), [], set[str]()
    second = by_argo(PaperPods(Story(PLAN)), tmp_path, mutexes=held, parameters={"on-conflict": "supersede"})
    second.template = yaml.safe_load(
        yaml.safe_dump(second.template).replace("name: canary-weather-ad", f"name: {name}")
    )

    def begin_another(words: list[str]) -> int:
        if words[1] == "finish":
            seen.append(second.run())
        return pods(words)

    assert by_argo(begin_another, tmp_path, mutexes=held).run() == "Succeeded"

    assert (seen, held) == ([status], set())
    assert by_argo(PaperPods(Story(PLAN)), tmp_path, mutexes=held).run() == "Succeeded"


def test_argo_shows_each_weight_and_what_is_done_at_it(story: Story, tmp_path: Path) -> None:
    run = by_argo(PaperPods(story), tmp_path)

    assert run.run() == "Succeeded"

    steps = ["weight-50-percent", "judge-at-50-percent", "weight-100-percent", "judge-at-100-percent"]
    assert [name for name in run.shown if "percent" in name] == steps
    assert (run.shown[0], run.shown[-1]) == ("take-the-release", "end-safe")


def test_a_name_that_argo_does_not_take_ends_the_node(story: Story, tmp_path: Path) -> None:
    run = by_argo(PaperPods(story), tmp_path)
    run.template = yaml.safe_load(yaml.safe_dump(run.template).replace("take-the-release", "take the release"))

    assert (run.run(), run.nodes) == ("Failed", ["finish"])


@pytest.mark.parametrize(("weights", "status"), [(MOST_WEIGHTS, "Succeeded"), (100, "Failed")])
def test_the_most_weights_that_are_written_end_before_argo_finds_them_too_deep(
    tmp_path: Path, weights: int, status: str
) -> None:
    # The template does not know the weights: it is that of any canary that moves by them.
    pods = PaperPods(Story(plan(analysis(weights=tuple(range(1, weights + 1))))))

    assert by_argo(pods, tmp_path).run() == status

    assert pods.home


@pytest.mark.parametrize("answer", ["NO", "no", "No", "nope", "yes", ""])
def test_what_is_not_a_yes_promotes_nothing(story: Story, tmp_path: Path, answer: str) -> None:
    pods = PaperPods(story)

    status = by_argo(pods, tmp_path, approve=answer, parameters={"approval": "yes"}).run()

    assert (status, pods.release.state().promoted_revision, pods.home) == ("Failed", "v1", True)


def test_a_yes_promotes(story: Story, tmp_path: Path) -> None:
    pods = PaperPods(story)

    status = by_argo(pods, tmp_path, approve="YES", parameters={"approval": "yes"}).run()

    assert (status, pods.release.state().promoted_revision) == ("Succeeded", "v2")


@pytest.mark.parametrize("mortal", range(STAGES - 1))
@pytest.mark.parametrize("ending", argo_engine.Ending)
def test_a_workflow_of_argo_that_is_ended_with_its_pod_leaves_the_traffic_on_the_primary(
    story: Story, tmp_path: Path, ending: argo_engine.Ending, mortal: int
) -> None:
    pods = PaperPods(story, mortal, after=True)
    status = by_argo(pods, tmp_path, ending=ending).run()
    if not ending.runs_exit_handler:
        pods.watch_over()

    assert (status, pods.home) == ("Failed" if pods.states.killed else "Succeeded", True)


@pytest.mark.parametrize("mortal", range(STAGES - 1))
@pytest.mark.parametrize("ending", [each for each in tekton_engine.Ending if not each.runs_finally])
def test_a_run_of_tekton_that_is_ended_with_its_pod_leaves_the_traffic_on_the_primary(
    story: Story, tmp_path: Path, ending: tekton_engine.Ending, mortal: int
) -> None:
    pods = PaperPods(story, mortal, after=True)
    status = by_tekton(pods, tmp_path, ending=ending).run()
    pods.watch_over()

    assert (status, pods.home) == ("Failed" if pods.states.killed else "Succeeded", True)
