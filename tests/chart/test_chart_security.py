from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.chart import restricted
from tests.chart.charts import CHART, DEFAULT, ROOT, VALUES, named, needs_helm, pick, pod_of, render, render_file

USERS = CHART / "ci/runner-users-values.yaml"
SAFE = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "tmp", "emptyDir": {}}],
    "containers": [
        {"name": "c", "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}
    ],
}
VIOLATIONS = [
    ({"hostNetwork": True}, {}, "hostNetwork is on"),
    ({"hostPID": True}, {}, "hostPID is on"),
    ({"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}, {}, "volume host is of no kind that is allowed"),
    ({"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}, {}, "c: may run as root"),
    ({"securityContext": {"runAsNonRoot": True}}, {}, "c: has no seccomp profile"),
    ({}, {"seccompProfile": {"type": "Unconfined"}}, "c: has no seccomp profile"),
    ({}, {"privileged": True}, "c: is privileged"),
    ({}, {"allowPrivilegeEscalation": None}, "c: may escalate privileges"),
    ({}, {"runAsNonRoot": False}, "c: may run as root"),
    ({}, {"runAsUser": 0}, "c: runs as user 0"),
    ({}, {"capabilities": {}}, "c: does not drop ALL capabilities"),
    ({}, {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}, "c: adds capabilities SYS_ADMIN"),
    ({}, {"procMount": "Unmasked"}, "c: has another view of /proc"),
]


def broken(pod: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    made = deepcopy({**SAFE, **pod})
    made["containers"][0]["securityContext"].update(context)
    return made


@pytest.mark.parametrize(("pod", "context", "fault"), VIOLATIONS)
def test_the_profile_refuses(pod: dict[str, Any], context: dict[str, Any], fault: str) -> None:
    assert restricted.faults(broken(pod, context)) == [fault]


def test_the_profile_looks_at_root_sysctls_and_host_ports() -> None:
    pod = broken({}, {})
    pod["securityContext"] |= {"runAsUser": 0, "sysctls": [{"name": "kernel.msgmax", "value": "1"}]}
    pod["initContainers"] = [{**pod["containers"][0], "name": "first", "ports": [{"hostPort": 80}]}]

    faults = restricted.faults(pod)

    assert faults == ["sysctl kernel.msgmax is set", "the pod runs as user 0", "first: has a host port"]


def test_the_profile_takes_a_pod_that_may_do_nothing() -> None:
    assert restricted.faults(SAFE) == []


@needs_helm
@pytest.mark.parametrize("values", [path for path in VALUES if path != USERS], ids=named)
def test_the_profile_refuses_nothing_of_the_chart(values: Path) -> None:
    pods = [pod_of(each) for each in render_file(values) if each["kind"] == "Deployment"]
    pods.append(pick(render_file(values), "Pod")["spec"])

    assert len(pods) > 1
    assert [restricted.faults(pod) for pod in pods] == [[]] * len(pods)


@needs_helm
def test_users_of_their_own_for_runs_are_the_one_thing_it_refuses() -> None:
    faults = restricted.faults(pod_of(pick(render_file(USERS), "Deployment", "penstock-runner")))

    added = "runner: adds capabilities CHOWN, DAC_OVERRIDE, KILL, SETGID, SETUID"
    assert faults == ["runner: may run as root", "runner: runs as user 0", added]


@needs_helm
@pytest.mark.parametrize("values", VALUES, ids=named)
def test_every_root_file_system_is_read_only_and_what_is_written_has_a_volume(values: Path) -> None:
    deployments = [each for each in render_file(values) if each["kind"] == "Deployment"]

    for container in (one for each in deployments for one in pod_of(each)["containers"] if one["name"] != "beside"):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}  # noqa: S108 - the pod's


@needs_helm
def test_pods_run_as_the_user_of_the_image_who_alone_may_enter_its_folder() -> None:
    pod = pod_of(pick(render_file(DEFAULT), "Deployment", "penstock-runner"))

    assert f"\nUSER {pod['securityContext']['runAsUser']}\n" in (ROOT / "Dockerfile").read_text()
    assert "command" not in pod["containers"][0]  # the entry of the image reaps processes


@needs_helm
def test_where_the_cluster_chooses_users_none_is_named() -> None:
    objects = render({"podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None}})

    context = pod_of(pick(objects, "Deployment", "penstock"))["securityContext"]
    assert sorted(context) == ["fsGroupChangePolicy", "runAsNonRoot", "seccompProfile"]


@needs_helm
@pytest.mark.parametrize("values", VALUES, ids=named)
def test_no_secret_is_written_into_the_chart_and_no_account_hands_out_tokens(values: Path) -> None:
    objects = render_file(values)
    accounts = [each for each in objects if each["kind"] == "ServiceAccount"]

    assert not any({"data", "stringData"} & each.keys() for each in objects if each["kind"] == "Secret")
    assert not any(each["automountServiceAccountToken"] for each in accounts)
