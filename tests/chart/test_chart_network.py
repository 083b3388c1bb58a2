"""Who may reach whom: network policies and the policies of the meshes."""

from pathlib import Path
from typing import Any

import pytest

from tests.chart.charts import CHART, DEFAULT, FULL, Manifest, kinds, named, needs_helm, pick, render, render_file

pytestmark = needs_helm
ISTIO = CHART / "ci/istio-strict-values.yaml"
LINKERD = CHART / "ci/linkerd-values.yaml"
MINIMAL = CHART / "ci/minimal-rights-values.yaml"
WATCHDOG = CHART / "ci/watchdog-values.yaml"
HERE = CHART / "ci/runner-here-values.yaml"


def policy(values: Path, name: str = "penstock") -> Manifest:
    spec: Manifest = pick(render_file(values), "NetworkPolicy", name)["spec"]
    return spec


def namespaces(peers: list[Manifest]) -> list[str]:
    return [
        each["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for each in peers
        if each.get("namespaceSelector")
    ]


def component(peers: list[Manifest] | None) -> str:
    """Name the part of Penstock that a rule is about, if it is about one."""
    return next(
        (
            each["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
            for each in peers or []
            if "podSelector" in each
        ),
        "",
    )


def ports(rules: list[Manifest]) -> set[Any]:
    return {port["port"] for rule in rules for port in rule.get("ports", [])}


def test_hooks_come_from_canary_controllers_and_what_is_ours_or_scrapes() -> None:
    controllers, runner, test, prometheus = policy(DEFAULT)["ingress"]

    assert namespaces(controllers["from"]) == ["flagger-system", "istio-system"]
    assert runner["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "runner"
    assert test["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "test"
    assert namespaces(prometheus["from"]) == ["monitoring"]
    assert ports([controllers, runner, test, prometheus]) == {"http"}


def test_the_service_goes_to_names_and_the_api_server_alone() -> None:
    names, server = policy(DEFAULT)["egress"]

    assert (ports([names]), ports([server])) == ({53, 5353}, {443, 6443})


@pytest.mark.parametrize("name", ["penstock", "penstock-runner", "penstock-watchdog"])
def test_names_are_asked_where_openshift_answers_them_too(name: str) -> None:
    names, *_ = policy(WATCHDOG, name)["egress"]

    assert names == {"ports": [{"port": port, "protocol": way} for port in (53, 5353) for way in ("UDP", "TCP")]}


def test_an_api_server_can_be_named() -> None:
    *_, server = policy(MINIMAL)["egress"]

    assert server == {"ports": [{"port": 6443, "protocol": "TCP"}], "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]}


def test_a_database_is_reached_where_there_is_one() -> None:
    assert {5432} <= ports(policy(FULL, "sluice-gate")["egress"])


@pytest.mark.parametrize(
    ("url", "reached"),
    [
        ("http://prometheus.istio-system:9090", ["monitoring", "istio-system"]),
        ("http://prometheus.monitoring.svc:9090/prometheus", ["monitoring"]),
        ("http://prometheus:9090", ["monitoring", "release-tools"]),
    ],
)
def test_the_judge_reaches_its_prometheus(url: str, reached: list[str]) -> None:
    egress = pick(render({"prometheus": {"url": url}}), "NetworkPolicy", "penstock")["spec"]["egress"]

    assert namespaces(egress[-1]["to"]) == reached


@pytest.mark.parametrize(
    ("url", "block"), [("http://10.1.2.3:9090", "10.1.2.3/32"), ("http://[fd00::1]:9090", "fd00::1/128")]
)
def test_the_judge_reaches_a_prometheus_that_is_an_address(url: str, block: str) -> None:
    egress = pick(render({"prometheus": {"url": url}}), "NetworkPolicy", "penstock")["spec"]["egress"]

    assert egress[-1]["to"][0] == {"ipBlock": {"cidr": block}}
    assert namespaces(egress[-1]["to"]) == ["monitoring"]


def test_nobody_reaches_a_runner_and_it_reaches_the_service_and_canaries() -> None:
    spec = policy(MINIMAL, "penstock-runner")
    names, service, canaries = spec["egress"]

    assert (spec["ingress"], spec["policyTypes"]) == ([], ["Ingress", "Egress"])
    assert ports([names]) == {53, 5353}
    assert service["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "server"
    assert namespaces(canaries["to"]) == ["weather"]


def test_a_runner_reaches_the_api_server_only_for_jobs() -> None:
    assert 6443 not in ports(policy(DEFAULT, "penstock-runner")["egress"])
    assert 6443 in ports(policy(WATCHDOG, "penstock-runner")["egress"])


def test_a_service_that_runs_tests_goes_where_tests_go() -> None:
    assert {"to": [{"namespaceSelector": {}}]} in policy(HERE)["egress"]
    assert {"to": [{"namespaceSelector": {}}]} not in policy(DEFAULT)["egress"]


def test_only_prometheus_reaches_the_watchdog() -> None:
    (figures,) = policy(WATCHDOG, "penstock-watchdog")["ingress"]

    assert (namespaces(figures["from"]), ports([figures])) == (["monitoring"], {"metrics"})


def test_without_prometheus_nobody_reaches_the_watchdog() -> None:
    objects = render({"watchdog": {"enabled": True}, "networkPolicy": {"prometheus": [], "callers": []}})

    assert pick(objects, "NetworkPolicy", "penstock-watchdog")["spec"]["ingress"] == []
    assert len(pick(objects, "NetworkPolicy", "penstock")["spec"]["ingress"]) == 3


@pytest.mark.parametrize("values", [WATCHDOG, ISTIO, LINKERD], ids=named)
def test_a_rescue_reaches_the_hooks_of_the_service(values: Path) -> None:
    there = next(
        rule for rule in policy(values, "penstock-watchdog")["egress"] if component(rule.get("to")) == "server"
    )
    here = next(rule for rule in policy(values)["ingress"] if component(rule["from"]) == "watchdog")

    assert "http" in ports([there])
    assert there["ports"] == here["ports"]


def test_a_rescue_reaches_hooks_elsewhere_where_that_is_said() -> None:
    assert {"ports": [{"port": 443}]} in policy(FULL, "sluice-gate-watchdog")["egress"]


@pytest.mark.parametrize(("secret", "path"), [("", "/hooks/*"), ("prefix", "/{*}/hooks/{*}")])
def test_in_istio_a_rescue_reaches_hooks_alone(secret: str, path: str) -> None:
    prefix = {"pathPrefix": {"existingSecret": secret}}
    objects = render({"istio": {"enabled": True}, "watchdog": {"enabled": True}, "auth": prefix})
    rules = pick(objects, "AuthorizationPolicy", "penstock")["spec"]["rules"]

    source = {"principals": ["cluster.local/ns/release-tools/sa/penstock-watchdog"]}
    assert {"from": [{"source": source}], "to": [{"operation": {"paths": [path]}}]} in rules


def test_policies_can_be_left_out() -> None:
    assert "NetworkPolicy" not in kinds(render({"networkPolicy": {"enabled": False}}))


@pytest.mark.parametrize("name", ["penstock", "penstock-runner", "penstock-watchdog"])
def test_sidecars_stay_in_touch_with_their_mesh(name: str) -> None:
    istio, linkerd = (policy(values, name)["egress"] for values in (ISTIO, LINKERD))

    assert 15012 in ports(istio)
    assert {8080, 8086, 8090} <= ports(linkerd)


def test_what_comes_through_a_mesh_is_let_in() -> None:
    assert 15020 in ports(policy(ISTIO)["ingress"])
    assert all(4143 in ports([rule]) for rule in policy(LINKERD)["ingress"])


def test_in_istio_only_the_callers_that_are_named_get_beyond_the_runner_door() -> None:
    objects = render_file(ISTIO)
    callers, runner, _, health = pick(objects, "AuthorizationPolicy", "penstock")["spec"]["rules"]

    assert callers == {"from": [{"source": {"principals": ["cluster.local/ns/istio-system/sa/flagger"]}}]}
    assert runner["from"][0]["source"]["principals"] == ["cluster.local/ns/release-tools/sa/penstock-runner"]
    assert runner["to"] == [{"operation": {"paths": ["/runner/*"]}}]
    assert health["to"][0]["operation"]["paths"] == ["/healthz", "/readyz"]


def test_istio_takes_mutual_tls_alone_and_lets_nobody_call_a_runner() -> None:
    objects = render_file(ISTIO)

    assert pick(objects, "PeerAuthentication")["spec"]["mtls"] == {"mode": "STRICT"}
    assert "rules" not in pick(objects, "AuthorizationPolicy", "penstock-runner")["spec"]
    assert "PeerAuthentication" not in kinds(render({"istio": {"enabled": True, "mtls": ""}}))


def test_pods_wait_for_their_sidecar() -> None:
    template = pick(render_file(ISTIO), "Deployment", "penstock-runner")["spec"]["template"]

    assert template["metadata"]["annotations"]["proxy.istio.io/config"] == '{"holdApplicationUntilProxyStarts": true}'


def test_in_linkerd_only_identities_that_are_named_get_in() -> None:
    objects = render_file(LINKERD)

    assert pick(objects, "MeshTLSAuthentication")["spec"]["identities"] == [
        "flagger.flagger-system.serviceaccount.identity.linkerd.cluster.local",
        "penstock-server.release-tools.serviceaccount.identity.linkerd.cluster.local",  # of helm test
        "penstock-runner.release-tools.serviceaccount.identity.linkerd.cluster.local",
        "penstock-watchdog.release-tools.serviceaccount.identity.linkerd.cluster.local",
    ]
    assert pick(objects, "Server")["spec"]["port"] == "http"
    assert pick(objects, "AuthorizationPolicy")["spec"]["targetRef"]["name"] == "penstock"
