"""What watches over the service, and what helm says after an installation."""

import re
from pathlib import Path

import pytest

from tests.chart.charts import (
    CHART,
    DEFAULT,
    FULL,
    NAMESPACE,
    Manifest,
    helm,
    kinds,
    named,
    needs_helm,
    pick,
    render_file,
)
from workflows.cli import COMMANDS

pytestmark = needs_helm
ISTIO = CHART / "ci/istio-strict-values.yaml"
WATCHDOG = CHART / "ci/watchdog-values.yaml"


def notes(values: Manifest) -> str:
    """Give what helm says after an installation."""
    words = ("install", "penstock", str(CHART), "--namespace", NAMESPACE, "--dry-run=client")
    return helm(*words, values=values).stdout.partition("NOTES:\n")[2]


def test_without_the_operator_there_is_no_monitor_and_the_notes_say_so() -> None:
    assert not {"ServiceMonitor", "PrometheusRule"} & set(kinds(render_file(DEFAULT, operator=False)))
    assert {"ServiceMonitor", "PrometheusRule"} <= set(kinds(render_file(DEFAULT)))
    assert "There is no ServiceMonitor: the cluster does not know monitoring.coreos.com/v1" in notes({})


def test_the_notes_say_the_next_command_and_it_is_one() -> None:
    said = notes({})

    assert "penstock gate list" in said
    assert set(re.findall(r"(?m)^ +penstock ([a-z-]+)", said)) <= set(COMMANDS)
    assert "url: http://penstock.release-tools/hooks/confirm-promotion" in said


def test_the_notes_warn_of_what_is_open() -> None:
    said = notes({"auth": {"mode": "open"}, "runner": {"apart": False}, "settings": {"allow-commands": True}})

    assert "Whoever reaches the service may approve, halt and run: auth.mode is open." in said
    assert "Whoever reaches the service runs programs: settings.allow-commands is on." in said


def test_the_notes_say_that_nodes_must_have_an_image_without_a_registry() -> None:
    told = "names no registry: the nodes must have it"

    assert told in notes({})
    assert told not in notes({"image": {"repository": "registry.example/penstock"}})


def test_the_notes_say_whose_hooks_get_in() -> None:
    nobody: Manifest = {"networkPolicy": {"callers": []}}

    assert "of these namespaces alone: flagger-system, istio-system (networkPolicy.callers)" in notes({})
    assert "name the namespace of yours in networkPolicy.callers" in notes(nobody)
    assert "networkPolicy.callers" not in notes({"networkPolicy": {"callers": [], "extraIngress": [{}]}})


def test_alerts_about_a_watchdog_that_is_not_there_are_left_out() -> None:
    rules = [pick(render_file(each), "PrometheusRule")["spec"]["groups"] for each in (DEFAULT, ISTIO)]

    assert ["PenstockNoWatchdog" in str(each) for each in rules] == [False, True]


def test_alerts_that_nobody_wants_are_left_out_and_runbooks_get_their_address() -> None:
    groups = str(pick(render_file(FULL), "PrometheusRule")["spec"]["groups"])

    assert "PenstockReleaseFailed" not in groups
    assert "'runbook_url': 'https://docs.example/penstock/alerts.md#penstockservicea" in groups
    assert "'runbook':" not in groups


def test_without_an_address_of_the_runbooks_alerts_say_where_they_stand() -> None:
    groups = str(pick(render_file(DEFAULT), "PrometheusRule")["spec"]["groups"])

    assert "'runbook': 'docs/alerts.md, PenstockServiceAbsent'" in groups
    assert "runbook_url" not in groups


def test_alerts_keep_their_templates() -> None:
    assert "{{ $labels." in str(pick(render_file(ISTIO), "PrometheusRule"))


def test_the_dashboard_is_the_one_that_the_code_writes() -> None:
    held = pick(render_file(DEFAULT), "ConfigMap", "penstock-dashboard")

    assert held["data"]["penstock.json"] == (CHART / "files/dashboard.json").read_text()
    assert held["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_in_a_mesh_the_agent_hands_out_the_figures() -> None:
    objects = render_file(ISTIO)
    annotations = pick(objects, "Deployment", "penstock")["spec"]["template"]["metadata"]["annotations"]
    (endpoint,) = pick(objects, "ServiceMonitor", "penstock")["spec"]["endpoints"]

    assert annotations["prometheus.io/port"] == "8080"
    assert (endpoint["path"], endpoint["relabelings"][0]["replacement"]) == ("/stats/prometheus", "$1:15020")


@pytest.mark.parametrize("values", [WATCHDOG, ISTIO], ids=named)
def test_figures_keep_the_namespace_of_their_canary(values: Path) -> None:
    monitors = [each for each in render_file(values) if each["kind"] == "ServiceMonitor"]

    assert len(monitors) == 2
    assert all(endpoint["honorLabels"] is True for each in monitors for endpoint in each["spec"]["endpoints"])
