"""Tests that run as Kubernetes Jobs, against a small API in this process."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chart import restricted
from tests.webhooks.cluster_api import ClusterApi
from tests.webhooks.performing import NOTHING, begin, finish, make_test
from tests.webhooks.served import ROOT, eventually
from webhooks import checks
from webhooks.catalog import CatalogTest
from webhooks.checks.cluster import owner
from webhooks.checks.cluster.api import JobApi
from webhooks.checks.cluster.manifest import ORDER_VARIABLE, name_of
from webhooks.checks.inside import RESULT_MARK
from webhooks.checks.job import CheckResult, Outcome, Target
from webhooks.errors import ClusterError

RUN = uuid.uuid4().hex  # one for each process: ending a run ends whatever bears its mark
SMOKE = "kind: kubernetes-job, argv: [/smoke, '${target}', '${city}'], job: {image: smoke:1}, environment: {A: 'x$(B)'}"
OWN_USER = "job: {image: smoke:1, user: 1000}"
CITY = {"city": "bonn"}


@pytest.fixture
def cluster() -> Iterator[ClusterApi]:
    with ClusterApi() as server:
        yield server


def smoke() -> CatalogTest:
    return make_test(f"{SMOKE}, parameters: {{city: {{}}}}, timeout: 30s")


def perform(cluster: ClusterApi, folder: Path, test: CatalogTest) -> tuple[CheckResult, str]:
    return finish(
        begin(
            test, CITY if test.parameters else NOTHING, {"KUBECONFIG": cluster.write_config(folder / "kubeconfig")}, RUN
        )
    )


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (0, CheckResult(Outcome.PASSED, "exit status 0")),
        (3, CheckResult(Outcome.FAILED, "exit status 3: price is wrong")),
    ],
)
def test_a_container_is_judged_by_its_exit_status(
    cluster: ClusterApi, tmp_path: Path, status: int, result: CheckResult
) -> None:
    cluster.status, cluster.log = status, b"price is wrong\n"

    assert perform(cluster, tmp_path, smoke()) == (result, "price is wrong\n")
    assert cluster.jobs == {}


def test_the_job_holds_no_token_and_ends_by_itself(cluster: ClusterApi, tmp_path: Path) -> None:
    perform(cluster, tmp_path, smoke())

    (manifest,) = cluster.created
    pod = manifest["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert manifest["metadata"]["name"] == name_of(RUN)
    assert manifest["metadata"]["namespace"] == "weather"
    assert (manifest["spec"]["backoffLimit"], manifest["spec"]["activeDeadlineSeconds"]) == (0, 30)
    assert pod["automountServiceAccountToken"] is False
    assert container["command"] == ["/smoke", "http://ad-canary.weather:80", "bonn"]
    assert {"name": "A", "value": "x$$(B)"} in container["env"]
    assert {"name": "PENSTOCK_PARAM_CITY", "value": "bonn"} in container["env"]


@pytest.mark.parametrize(
    ("place", "head"),
    [("job: {image: smoke:1, user: 1000}", ""), ("timeout: 30s", "job: {image: smoke:1, user: 1000}")],
)
def test_a_job_of_a_user_is_taken_by_a_restricted_namespace(
    cluster: ClusterApi, tmp_path: Path, place: str, head: str
) -> None:
    perform(cluster, tmp_path, make_test(f"kind: kubernetes-job, argv: [/smoke], {place}", tmp_path, head))

    pod = cluster.created[0]["spec"]["template"]["spec"]
    assert pod["containers"][0]["securityContext"]["runAsUser"] == 1000
    assert restricted.faults(pod) == []


def test_the_job_of_a_run_is_adopted_by_who_comes_after(cluster: ClusterApi, tmp_path: Path) -> None:
    cluster.ending.clear()
    environ = {"KUBECONFIG": cluster.write_config(tmp_path / "kubeconfig")}
    first = begin(smoke(), CITY, environ, RUN)
    eventually(lambda: len(cluster.created) == 1, "the Job")
    first.close()
    first.clear()
    second = begin(smoke(), CITY, environ, RUN)
    cluster.ending.set()

    assert finish(second)[0].outcome is Outcome.PASSED
    assert len(cluster.created) == 1


def test_a_test_that_is_told_to_stop_takes_its_job_away(cluster: ClusterApi, tmp_path: Path) -> None:
    cluster.ending.clear()
    child = begin(smoke(), CITY, {"KUBECONFIG": cluster.write_config(tmp_path / "kubeconfig")}, RUN)
    eventually(lambda: len(cluster.created) == 1, "the Job")
    child.stop("cancelled")

    finish(child)
    assert cluster.deleted == [name_of(RUN)]


TROUBLES = [
    ({"refusal": 403}, "the cluster could not run it: create job penstock-run-"),
    ({"waiting": "InvalidImageName"}, "its container cannot start (InvalidImageName: as the test says)"),
    ({"waiting": "ImagePullBackOff", "failure": "DeadlineExceeded"}, "DeadlineExceeded: too long; the container was"),
]


@pytest.mark.parametrize(("trouble", "reason"), TROUBLES)
def test_trouble_of_the_cluster_is_not_the_tests_fault(
    cluster: ClusterApi, tmp_path: Path, trouble: dict[str, object], reason: str
) -> None:
    for name, value in trouble.items():
        setattr(cluster, name, value)

    result, _ = perform(cluster, tmp_path, smoke())

    assert (result.outcome, reason in result.reason) == (Outcome.INCONCLUSIVE, True), result.reason


@pytest.mark.parametrize("config", ["", "apiVersion: v1\nkind: Config\n"])
def test_without_a_cluster_the_test_is_inconclusive(tmp_path: Path, config: str) -> None:
    (tmp_path / "config").write_text(config)

    result, _ = finish(begin(smoke(), CITY, {"KUBECONFIG": str(tmp_path / "config")}, RUN))

    assert (result.outcome, "no cluster is configured" in result.reason) == (Outcome.INCONCLUSIVE, True)


OURS = "job: {image: ours:1, namespace: tests}"


def test_a_suite_runs_elsewhere_in_our_own_image(cluster: ClusterApi, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_a(): pass\n")
    files = {"files": {"junit.xml": '<testsuite><testcase name="a"/></testsuite>'}}
    cluster.log = f"1 passed\n{RESULT_MARK}{json.dumps(files)}\n".encode()
    test = make_test("kind: pytest, path: test_it.py, where: job", tmp_path, OURS)

    result, output = perform(cluster, tmp_path, test)

    (manifest,) = cluster.created
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    assert (result, output) == (CheckResult(Outcome.PASSED, "1 tests passed"), "1 passed\n")
    assert (manifest["metadata"]["namespace"], container["image"]) == ("tests", "ours:1")
    assert container["command"] == ["python3", "-m", "webhooks.checks.inside"]


def run_inside(test: CatalogTest) -> subprocess.CompletedProcess[str]:
    """Do what our image does with the order of a test."""
    job = checks.prepare(test, Target("http://127.0.0.1:9", "", "ad", "weather"), NOTHING)
    order = json.dumps(json.loads(job.stdin)["inside"])
    environ = {**os.environ, ORDER_VARIABLE: order, "PYTHONPATH": str(ROOT)}
    asked = [sys.executable, "-m", "webhooks.checks.inside"]
    return subprocess.run(asked, env=environ, text=True, capture_output=True, check=False, timeout=60)


def test_our_image_runs_the_suite_and_hands_its_junit_back(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_price(): assert 7 == 9\n")

    done = run_inside(make_test("kind: pytest, path: test_it.py, where: job", tmp_path, OURS))

    *_, last = done.stdout.splitlines()
    assert done.returncode == 1
    assert "test_price" in json.loads(last.removeprefix(RESULT_MARK))["files"]["junit.xml"]


def test_our_image_checks_answers(tmp_path: Path) -> None:
    done = run_inside(make_test("kind: http, requests: [{path: /ad}], where: job", tmp_path, OURS))

    assert json.loads(done.stdout)["outcome"] == "failed"


@pytest.mark.parametrize(("argv", "status"), [("[sh, -c, 'kill -9 $$']", 137), ("[no-such]", 127)])
def test_our_image_tells_how_a_command_ended(tmp_path: Path, argv: str, status: int) -> None:
    assert run_inside(make_test(f"kind: command, argv: {argv}, where: job", tmp_path, OURS)).returncode == status


class Stubborn(JobApi):
    """Refuse to delete so often."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.deleted: list[str] = []

    def delete(self, name: str) -> None:
        self.refusals -= 1
        if self.refusals >= 0:
            raise ClusterError("delete job: away")
        self.deleted.append(name)


@pytest.mark.parametrize(
    ("refusals", "deleted", "told"), [(1, ["j"], ""), (2, [], "delete job: away; its own deadline")]
)
def test_a_job_that_cannot_be_deleted_is_tried_again(
    capsys: pytest.CaptureFixture[str], refusals: int, deleted: list[str], told: str
) -> None:
    api = Stubborn(refusals)

    owner._delete(api, "j")

    assert (api.deleted, capsys.readouterr().err.startswith(told)) == (deleted, True)
