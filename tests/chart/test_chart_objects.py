"""What is rendered hangs together: labels, selectors, ports, probes, budgets, notes."""

from itertools import groupby
from pathlib import Path

import pytest

from tests.chart import shapes
from tests.chart.charts import (
    CHART,
    DEFAULT,
    FULL,
    NAMESPACE,
    OPERATOR,
    VALUES,
    Manifest,
    container_of,
    helm,
    kinds,
    named,
    needs_helm,
    pick,
    pod_of,
    render,
    render_file,
)

pytestmark = needs_helm
HA = CHART / "ci/ha-postgresql-values.yaml"
HERE = CHART / "ci/runner-here-values.yaml"
ISTIO = CHART / "ci/istio-strict-values.yaml"
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "ClusterWorkflowTemplate"}
RELEASE_1_30, RELEASE_1_34 = "1.30", "1.34"


def selected(selector: Manifest, objects: list[Manifest]) -> list[str]:
    """Name the Deployments whose pods a selector picks."""
    wanted = selector.get("matchLabels", selector).items()
    deployments = [each for each in objects if each["kind"] == "Deployment"]
    pods = {each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"] for each in deployments}
    return [name for name, labels in pods.items() if wanted <= labels.items()]


@pytest.mark.parametrize("values", VALUES, ids=named)
def test_every_object_is_one_that_its_kind_admits(values: Path) -> None:
    faults = [fault for each in render_file(values) for fault in shapes.faults(each, RELEASE_1_34)]

    assert faults == []


def test_the_oldest_kubernetes_of_the_chart_takes_it_too() -> None:
    faults = [fault for each in render_file(FULL) for fault in shapes.faults(each, RELEASE_1_30)]

    assert faults == []


def test_a_misspelt_field_would_be_found() -> None:
    deployment = pick(render_file(DEFAULT), "Deployment", "penstock")

    assert shapes.faults({**deployment, "sepc": {}}, RELEASE_1_34)
    with pytest.raises(FileNotFoundError):
        shapes.faults({**deployment, "kind": "Deploymint"}, RELEASE_1_34)


@pytest.mark.parametrize("values", VALUES, ids=named)
def test_no_two_objects_have_one_name_and_all_say_whose_they_are(values: Path) -> None:
    ours = [each for each in render_file(values) if each["metadata"]["name"] != "more"]
    names = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in ours]

    assert len(names) == len(set(names))
    for each in ours:
        assert each["metadata"]["labels"]["app.kubernetes.io/instance"] == "penstock"
        assert ("namespace" in each["metadata"]) == (each["kind"] not in CLUSTER_WIDE)


@pytest.mark.parametrize("values", VALUES, ids=named)
def test_every_selector_picks_the_pods_of_one_deployment(values: Path) -> None:
    objects = render_file(values)
    for each in objects:
        spec, name = each.get("spec", {}), each["metadata"]["name"]
        for key in ("selector", "podSelector"):
            if key in spec and each["kind"] not in {"ServiceMonitor", "PeerAuthentication"}:
                assert selected(spec[key], objects) == [name], f"{each['kind']} {name}"


@pytest.mark.parametrize("values", VALUES, ids=named)
def test_every_pod_has_a_network_policy_and_a_label_of_its_component(values: Path) -> None:
    objects = render_file(values)
    deployments = [each["metadata"]["name"] for each in objects if each["kind"] == "Deployment"]
    policies = [each for each in objects if each["kind"] == "NetworkPolicy"]

    assert sorted(name for each in policies for name in selected(each["spec"]["podSelector"], objects)) == sorted(
        deployments
    )


