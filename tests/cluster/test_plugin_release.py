"""Releases by the executor plugin: a fake agent drives the real plugin over HTTP, which runs real stage commands."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.releases import Stage
from tests.plugin.agent import Agent
from tests.plugin.served_plugin import served
from tests.plugin.stand_in_runner import StandInRunner

ORDER = ["acquire", "initialise", "start", "gate", "set-weight 30", "gate", "set-weight 60", "gate"]
PROMOTION = ["hook confirm-promotion", "promote", "shift-back", "finalise"]


class Plugin:
    """The plugin beside a cluster, its runner, and the agent that asks it."""

    def __init__(self, url: str, runner: StandInRunner) -> None:
        self.runner = runner
        self.agent = Agent(url, runner.step)

    def stage(self, number: int, words: str) -> dict[str, Any]:
        stage, _, value = words.partition(" ")
        body = {"opId": "{{node.name}}", "stage": stage, "value": value, "canary": "ad"}
        return self.agent.run(f"release-ad[{number}].{stage}", body)

    def release(self, stages: list[str]) -> list[str]:
        """Run stages until one fails, and give their phases."""
        phases = []
        for number, words in enumerate(stages):
            phases.append(self.stage(number, words)["phase"])
            if phases[-1] != "Succeeded":
                break
        return phases


@pytest.fixture
def plugin(stage: Stage, tmp_path: Path) -> Iterator[Plugin]:
    options = (f"--kubeconfig={stage.kubeconfig}", f"--prometheus={stage.prometheus}", "--interval=50ms")
    with served(tmp_path / "data", *options) as (url, service):
        yield Plugin(url, StandInRunner(service))


def test_a_good_version_is_promoted_without_a_pod(stage: Stage, plugin: Plugin) -> None:
    stage.set_image("v2")

    assert set(plugin.release([*ORDER, *PROMOTION])) == {"Succeeded"}

    assert (stage.image("ad-primary"), stage.home(), stage.status()["phase"]) == ("ad:v2", True, "Succeeded")


def test_a_bad_version_loses_its_traffic_without_a_pod(stage: Stage, plugin: Plugin) -> None:
    stage.set_image("v3")

    assert plugin.release(ORDER)[-1] == "Failed"

    assert (stage.image("ad-primary"), stage.home(), stage.status()["phase"]) == ("ad:v1", True, "Failed")
