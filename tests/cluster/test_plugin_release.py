"""Releases by the executor plugin: a fake agent drives the real plugin over HTTP, which runs real stage commands."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.argo_engine import Ending
from tests.cluster.releases import Stage, canary
from tests.plugin.agent import Agent
from tests.plugin.plugin_engine import PluginEngine
from tests.plugin.plugin_process import kill, plugin_process
from tests.plugin.served_plugin import served
from tests.plugin.stand_in_runner import StandInRunner
from tests.webhooks.served import eventually
from webhooks.store.memory import MemoryStore
from workflows import canary as canaries
from workflows.manifests.argo_plugin import write_argo_plugin
from workflows.manifests.pipeline import Shape

STEPS = ["set-weight 30", "gate", "set-weight 60", "gate"]
PROMOTION = ["hook confirm-promotion", "promote", "shift-back", "finalise"]
BODY = {"canary": "ad", "namespace": "test"}


def phase_of(reply: dict[str, Any] | None) -> str:
    return str(reply["node"]["phase"]) if reply else ""


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


def test_a_good_version_is_promoted_with_one_pod_though_every_call_comes_twice(stage: Stage, plugin: Plugin) -> None:
    stage.set_image("v2")
    plugin.agent.copies = 2

    assert plugin.engine().run() == "Succeeded"

    assert plugin.runner.done == ["acquire", "initialise", "start", "gate 0", *STEPS, *PROMOTION]
    assert (stage.image("ad-primary"), stage.home(), stage.status()["phase"]) == ("ad:v2", True, "Succeeded")


def test_a_bad_version_loses_its_traffic_and_an_agent_that_asks_anew_is_told_so_again(
    stage: Stage, plugin: Plugin
) -> None:
    stage.set_image("v3")
    run = plugin.engine()

    assert run.run() == "Failed"
    again = {node: plugin.agent.deliver(node, body) for node, body in run.calls}

    assert run.nodes[-2:] == ["gate", "finish"]
    assert again == {node: {"node": results[-1]} for node, results in plugin.agent.results.items()}
    assert (stage.image("ad-primary"), stage.home(), stage.status()["phase"]) == ("ad:v1", True, "Failed")


@pytest.mark.parametrize("at", ["set-weight 60", "shift-back"])
def test_a_stage_that_goes_on_after_a_stop_moves_nothing(stage: Stage, plugin: Plugin, at: str) -> None:
    stage.set_image("v2")

    assert plugin.engine(ending=Ending.STOPPED, at=at).run() == "Failed"
    stood = (stage.home(), stage.status()["phase"], stage.image("ad-primary"))
    plugin.runner.step()

    assert plugin.runner.done[-1] == at
    assert (stage.home(), stage.status()["phase"], stage.image("ad-primary")) == stood
    assert stood[:2] in {(True, "Failed"), (True, "Succeeded")}


def test_a_plugin_that_has_lost_its_runs_begins_each_stage_anew_and_comes_to_the_same_end(
    stage: Stage, plugin: Plugin
) -> None:
    stage.set_image("v2")
    lost: set[int] = set()

    def lose() -> None:
        plugin.runner.step()
        if len(run.nodes) not in lost:
            lost.add(len(run.nodes))
            plugin.runner.service.runs.runs = MemoryStore().runs

    plugin.agent.meanwhile = lose
    run = plugin.engine()

    assert run.run() == "Succeeded"

    assert plugin.runner.done[:4] == ["acquire", "acquire", "initialise", "initialise"]
    assert (stage.image("ad-primary"), stage.home(), stage.status()["phase"]) == ("ad:v2", True, "Succeeded")


def test_a_plugin_that_is_killed_in_mid_stage_goes_on_where_it_was(stage: Stage, tmp_path: Path) -> None:
    stage.set_image("v2")
    assert stage.stage("start", "--owner=argo/6f1d2c9a-uid") == 0
    flags = [f"--kubeconfig={stage.kubeconfig}"]
    gate = {**BODY, "opId": "gate", "stage": "gate", "interval": "3s", "prometheus": stage.prometheus}
    with plugin_process(tmp_path, *flags) as served:
        agent = Agent(served.url, pace=0.1)
        eventually(lambda: phase_of(agent.deliver("gate", gate)) == "Running", "a gate that works")
        kill(served)

    with plugin_process(tmp_path, *flags) as served:
        again = Agent(served.url, pace=0.1)
        result = again.run("gate", gate)

    assert (result["phase"], stage.status()["phase"]) == ("Succeeded", "Progressing")


def test_a_start_that_comes_after_a_stop_gives_the_canary_no_traffic(stage: Stage, plugin: Plugin) -> None:
    stage.set_image("v2")
    plugin.engine(ending=Ending.STOPPED, at="start").run()

    plugin.runner.step()

    assert (plugin.runner.done[-1], stage.home(), stage.status()["canaryWeight"]) == ("start", True, 0)
    assert stage.lease()["spec"]["holderIdentity"] == "argo/uid-1"


def test_of_two_workflows_the_second_is_refused_or_takes_over(stage: Stage, plugin: Plugin) -> None:
    stage.set_image("v2")
    first = plugin.agent
    second = replace(first, uid="uid-2", results={})
    first.run("acquire", {**BODY, "opId": "acquire", "stage": "acquire"})
    first.run("start", {**BODY, "opId": "start", "stage": "start"})

    refused = second.run("acquire", {**BODY, "opId": "acquire", "stage": "acquire"})
    second.run("again", {**BODY, "opId": "again", "stage": "acquire", "onConflict": "supersede"})
    fenced = first.run("weight", {**BODY, "opId": "weight", "stage": "set-weight", "value": "30"})

    assert [each["outputs"]["exitCode"] for each in (refused, fenced)] == ["14", "14"]
    assert "argo/uid-1" in refused["message"]
    assert "argo/uid-2" in fenced["message"]
    assert stage.home()
