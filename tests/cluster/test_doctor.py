"""`penstock doctor`: what it finds of a cluster, a canary, its Prometheus and its webhooks; it changes nothing."""

import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.cluster import manifests
from tests.cluster.api_server import ApiServer
from tests.cluster.releases import Stage, canary
from tests.cluster.resources import Manifest
from workflows import canary as canaries
from workflows.cli import main
from workflows.clocks import SystemClock
from workflows.cluster.client import Cluster
from workflows.cluster.connection import connect
from workflows.cluster.kinds import CANARY, DEPLOYMENT
from workflows.doctor import company, examination, here, kinds, metrics, rights, services
from workflows.doctor.examination import Check
from workflows.doctor.finding import Finding, Result
from workflows.doctor.patient import Patient
from workflows.metrics import endpoint
from workflows.rollout.plan import RolloutPlan
from workflows.routers.kubernetes.istio import VIRTUAL_SERVICE
from workflows.watchdog import Beat, ClusterWatchdog

CERTIFICATE = Path(__file__).parents[1] / "loopback.pem"


class Receiver:
    """Answers every request with a status, and remembers it."""

    def __init__(self, status: int = 200, body: str = "ready") -> None:
        self.status = status
        self.body = body
        self.asked: list[str] = []
        self.url = ""


@contextmanager
def receiving(receiver: Receiver, *, certificate: bool = False) -> Iterator[Receiver]:
    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            receiver.asked.append(f"{self.command} {self.path}")
            self.send_response(receiver.status)
            self.end_headers()
            self.wfile.write(receiver.body.encode())

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    receiver.url = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_address[1]}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(Receiver()) as found:
        yield found


def plan_of(*hooks: str, **spec: object) -> RolloutPlan:
    document = canary(**spec)
    named = [{"name": f"hook {n}", "type": "pre-rollout", "url": url} for n, url in enumerate(hooks)]
    document["spec"]["analysis"] = {**document["spec"]["analysis"], "webhooks": named}
    return canaries.parse(yaml.safe_dump(document), "canary")


def results(found: Iterator[Finding]) -> list[Result]:
    return [each.result for each in found]


