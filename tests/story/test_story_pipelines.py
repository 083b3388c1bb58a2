"""The rendered pipelines on the local platform: its Envoy, its supervisor with the watchdog, leases in files, users.

Each end befalls one stage here, in the midst of its pod; all ends at all stages are in tests/manifests, on paper.
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import tekton_engine
from tests.cluster.argo_engine import KILLED, ArgoEngine, Ending
from tests.cluster.tekton_engine import TektonEngine
from tests.local_traffic import deployment, eventually, versions
from tests.story.conftest import PENSTOCK, Theatre
from workflows import canary
from workflows.cli import main
from workflows.manifests import argo, tekton
from workflows.rollout.phase import Phase

EACH = ("each",)


class Pods:
    """Runs the commands of pods on the local platform; one is killed at its work: the first of the stage `mortal`.

    `mortal` is the stage's name, with the weight if need be; `each` stands for the first pod of every stage.
    """

    def __init__(self, theatre: Theatre, *mortal: str, by: signal.Signals = signal.SIGKILL) -> None:
        self._theatre, self._mortal, self._by = theatre, mortal, by
        self._last: list[str] = []
        self.killed = 0

    def __call__(self, words: list[str]) -> int:
        place = words.index("--canary")
        here = [*words[:place], "--file", str(self._theatre.file), *words[place + 2 :]]
        if self._dies(words):
            self._last = words
            return self._kill(here)
        return main(here)

    def _dies(self, words: Sequence[str]) -> bool:
        if self._mortal == EACH:
            return words != self._last
        here = words[1], str(self._theatre.state.weight)
        return bool(self._mortal) and not self.killed and here[: len(self._mortal)] == self._mortal

    def _kill(self, words: list[str]) -> int:
        """Kill the process once it holds the release; the engine hears nothing of one that was done just before."""
        before = self._lease()
        pod = subprocess.Popen([*PENSTOCK, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: self._lease() != before, within_s=30)
        os.kill(pod.pid, self._by)
        self.killed += 1
        pod.wait(timeout=30)
        return KILLED

    def _lease(self) -> str:
        (kept,) = (self._theatre.platform.directory / "states").glob("ad.weather*.json")
        return kept.read_text()


def by_argo(theatre: Theatre, folder: Path, pods: Pods, **settings: Any) -> ArgoEngine:
    template = yaml.safe_load(str(argo.write_argo(canary.load(theatre.file))[0]))
    return ArgoEngine(template, folder, theatre.options, run_stage=pods, **settings)


def by_tekton(theatre: Theatre, folder: Path, pods: Pods, **settings: Any) -> TektonEngine:
    documents = [yaml.safe_load(str(each)) for each in tekton.write_tekton(canary.load(theatre.file))]
    tasks = {each["metadata"]["name"]: each for each in documents if each["kind"] == "Task"}
    (pipeline,) = (each for each in documents if each["kind"] == "Pipeline")
    return TektonEngine(tasks, pipeline, folder, theatre.options, {"lease": "3s"}, run_stage=pods, **settings)


def test_argo_promotes_v2_whose_gate_is_killed_and_takes_v3_back(theatre: Theatre, tmp_path: Path) -> None:
    theatre.write(stepWeight=50)
    pods = Pods(theatre, "gate", "50")

    theatre.platform.apply(deployment("v2"))
    good = by_argo(theatre, tmp_path, pods)
    promoted = good.run(), versions(theatre.platform.addresses.apex, 20)
    failed_of_good = theatre.users.snapshot().failures
    theatre.platform.apply(deployment("v3"))
    bad = by_argo(theatre, tmp_path, pods)
    taken_back = bad.run(), versions(theatre.platform.addresses.apex, 20)

    assert (promoted, pods.killed, failed_of_good) == (("Succeeded", {"v2": 20}), 1, 0)
    assert taken_back == ("Failed", {"v2": 20})
    assert (good.outputs["verdict"], bad.outputs["verdict"]) == ("promoted", "rolled_back")


def test_a_tekton_run_that_is_deleted_with_its_pod_leaves_the_traffic_to_the_watchdog(
    theatre: Theatre, tmp_path: Path
) -> None:
    theatre.write(stepWeight=50)
    theatre.platform.apply(deployment("v2"))
    pods = Pods(theatre, "gate", "50")
    run = by_tekton(theatre, tmp_path, pods, ending=tekton_engine.Ending.DELETED)

    assert (run.run(), pods.killed, run.done[-2:]) == ("Failed", 1, ["weight-50", "judge-50"])
    eventually(lambda: theatre.state.phase is Phase.FAILED, within_s=30)

    assert versions(theatre.platform.addresses.apex, 20) == {"v1": 20}
    assert theatre.users.snapshot().failures == 0


def test_v2_is_promoted_though_the_first_pod_of_every_stage_is_killed(theatre: Theatre, tmp_path: Path) -> None:
    theatre.write(stepWeight=50, maxWeight=50)
    theatre.platform.apply(deployment("v2"))
    pods = Pods(theatre, *EACH)
    run = by_argo(theatre, tmp_path, pods)

    assert (run.run(), pods.killed) == ("Succeeded", len(run.nodes))

    assert versions(theatre.platform.addresses.apex, 20) == {"v2": 20}
    assert theatre.users.snapshot().failures == 0


@pytest.mark.parametrize(
    ("ending", "mortal", "by"),
    [
        (Ending.STOPPED, ("set-weight",), signal.SIGTERM),
        (Ending.TERMINATED, ("gate", "50"), signal.SIGKILL),
        (Ending.TIMED_OUT, ("promote",), signal.SIGTERM),
        (Ending.DELETED, ("shift-back",), signal.SIGKILL),
    ],
    ids=["stopped at a weight", "terminated at a gate", "timed out at the promotion", "deleted on the way back"],
)
def test_a_workflow_that_is_ended_with_its_pod_leaves_the_traffic_on_the_primary(
    theatre: Theatre, tmp_path: Path, ending: Ending, mortal: tuple[str, ...], by: signal.Signals
) -> None:
    theatre.write(stepWeight=50, maxWeight=50)
    theatre.platform.apply(deployment("v2"))
    pods = Pods(theatre, *mortal, by=by)
    run = by_argo(theatre, tmp_path, pods, parameters={"lease": "3s"}, ending=ending)

    assert (run.run(), pods.killed) == ("Failed", 1)
    eventually(lambda: not theatre.state.under_way, within_s=30)

    primary = "v2" if theatre.state.phase is Phase.SUCCEEDED else "v1"
    assert versions(theatre.platform.addresses.apex, 20) == {primary: 20}
    assert theatre.users.snapshot().failures == 0
