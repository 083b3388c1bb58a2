"""Loads and requests that a template asks for, made by the real runner in processes of their own."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.agent import Agent
from tests.plugin.served_plugin import served
from tests.webhooks.bench import AdService
from webhooks.runs import Bell
from webhooks.runs.runner import Runner


@pytest.fixture
def ad() -> Iterator[AdService]:
    with AdService() as server:
        yield server


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with served(tmp_path) as (url, service):
        runner = Runner(service.store, Bell(tmp_path / "bell"), time.time, {"PATH": os.environ["PATH"]})
        yield Agent(url, runner.step, pace=0.001)
        runner.close()


def load_of(ad: AdService) -> dict[str, Any]:
    """Write what the rendered template asks once its parameters are filled in: texts."""
    plan = {"rate": "40", "duration": "500ms"}
    test = {
        "kind": "load",
        "target": f"http://{ad.address}",
        "plan": plan,
        "thresholds": ["http_req_failed: rate<0.05"],
    }
    return {"opId": "{{node.name}}", "test": test}


def test_a_load_is_made_and_judged_without_a_pod(agent: Agent, ad: AdService) -> None:
    result = agent.run("release-ad[1].load", load_of(ad))

    assert (result["phase"], result["outputs"]["parameters"][0]) == (
        "Succeeded",
        {"name": "verdict", "value": "passed"},
    )
    assert len(ad.hosts) >= 10


def test_requests_are_sent_and_answers_held_against_what_is_expected(agent: Agent, ad: AdService) -> None:
    test = {"kind": "http", "target": f"http://{ad.address}", "requests": [{"path": "/ad", "expect": {"status": 418}}]}

    result = agent.run("release-ad[1].smoke", {"opId": "{{node.name}}", "test": test})

    assert result["phase"] == "Failed"
    assert "418" in result["message"]