def test_a_healthy_place_is_found_so_and_no_hook_is_called(
    unreleased: Stage, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    hook = {"name": "gate", "type": "confirm-rollout", "url": f"{receiver.url}/hooks/confirm-rollout"}
    analysis = {**canary()["spec"]["analysis"], "webhooks": [hook]}
    unreleased.cluster.patch(CANARY, "test", "ad", {"spec": {"analysis": analysis}})

    where = [*unreleased.where(), "--prometheus", unreleased.prometheus, "--server", receiver.url]

    code = main(["doctor", "--canary", "ad", *where, "--output", "json"])

    found = {each["name"]: each["result"] for each in json.loads(capsys.readouterr().out)}
    assert code == 0
    assert {name for name, result in found.items() if result != "ok"} == {"watchdog"}
    assert receiver.asked == ["GET /healthz", "GET /readyz"]


def test_what_is_missing_is_said_with_its_mend_and_the_exit_code(
    cluster: Cluster, api: ApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.create(CANARY, canary())
    before = len(api.writes)
    with api.without(VIRTUAL_SERVICE):
        code = main(["doctor", "--canary", "ad", "-n", "test", "--kubeconfig", str(api.kubeconfig(tmp_path))])

    shown = capsys.readouterr().out
    assert code == 1
    assert "mesh        failed  istio: VirtualService" in shown
    assert "mend: install istio with its CRDs, or name another provider in spec.provider" in shown
    assert "prometheus  failed" in shown
    assert [line for line in api.writes[before:] if not line.endswith("/selfsubjectaccessreviews")] == []


@pytest.mark.parametrize(("words", "place"), [(["-n", "test"], "test"), ([], "default")], ids=["named", "unnamed"])
def test_a_canary_that_is_not_there_keeps_nothing_else_from_being_examined(
    words: list[str], place: str, api: ApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["doctor", "--canary", "ad", *words, "--kubeconfig", str(api.kubeconfig(tmp_path))])

    shown = capsys.readouterr().out
    assert code == 1
    assert f"canary      failed  canary/ad -n {place}: not found" in shown
    assert "mend: kubectl get canaries -A lists those of the cluster" in shown
    assert ("no -n was given, so it was looked for in default" in shown) is (not words)
    assert "crds        ok" in shown


def test_a_cluster_that_is_away_is_a_failure_and_the_rest_is_skipped(
    api: ApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    away = tmp_path / "away.yaml"
    away.write_text(api.kubeconfig(tmp_path).read_text().replace(api.url, "https://127.0.0.1:1"))

    assert main(["doctor", "--kubeconfig", str(away)]) == 1
    assert "cluster     failed" in capsys.readouterr().out


def test_without_a_cluster_the_rest_is_examined(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "canary.yaml"
    file.write_text(yaml.safe_dump(canary()))

    assert main(["doctor", "--canary", str(file), "--kubeconfig", str(tmp_path / "none")]) == 1

    shown = capsys.readouterr().out
    assert "canary      ok" in shown
    assert "rights      skipped no cluster was reached" in shown


@pytest.mark.parametrize(
    ("named", "result", "said"),
    [
        ("ad", "skipped", "no cluster was reached"),
        ("canary/ad", "skipped", "no cluster was reached"),
        ("ad.yaml", "failed", "No such file"),
        ("weather/ad", "failed", "No such file"),
    ],
)
def test_a_canary_of_a_cluster_that_was_not_reached_is_skipped_and_a_file_is_not(
    named: str, result: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["doctor", "--canary", named, "--kubeconfig", str(tmp_path / "none"), "--output", "json"])

    (found,) = [each for each in json.loads(capsys.readouterr().out) if each["name"] == "canary"]
    assert found["result"] == result
    assert said in found["said"]


def test_a_kubeconfig_of_the_environment_that_does_not_work_is_a_failure(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    program = "import sys; from workflows.cli import main; sys.exit(main(['doctor', '--output', 'json']))"
    # A process of its own: the library reads the variable when it is loaded.
    environment = {**os.environ, "KUBECONFIG": str(missing)}

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, env=environment, check=False)

    (found,) = [each for each in json.loads(ended.stdout) if each["name"] == "cluster"]
    assert (ended.returncode, found["result"]) == (1, "failed")
    assert f"KUBECONFIG is '{missing}': name one there that works, or unset it" in found["mend"]


def test_without_any_kubeconfig_the_cluster_is_skipped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))

    code = main(["doctor", "--output", "json"])

    (found,) = [each for each in json.loads(capsys.readouterr().out) if each["name"] == "cluster"]
    assert (code, found["result"]) == (0, "skipped")


def test_an_account_is_told_which_rights_it_lacks(account: Callable[[list[Manifest]], Cluster]) -> None:
    reviews = {"apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews"], "verbs": ["create"]}
    rules = [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create", "update", "patch"]},
        reviews,
    ]

    release, wait, order = rights.look_at_rights(account(rules), plan_of())

    assert (release.result, wait.result, order.result) == (Result.FAILED, Result.WARNING, Result.OK)
    assert "may not get canaries.flagger.app, patch canaries/status.flagger.app, get leases" in release.said
    assert "configmaps" not in release.said


def test_another_version_of_a_kind_is_named(cluster: Cluster, api: ApiServer) -> None:
    odd = kinds.Kind("apps/v2", "Deployment", "deployments")

    assert kinds._find_fault(cluster, odd) == "Deployment (apps/v2) is not served; the cluster has apps/v1"
    with api.without(CANARY):
        (found,) = kinds.look_at_definitions(cluster, None)
    assert found.result is Result.WARNING


def test_a_kind_that_the_canary_names_and_nobody_serves_is_a_failure(cluster: Cluster, api: ApiServer) -> None:
    queue = {"name": "queue", "templateRef": {"name": "queue"}, "thresholdRange": {"max": 1}}
    document = canary()
    document["spec"]["analysis"]["metrics"] = [queue]
    plan = canaries.parse(yaml.safe_dump(document), "canary")

    with api.without(CANARY):
        found = list(kinds.look_at_definitions(cluster, plan))

    assert [each.result for each in found] == [Result.WARNING, Result.FAILED]


def flagger(cluster: Cluster) -> None:
    deployment = manifests.deployment(name="flagger", image="flagger:1")
    deployment["metadata"]["labels"] = {"app.kubernetes.io/name": "flagger"}
    cluster.create(DEPLOYMENT, deployment)


def test_who_drives_a_canary_is_told(cluster: Cluster) -> None:
    said = [each.said for each in company.look_at_driver(cluster, plan_of())]
    flagger(cluster)
    cluster.create(CANARY, canary())
    (nobody,) = company.look_at_driver(cluster, plan_of())
    cluster.patch(CANARY, "test", "ad", {"status": {"lastAppliedSpec": "5f", "phase": "Initialized"}}, "status")
    (theirs,) = company.look_at_driver(cluster, plan_of())

    assert said == ["canary/ad -n test is not in the cluster; whoever has its file drives it"]
    assert nobody.said == "canary/ad -n test is nobody's yet; Flagger's controller runs in test"
    assert theirs.result is Result.WARNING
    assert "penstock adopt canary/ad -n test" in theirs.mend


def test_an_adopted_canary_is_ours(cluster: Cluster) -> None:
    document = canary(suspend=True)
    document["metadata"]["annotations"] = {"penstock.dev/adopted": "2026-01-01T00:00:00Z"}
    flagger(cluster)
    cluster.create(CANARY, document)

    assert results(company.look_at_driver(cluster, plan_of())) == [Result.OK]


def test_a_watchdog_is_known_by_its_lease_wherever_it_lies(cluster: Cluster) -> None:
    none = results(company.look_at_watchdog(cluster, "test"))
    ClusterWatchdog(cluster, Beat(("test",), "default"), SystemClock()).look()
    alive = results(company.look_at_watchdog(cluster, "test"))
    dead = results(company.look_at_watchdog(cluster, "test", lambda: SystemClock().now() + timedelta(hours=1)))

    assert (none, alive, dead) == ([Result.WARNING], [Result.OK], [Result.WARNING])


@pytest.mark.parametrize(
    ("minutes", "result"), [(0.0, Result.OK), (0.5, Result.WARNING), (-2.0, Result.FAILED)], ids=["0", "0.5", "-2"]
)
def test_a_clock_that_goes_wrong_is_noticed(cluster: Cluster, minutes: float, result: Result) -> None:
    found = company.look_at_clock(cluster, lambda: SystemClock().now() + timedelta(minutes=minutes))

    assert results(found) == [result]


def test_a_receiver_is_asked_for_its_health_and_no_hook_is_called(receiver: Receiver) -> None:
    receiver.status = 404
    plan = plan_of(f"{receiver.url}/hooks/pre-rollout", f"{receiver.url}/other", "http://penstock.weather/hooks/event")
    place = receiver.url.removeprefix("http://")

    found = services.look_at_webhooks(plan, {"penstock.weather:80": place}, in_pod=True)

    assert results(found) == [Result.OK, Result.OK]
    assert receiver.asked == ["GET /healthz", "GET /healthz"]


@pytest.mark.parametrize(("verify", "result"), [(False, Result.OK), (True, Result.FAILED)], ids=["any", "known"])
def test_a_certificate_is_looked_at_unless_the_webhook_says_not_to(verify: bool, result: Result) -> None:  # noqa: FBT001 - a row of the table
    with receiving(Receiver(), certificate=True) as secure:
        hooks = [replace(hook, verify_tls=verify) for hook in plan_of(secure.url).analysis.hooks]
        plan = plan_of()
        plan = replace(plan, analysis=replace(plan.analysis, hooks=tuple(hooks)))

        assert results(services.look_at_webhooks(plan, {}, in_pod=True)) == [result]


def test_a_service_that_is_no_url_is_a_failure_with_the_url() -> None:
    (odd,) = examination.perform(Check("service", lambda: services.look_at_service("ftp://penstock")))
    (half,) = examination.perform(Check("service", lambda: services.look_at_service("http://h:port")))

    assert odd.said == "'ftp://penstock' is not an http or https URL with a host"
    assert half.result is Result.FAILED


def test_a_package_that_is_not_installed_is_named() -> None:
    (found,) = here.look_at_package(["pyyaml>=6", "no-such-package>=1", "boto3; extra == 'cloudwatch'"])

    assert (found.result, "lacks no-such-package>=1" in found.said) == (Result.FAILED, True)


def test_a_receiver_that_is_away_is_a_failure() -> None:
    (found,) = services.look_at_webhooks(plan_of("http://127.0.0.1:1/hooks/pre-rollout"), {}, in_pod=True)

    assert found.result is Result.FAILED
    assert "hook 0: http://127.0.0.1:1 does not answer" in found.said


def test_a_name_of_the_cluster_means_nothing_outside() -> None:
    plan = plan_of("http://penstock.invalid")

    assert results(services.look_at_webhooks(plan, {}, in_pod=True)) == [Result.FAILED]
    assert results(services.look_at_webhooks(plan, {}, in_pod=False)) == [Result.WARNING]


def test_a_canary_without_webhooks_has_none_to_look_at() -> None:
    assert results(services.look_at_webhooks(plan_of(), {}, in_pod=True)) == [Result.OK]


def test_a_service_that_is_not_ready_says_why() -> None:
    with receiving(Receiver(503, "the store cannot be reached")) as unready:
        (found,) = services.look_at_service(unready.url)

    assert (found.result, "503 the store cannot be reached" in found.said) == (Result.FAILED, True)
    assert results(services.look_at_service(unready.url)) == [Result.FAILED]


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ([{"metric": {}, "value": [1, "1"]}], Result.OK),
        ([], Result.WARNING),
        ([{"metric": {"a": "1"}, "value": [1, "1"]}, {"metric": {"a": "2"}, "value": [1, "1"]}], Result.FAILED),
    ],
    ids=["a number", "nothing", "two series"],
)
def test_each_query_of_the_canary_is_asked(answer: list[object], result: Result) -> None:
    body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": answer}})
    document = canary()
    document["spec"]["analysis"]["metrics"] = [{"name": "queue", "query": "queue", "thresholdRange": {"max": 1}}]
    plan = canaries.parse(yaml.safe_dump(document), "canary")

    with receiving(Receiver(200, body)) as prometheus:
        where = endpoint.at("prometheus", prometheus.url)
        assert results(metrics.look_at_checks(where, plan, None)) == [result]


