"""What the primary's object is made of, and how a target is read: functions of manifests, no server needed."""

import copy

import pytest

from tests.cluster.workload_objects import daemon_set, deployment, plan, service
from workflows.cluster.kinds import DAEMON_SET, DEPLOYMENT, SERVICE, Manifest
from workflows.cluster.targets import Target, describe, kind_of
from workflows.cluster.tracking import without_tracking
from workflows.errors import ConfigurationError
from workflows.rollout.plan import Reference, Service
from workflows.workloads.kubernetes import copies, replicas, templates
from workflows.workloads.kubernetes.configs import Config


def target(manifest: Manifest) -> Target:
    return describe(DEPLOYMENT, manifest, plan())


def primary_pod(pod: Manifest) -> Manifest:
    """The pod of the primary that a target with such a pod gets."""
    built = templates.build_primary(target(deployment(pod=pod)), [], "r1")
    spec: Manifest = built["spec"]["template"]["spec"]
    return spec


OWN = {"labelSelector": {"matchLabels": {"app": "ad"}}}
OTHER = {"labelSelector": {"matchLabels": {"app": "db", "tier": "ad"}}}
LISTED = {"labelSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["ad", "db"]}]}}
TIER = {"labelSelector": {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}}
REQUIRED, PREFERRED = (f"{word}DuringSchedulingIgnoredDuringExecution" for word in ("required", "preferred"))


@pytest.mark.parametrize(
    ("rule", "selector"),
    [
        (OWN, {"matchLabels": {"app": "ad-primary"}}),
        (OTHER, OTHER["labelSelector"]),
        (LISTED, {"matchExpressions": [{"key": "app", "operator": "In", "values": ["ad-primary", "db"]}]}),
        (TIER, TIER["labelSelector"]),
    ],
)
def test_rules_that_keep_pods_apart_speak_of_the_primarys_own(rule: Manifest, selector: Manifest) -> None:
    affinity = {
        "podAntiAffinity": {REQUIRED: [rule], PREFERRED: [{"weight": 1, "podAffinityTerm": rule}]},
        "podAffinity": {REQUIRED: [rule]},
        "nodeAffinity": {REQUIRED: {"nodeSelectorTerms": []}},
    }

    pod = primary_pod({"affinity": affinity, "topologySpreadConstraints": [{"maxSkew": 1, **rule}, {"maxSkew": 2}]})

    apart = pod["affinity"]["podAntiAffinity"]
    found = [apart[REQUIRED][0], apart[PREFERRED][0]["podAffinityTerm"], pod["affinity"]["podAffinity"][REQUIRED][0]]
    assert [rule["labelSelector"] for rule in [*found, pod["topologySpreadConstraints"][0]]] == [selector] * 4


def test_the_target_itself_is_left_as_it_is() -> None:
    manifest = deployment(pod={"affinity": {"podAntiAffinity": {REQUIRED: [copy.deepcopy(OWN)]}}})
    before = copy.deepcopy(manifest)

    templates.build_primary(target(manifest), [Config("configmap", "x")], "r1")

    assert manifest == before


def test_a_paused_target_gets_a_primary_that_runs() -> None:
    manifest = deployment()
    manifest["spec"]["paused"] = True

    assert "paused" not in templates.build_primary(target(manifest), [], "r1")["spec"]


def test_a_primary_keeps_its_selector_whatever_the_targets_becomes() -> None:
    found = templates.build_primary(target(deployment()), [], "r1")
    found["spec"]["selector"] = {"matchLabels": {"app": "ad-primary", "made": "by hand"}}
    wanted = templates.build_primary(target(deployment("ad:v2")), [], "r2")

    promoted = templates.promote_onto(found, wanted, keep_replicas=False)

    assert promoted["spec"]["selector"] == found["spec"]["selector"]
    assert promoted["spec"]["template"] == wanted["spec"]["template"]


def test_a_revision_knows_the_pods_and_the_configs_but_not_what_scaling_writes() -> None:
    template = deployment()["spec"]["template"]
    scaled = copy.deepcopy(template)
    scaled["spec"]["nodeSelector"] = {templates.SCALED_TO_ZERO: "true"}
    scaled["metadata"]["annotations"] = {templates.STARTED_WITH: "x"}
    config = Config("configmap", "settings")

    assert templates.revise(scaled, {}) == templates.revise(template, {})
    assert (
        len({templates.revise(template, {config: said}) for said in ("1", "2")} | {templates.revise(template, {})}) == 3
    )


def test_nodes_that_people_chose_stay_chosen() -> None:
    manifest = daemon_set()
    manifest["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}

    down = replicas.scale_down(DAEMON_SET, manifest)
    primary = templates.build_primary(describe(DAEMON_SET, down, plan()), [], "r1")

    assert down["spec"]["template"]["spec"]["nodeSelector"] == {"disk": "ssd", templates.SCALED_TO_ZERO: "true"}
    assert primary["spec"]["template"]["spec"]["nodeSelector"] == {"disk": "ssd"}
    assert replicas.scale_up(DAEMON_SET, down, 1) == manifest


def test_a_copy_takes_nothing_of_the_originals_identity() -> None:
    source = deployment()
    source["metadata"] |= {
        "uid": "u",
        "resourceVersion": "7",
        "generation": 3,
        "ownerReferences": [{}],
        "finalizers": ["x"],
    }

    wanted = copies.copy_of({**source, "status": {"replicas": 2}}, "other")

    assert wanted["metadata"] == {"name": "other", "namespace": "test", "labels": {"app": "ad"}, "annotations": {}}
    assert "status" not in wanted


@pytest.mark.parametrize(
    "mark",
    [
        "app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "argocd.argoproj.io/tracking-id",
        "helm.sh/chart", "kubectl.kubernetes.io/last-applied-configuration", "kustomize.toolkit.fluxcd.io/name",
        "meta.helm.sh/release-name", "penstock.dev/revision",
    ],
)  # fmt: skip
def test_a_tools_mark_is_not_copied(mark: str) -> None:
    assert without_tracking({mark: "x", "app": "ad"}) == {"app": "ad"}


def labelled(**labels: str) -> Manifest:
    manifest = deployment()
    manifest["spec"]["selector"]["matchLabels"] = labels
    return manifest


@pytest.mark.parametrize(
    ("manifest", "annotation", "found"),
    [
        (labelled(app="ad", name="x"), "", ("app", "ad")),
        (labelled(name="ad"), "", ("name", "ad")),
        (labelled(**{"app.kubernetes.io/name": "ad"}), "", ("app.kubernetes.io/name", "ad")),
        (labelled(app="ad", component="web"), "service, component", ("component", "web")),
    ],
)
def test_pods_are_picked_by_the_first_usual_label_or_the_one_that_is_named(
    manifest: Manifest, annotation: str, found: tuple[str, str]
) -> None:
    annotations = {"penstock.dev/selector-labels": annotation} if annotation else {}

    described = describe(DEPLOYMENT, manifest, plan(annotations=annotations))

    assert (described.label, described.value) == found
    assert described.primary_value == f"{found[1]}-primary"


@pytest.mark.parametrize("selector", [{}, {"matchLabels": {"component": "web"}}])
def test_a_target_whose_pods_cannot_be_told_apart_is_refused_with_the_way_out(selector: Manifest) -> None:
    manifest = deployment()
    manifest["spec"]["selector"] = selector

    with pytest.raises(ConfigurationError, match=r"but none of app, name, app.kubernetes.io/name; add one of them, or"):
        target(manifest)


OPEN = [{"name": "http", "containerPort": 8080}, {"containerPort": 9797}, {"name": "grpc", "containerPort": 9999}]
PORTS = [
    {"name": "ad", "ports": OPEN},
    {"name": "istio-proxy", "ports": [{"name": "proxy", "containerPort": 15001}]},
    {"name": "plain"},
]


@pytest.mark.parametrize("target_port", [8080, "http"])
def test_ports_beside_the_services_own_are_discovered_when_asked_for(target_port: int | str) -> None:
    asked = Service("ad", 80, target_port, settings={"portDiscovery": True})
    manifest = deployment(pod={"containers": PORTS})

    assert describe(DEPLOYMENT, manifest, plan(service=asked)).ports == {"tcp-ad-1": 9797, "grpc": 9999}
    assert describe(DEPLOYMENT, manifest, plan()).ports == {}


def test_a_service_is_read_without_a_label() -> None:
    described = describe(SERVICE, service("ad", {"version": "v1"}), plan(target=Reference("Service", "ad")))

    assert (described.label, described.value, described.primary_name) == ("", "", "ad-primary")


@pytest.mark.parametrize(
    ("kind", "version"),
    [("StatefulSet", "apps/v1"), ("Service", "serving.knative.dev/v1alpha1"), ("Deployment", "apps/v1beta1")],
)
def test_what_cannot_be_released_is_refused_with_what_can(kind: str, version: str) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be released; known: Deployment \(apps/v1\), DaemonSet"):
        kind_of(plan(target=Reference(kind, "ad", version)))


def test_a_daemon_set_has_no_replicas_to_copy() -> None:
    built = templates.build_primary(describe(DAEMON_SET, daemon_set(), plan()), [], "r1")

    assert "replicas" not in built["spec"]
