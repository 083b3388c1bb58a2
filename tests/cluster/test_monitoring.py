"""Dashboard and alert rules use what is really exported, by the service and by the watchdog."""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.releases import Stage
from tests.webhooks.bench import Bench
from webhooks.app import compose
from webhooks.protocol import HookType
from webhooks.settings import Settings
from webhooks.store.records import RunState
from webhooks.telemetry import metrics
from workflows.exposition import ReleaseCollector
from workflows.manifests.monitoring.alerts import RUNBOOKS, write_alerts
from workflows.manifests.monitoring.dashboard import write_dashboard

SELECTOR = re.compile(r"\b((?:penstock|flagger)_\w+)(?:\{([^}]*)\})?")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
ADDED_BY_PROMETHEUS = frozenset({"le", "alertname"})

Exported = dict[str, frozenset[str]]


@pytest.fixture
def exported(stage: Stage, tmp_path: Path) -> Exported:
    """Give the labels of every series after a release judged by evidence, hooks, a load and a test."""
    stage.set_image("v3")
    for words in (["start"], ["gate"], ["set-weight", "30"], ["gate"]):
        stage.stage(*words, "--judge", "evidence")
    registry = CollectorRegistry()
    registry.register(ReleaseCollector(stage.cluster))
    texts = [generate_latest(registry).decode(), scrape_service(Bench(tmp_path))]
    found: dict[str, frozenset[str]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, frozenset()) | frozenset(sample.labels)
    return found


def scrape_service(bench: Bench) -> str:
    client = compose(bench.service, Settings()).test_client()
    body = {"name": "ad", "namespace": "weather", "phase": "Progressing", "checksum": "r2"}
    client.post("/hooks/confirm-promotion", json=body)
    bench.call(HookType.PRE_ROLLOUT, test="load", wait="1ms")
    bench.report(200, 3)
    metrics.CANARIES_SEEN.labels("weather").set(1)
    metrics.RUNS_ENDED.labels("load", RunState.PASSED.value).inc()
    return client.get("/metrics").text


def walk(panels: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for panel in panels:
        for target in panel.get("targets", []):
            yield target["expr"], target["legendFormat"]


def wanted() -> list[tuple[str, str]]:
    (dashboard,), (alerts,) = write_dashboard(), write_alerts(argparse.Namespace(runbooks=RUNBOOKS))
    (group,) = alerts.objects[0]["groups"]
    rules = [(rule["expr"], "") for rule in group["rules"]]
    return [*walk(json.loads(str(dashboard))["panels"]), *rules]


def test_dashboard_and_alerts_ask_for_nothing_that_is_not_there(exported: Exported) -> None:
    for expression, legend in wanted():
        uses = SELECTOR.findall(expression)
        assert uses, expression
        known = ADDED_BY_PROMETHEUS.union(*(exported[name] for name, _ in uses))
        for name, selector in uses:
            assert set(LABEL.findall(selector)) <= exported[name], expression
        assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= known, legend
        for grouped in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression):
            assert {label.strip() for label in grouped.split(",")} <= known, expression


def test_every_figure_is_documented(exported: Exported) -> None:
    page = (Path(__file__).parents[2] / "docs/operations.md").read_text()
    ours = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported if not name.endswith("_created")}
    assert [name for name in sorted(ours) if f"`{name}`" not in page] == []