def test_a_mesh_without_requests_and_a_prometheus_without_targets_are_warnings() -> None:
    body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": []}})
    with receiving(Receiver(200, body)) as prometheus:
        where = endpoint.at("prometheus", prometheus.url)
        found = [*metrics.look_at_prometheus(where), *metrics.look_at_checks(where, plan_of(), None)]

    assert [each.result for each in found] == [Result.WARNING, Result.WARNING]
    assert "0 requests of the primary" in found[1].said


def test_a_prometheus_that_is_away_fails_both_checks() -> None:
    where = endpoint.at("prometheus", "http://127.0.0.1:1")

    found = [*metrics.look_at_prometheus(where), *metrics.look_at_checks(where, plan_of(), None)]

    assert [each.result for each in found] == [Result.FAILED, Result.FAILED]


def metrics_of(patient: Patient) -> dict[str, Finding]:
    checks = [each for each in examination.list_checks(patient) if each.name in {"prometheus", "metrics"}]
    return {each.name: finding for each in checks for finding in examination.perform(each)}


def unmeasured(judge: str = "threshold") -> RolloutPlan:
    document = canary(metricsServer="http://127.0.0.1:1")
    document["metadata"]["annotations"] = {"penstock.dev/judge": judge}
    document["spec"]["analysis"]["metrics"] = []
    return canaries.parse(yaml.safe_dump(document), "canary")