@pytest.mark.parametrize("values", VALUES, ids=named)
def test_every_monitor_finds_a_service_and_its_port(values: Path) -> None:
    objects = render_file(values)
    services = [each for each in objects if each["kind"] == "Service"]
    for monitor in (each for each in objects if each["kind"] == "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        (service,) = [each for each in services if wanted <= each["metadata"]["labels"].items()]
        (endpoint,) = monitor["spec"]["endpoints"]

        assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
        assert monitor["spec"]["namespaceSelector"]["matchNames"] == [NAMESPACE]


@pytest.mark.parametrize("values", VALUES, ids=named)
def test_every_port_that_is_named_is_a_port_of_the_container(values: Path) -> None:
    objects = render_file(values)
    for service in (each for each in objects if each["kind"] == "Service"):
        container = container_of(objects, service["metadata"]["name"])
        ports = {port["name"] for port in container["ports"]}

        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            check = container.get(probe, {})
            assert check.get("httpGet", check.get("tcpSocket", {"port": "http"}))["port"] in {*ports, "http"}


@pytest.mark.parametrize("values", VALUES, ids=named)
def test_every_mount_has_a_volume_and_every_volume_a_mount(values: Path) -> None:
    for deployment in (each for each in render_file(values) if each["kind"] == "Deployment"):
        pod = pod_of(deployment)
        mounts = [mount for container in pod["containers"] for mount in container.get("volumeMounts", [])]

        assert {mount["name"] for mount in mounts} == {volume["name"] for volume in pod["volumes"]}
        assert all(len(list(same)) == 1 for _, same in groupby(sorted(mount["mountPath"] for mount in mounts)))


def test_several_services_share_a_database_and_are_never_all_away() -> None:
    objects = render_file(HA)
    server = pick(objects, "Deployment", "penstock")

    assert server["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert pick(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert [each["topologyKey"] for each in pod_of(server)["topologySpreadConstraints"]] == [
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    ]
    assert "PersistentVolumeClaim" not in kinds(objects)


def test_one_service_with_a_file_is_never_two() -> None:
    objects = render_file(DEFAULT)

    assert pick(objects, "Deployment", "penstock")["spec"]["strategy"] == {"type": "Recreate"}
    assert pick(objects, "PersistentVolumeClaim")["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert "PodDisruptionBudget" not in kinds(objects)


def test_a_claim_that_is_there_is_taken_and_a_class_can_be_named() -> None:
    taken = render({"persistence": {"existingClaim": "kept"}})
    made = render({"persistence": {"storageClass": "fast", "size": "5Gi"}})

    (data,) = [each for each in pod_of(pick(taken, "Deployment", "penstock"))["volumes"] if each["name"] == "data"]
    assert (data["persistentVolumeClaim"], "PersistentVolumeClaim" in kinds(taken)) == ({"claimName": "kept"}, False)
    assert pick(made, "PersistentVolumeClaim")["spec"]["storageClassName"] == "fast"


def test_without_a_volume_gates_are_gone_with_the_pod() -> None:
    (data,) = [each for each in pod_of(pick(render_file(HERE), "Deployment"))["volumes"] if each["name"] == "data"]

    assert data["emptyDir"] == {"sizeLimit": "2Gi"}


def test_a_pod_that_ends_has_time_to_answer() -> None:
    pod = pod_of(pick(render_file(DEFAULT), "Deployment", "penstock"))

    slept = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] >= slept + 45


def test_probes_ask_the_paths_that_are_there() -> None:
    container = container_of(render_file(DEFAULT), "penstock")

    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_tests_have_neither_store_nor_token_of_the_cluster() -> None:
    pod = pod_of(pick(render_file(DEFAULT), "Deployment", "penstock-runner"))
    (token,) = [volume["projected"]["sources"] for volume in pod["volumes"] if volume["name"] == "token"]

    assert pod["automountServiceAccountToken"] is False
    assert "PENSTOCK_STORE" not in str(pod)
    assert token == [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}]


def test_pages_have_an_address_where_somebody_names_one() -> None:
    spec = pick(render_file(FULL), "Ingress")["spec"]

    assert spec["tls"] == [{"hosts": ["penstock.example"], "secretName": "penstock-tls"}]
    assert spec["rules"][0]["http"]["paths"][0]["backend"]["service"] == {
        "name": "sluice-gate",
        "port": {"name": "http"},
    }
    assert "Ingress" not in kinds(render_file(DEFAULT))


def test_templates_of_pipelines_get_the_image_and_the_namespaces() -> None:
    made = [each for each in render_file(FULL) if each["kind"] in {"WorkflowTemplate", "Task", "StepAction"}]

    assert {each["metadata"]["namespace"] for each in made} == {"weather"}
    assert not any("penstock:latest" in str(each) for each in made)
    assert any("registry.example/penstock@sha256:" in str(each) for each in made)


def test_templates_for_the_whole_cluster_lie_in_no_namespace() -> None:
    made = render({"argo": {"templates": {"enabled": True}}, "tekton": {"tasks": {"enabled": True}}})

    assert {"ClusterWorkflowTemplate", "Task"} <= set(kinds(made))
    assert "WorkflowTemplate" not in kinds(made)


def test_helm_test_asks_whether_the_service_is_ready() -> None:
    pod = pick(render_file(DEFAULT), "Pod")

    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    compile(pod["spec"]["containers"][0]["args"][0], "the test", "exec")
    assert "http://penstock.release-tools/readyz" in pod["spec"]["containers"][0]["args"][0]


@pytest.mark.parametrize("values", [ISTIO, CHART / "ci/linkerd-values.yaml"], ids=named)
def test_the_pod_of_helm_test_ends_in_a_mesh(values: Path) -> None:
    annotations = pick(render_file(values), "Pod")["metadata"]["annotations"]

    assert [value for name, value in annotations.items() if "native" in name] == ["true"]


def test_a_digest_goes_before_a_tag() -> None:
    assert container_of(render_file(FULL), "sluice-gate")["image"].startswith("registry.example/penstock@sha256:0123")
    assert container_of(render({"image": {"tag": "1.2"}}), "penstock")["image"] == "penstock:1.2"


def test_a_release_of_another_name_has_its_own() -> None:
    done = helm("template", "tests", str(CHART), "--namespace", "elsewhere", *(f"-a={each}" for each in OPERATOR))

    assert "name: tests-penstock-runner" in done.stdout
    assert "http://tests-penstock.elsewhere" in done.stdout
