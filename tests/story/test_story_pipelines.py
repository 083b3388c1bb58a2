"""The rendered pipelines on the local platform: its Envoy, its supervisor with the watchdog, leases in files, users."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.argo_engine import KILLED, ArgoEngine
from tests.cluster.tekton_engine import Ending, TektonEngine
from tests.local_traffic import deployment, eventually, versions
from tests.story.conftest import PENSTOCK, Theatre
from workflows import canary
from workflows.cli import main
from workflows.manifests import argo, tekton
from workflows.rollout.phase import Phase


class Pods:
    """Runs the commands of pods on the local platform; the first pod of the stage `mortal` is killed at its work."""

    def __init__(self, theatre: Theatre, *mortal: str) -> None:
        self._theatre, self._mortal = theatre, mortal
        self.killed = 0

    def __call__(self, words: list[str]) -> int:
        place = words.index("--canary")
        here = [*words[:place], "--file", str(self._theatre.file), *words[place + 2 :]]
        if not self.killed and self._dies(words):
            return self._kill(here)
        return main(here)

    def _dies(self, words: Sequence[str]) -> bool:
        weight = str(self._theatre.state.weight)
        return bool(self._mortal) and (words[1], weight) == self._mortal

    def _kill(self, words: list[str]) -> int:
        """Kill the process once it holds the release and looks on."""
        before = self._lease()
        pod = subprocess.Popen([*PENSTOCK, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: self._lease() != before, within_s=30)
        os.kill(pod.pid, signal.SIGKILL)
        self.killed += 1
        assert pod.wait(timeout=30) == -signal.SIGKILL
        return KILLED

    def _lease(self) -> str:
        (kept,) = (self._theatre.platform.directory / "states").glob("ad.weather*.json")
        return kept.read_text()


def by_argo(theatre: Theatre, folder: Path, pods: Pods) -> ArgoEngine:
    template = yaml.safe_load(str(argo.write_argo(canary.load(theatre.file))[0]))
    return ArgoEngine(template, folder, theatre.options, run_stage=pods)


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
    run = by_tekton(theatre, tmp_path, pods, ending=Ending.DELETED)

    assert (run.run(), pods.killed, run.done[-2:]) == ("Failed", 1, ["weight-50", "judge-50"])
    eventually(lambda: theatre.state.phase is Phase.FAILED, within_s=30)

    assert versions(theatre.platform.addresses.apex, 20) == {"v1": 20}
    assert theatre.users.snapshot().failures == 0