def test_a_canary_that_asks_no_metrics_needs_no_prometheus() -> None:
    found = metrics_of(Patient(plan=unmeasured()))

    assert [each.result for each in found.values()] == [Result.SKIPPED, Result.SKIPPED]
    assert "the canary has no metrics" in found["prometheus"].said


def test_a_prometheus_that_is_named_is_examined_whatever_the_canary_needs() -> None:
    found = metrics_of(Patient(plan=unmeasured(), prometheus="http://127.0.0.1:1"))

    assert (found["prometheus"].result, found["metrics"].result) == (Result.FAILED, Result.SKIPPED)


def test_the_judge_by_evidence_needs_the_counts_of_traffic_without_any_metric() -> None:
    found = metrics_of(Patient(plan=unmeasured("evidence")))

    assert [each.result for each in found.values()] == [Result.FAILED, Result.FAILED]
    assert "user traffic" in found["metrics"].said


def test_a_check_has_a_deadline_and_its_own_faults_are_findings() -> None:
    never, lost = threading.Event(), threading.Event()

    def hang() -> Iterator[Finding]:
        never.wait(5)
        yield from ()

    (late,) = examination.perform(Check("slow", hang), patience_s=0.05)
    never.set()
    (broken,) = examination.perform(Check("odd", lambda: [Finding("odd", Result.OK, str(1 / len(str(lost) * 0)))]))

    assert late.said == "no end within 0.05 s"
    assert "ZeroDivisionError" in broken.said


def test_an_error_of_ours_is_a_finding_with_its_words(api: ApiServer, tmp_path: Path) -> None:
    cluster = connect(api.kubeconfig(tmp_path), patience_s=0.2)
    with api.away():
        found = [examination.perform(check) for check in examination.list_checks(Patient(cluster))]

    failed = [each for (each, *_) in found if each.result is Result.FAILED]
    assert {each.name for each in failed} == {"clock"}
