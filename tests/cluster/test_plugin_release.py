"""Releases by the executor plugin: a fake agent drives the real plugin over HTTP, which runs real stage commands."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.argo_engine import Ending
from tests.cluster.releases import Stage, canary
from tests.plugin.agent import Agent
from tests.plugin.plugin_engine import PluginEngine
from tests.plugin.served_plugin import served
from tests.plugin.stand_in_runner import StandInRunner
from workflows import canary as canaries
from workflows.manifests.argo_plugin import write_argo_plugin
from workflows.manifests.pipeline import Shape

STEPS = ["set-weight 30", "gate", "set-weight 60", "gate"]
PROMOTION = ["hook confirm-promotion", "promote", "shift-back", "finalise"]
POD = ["finish"]


@dataclass
class Plugin:
    """The plugin beside a cluster, its runner, and the agent that asks it."""

    agent: Agent
    runner: StandInRunner
    tail: list[str]
    folder: Path

    def engine(self, **settings: Any) -> PluginEngine:
        plan = canaries.parse(yaml.safe_dump(canary()), "canary")
        template = next(each for each in write_argo_plugin(plan, Shape(), "penstock:1") if "template" in each.name)
        written = yaml.safe_load(str(template).partition("---")[2])
        return PluginEngine(written, self.folder, self.tail, agent=self.agent, **settings)


@pytest.fixture
def plugin(stage: Stage, tmp_path: Path) -> Iterator[Plugin]:
    options = [f"--kubeconfig={stage.kubeconfig}", f"--prometheus={stage.prometheus}", "--interval=50ms"]
    with served(tmp_path / "data", *options) as (url, service):
        runner = StandInRunner(service)
        yield Plugin(Agent(url, runner.step, uid="uid-1"), runner, options, tmp_path)


def test_a_good_version_is_promoted_with_one_pod(stage: Stage, plugin: Plugin) -> None:
    stage.set_image("v2")

    assert plugin.engine().run() == "Succeeded"

    assert plugin.runner.done == ["acquire", "initialise", "start", "gate", *STEPS, *PROMOTION]
    assert (stage.image("ad-primary"), stage.home(), stage.status()["phase"]) == ("ad:v2", True, "Succeeded")


def test_a_bad_version_loses_its_traffic_at_the_gate(stage: Stage, plugin: Plugin) -> None:
    stage.set_image("v3")
    run = plugin.engine()

    assert run.run() == "Failed"

    assert run.nodes[-2:] == ["gate", "finish"]
    assert (stage.image("ad-primary"), stage.home(), stage.status()["phase"]) == ("ad:v1", True, "Failed")


def test_every_call_made_twice_at_once_runs_each_stage_once(stage: Stage, plugin: Plugin) -> None:
    stage.set_image("v2")
    plugin.agent.copies = 2

    assert plugin.engine().run() == "Succeeded"

    assert plugin.runner.done == ["acquire", "initialise", "start", "gate", *STEPS, *PROMOTION]


def test_an_agent_that_has_forgotten_everything_is_told_the_same_again(stage: Stage, plugin: Plugin) -> None:
    stage.set_image("v3")
    run = plugin.engine()
    run.run()
    last = {node: results[-1] for node, results in plugin.agent.results.items()}

    again = {node: plugin.agent.deliver(node, body) for node, body in run.calls}

    assert again == {node: {"node": result} for node, result in last.items()}
    assert stage.home()


@pytest.mark.parametrize("at", ["gate", "set-weight 30", "set-weight 60", "promote", "shift-back"])
def test_a_stage_that_goes_on_after_a_stop_moves_nothing(stage: Stage, plugin: Plugin, at: str) -> None:
    stage.set_image("v2")

    assert plugin.engine(ending=Ending.STOPPED, at=at).run() == "Failed"
    stood = (stage.home(), stage.status()["phase"], stage.image("ad-primary"))
    plugin.runner.step()

    assert plugin.runner.done[-1] == at
    assert (stage.home(), stage.status()["phase"], stage.image("ad-primary")) == stood
    assert stood[:2] in {(True, "Failed"), (True, "Succeeded")}
