"""The counters of every mesh and gateway, read through a real Prometheus that scrapes their pages."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from tests.local_traffic import eventually
from tests.metrics.mesh_pages import MESHES, write_page
from tests.metrics.metrics_server import MetricsServer, serve
from workflows.canary.exclusions import EXCLUDE_TRAFFIC
from workflows.errors import ConfigurationError, UnavailableError
from workflows.local import ports
from workflows.metrics.counter import PrometheusCounter
from workflows.metrics.endpoint import Endpoint
from workflows.metrics.queries import HELD, Queries, Revisions, write_queries
from workflows.metrics.series import SERIES, find_series
from workflows.rollout.plan import Analysis, Reference, RolloutPlan, Service
from workflows.rollout.samples import ArmCounts, TrafficCounts

PLAN = RolloutPlan(
    name="ad",
    namespace="weather",
    target=Reference("Deployment", "ad"),
    service=Service("ad-service", 80),
    analysis=Analysis(interval=timedelta(seconds=10), threshold=3),
    references={"ingressRef": Reference("Ingress", "front"), "routeRef": Reference("ApisixRoute", "route")},
)
REVISIONS = Revisions(primary="ad-00001", canary="ad-00002")


def counter(address: str, plan: RolloutPlan = PLAN) -> PrometheusCounter:
    return PrometheusCounter(Endpoint("prometheus", address), plan, lambda: REVISIONS)


def queries(provider: str, plan: RolloutPlan = PLAN) -> Queries:
    return write_queries(SERIES[provider], plan, REVISIONS)


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[str]:
    """A Prometheus that scrapes two pods, each of which exports every mesh's series."""
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("no prometheus on the PATH: apt-get install prometheus")
    folder, port = tmp_path, ports.free()
    with serve() as pod_a, serve() as pod_b:
        pods = {"pod-a": pod_a, "pod-b": pod_b}
        for copy, pod in enumerate(pods.values(), 1):
            pod.kind = "text/plain"
            pod.answer(write_page(copy))
        _configure(folder / "prometheus.yml", pods)
        command = [binary, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder}"]
        listen = f"--web.listen-address={ports.LOOPBACK}:{port}"
        with (folder / "log").open("w") as log, subprocess.Popen([*command, listen], stderr=log) as process:
            try:
                address = f"http://{ports.LOOPBACK}:{port}"
                eventually(lambda: scraped(address))
                yield address
            finally:
                process.kill()


def _configure(file: Path, pods: dict[str, MetricsServer]) -> None:
    targets = [{"targets": [f"127.0.0.1:{pod.server_port}"], "labels": {"pod": name}} for name, pod in pods.items()]
    job = {"job_name": "mesh", "scrape_interval": "500ms", "scrape_timeout": "500ms", "static_configs": targets}
    file.write_text(yaml.safe_dump({"scrape_configs": [job]}))


def scraped(address: str) -> bool:
    try:
        return len(counter(address).read().canary.parts) == 2
    except UnavailableError:
        return False


def arm(times: int) -> ArmCounts:
    latency = ((100.0, 50 * times), (1000.0, 100 * times), (float("inf"), 100 * times))
    return ArmCounts({"2xx": 90 * times, "5xx": 10 * times}, latency)


def without_pods(counts: TrafficCounts) -> TrafficCounts:
    return TrafficCounts(replace(counts.primary, parts={}), replace(counts.canary, parts={}))


def test_each_mesh_counts_both_arms_pod_by_pod_without_our_own_load(prometheus: str) -> None:
    plan = replace(PLAN, annotations={EXCLUDE_TRAFFIC: "source_workload=load.*"})

    read = {name: counter(prometheus, replace(plan, provider=name)).read() for name in MESHES}

    expected = {
        name: TrafficCounts(arm(30) if mesh.primary is not None else ArmCounts(), arm(3))
        for name, mesh in MESHES.items()
    }
    assert {name: without_pods(counts) for name, counts in read.items()} == expected
    assert tuple(read["istio"].canary.parts) == ("pod-a", "pod-b")
    assert tuple(read["kubernetes"].canary.parts) == ("ad-6d5f7c9b8-x2x5z",)
    assert counter(prometheus).read().canary.errors == 30 + 2 * 7


def test_every_provider_but_its_twins_is_read_from_a_page() -> None:
    assert set(SERIES) - set(MESHES) == {"gatewayapi:v1", "gatewayapi:v1beta1"}
    assert {SERIES[name] for name in ("gatewayapi:v1", "gatewayapi:v1beta1")} == {SERIES["kubernetes"]}


def vector(*samples: tuple[dict[str, str], object]) -> dict[str, object]:
    found = [{"metric": labels, "value": [1000.0, str(value)]} for labels, value in samples]
    return {"status": "success", "data": {"resultType": "vector", "result": found}}


def request(value: object, code: str = "200", **more: str) -> tuple[dict[str, str], object]:
    return {"destination_workload": "ad", "response_code": code, **more}, value


FRESH = vector(({}, 990))


def test_nothing_counted_is_no_error(server: MetricsServer) -> None:
    server.answer(vector())

    assert counter(server.url).read() == TrafficCounts()


def test_a_counter_without_a_pod_is_one_sum(server: MetricsServer) -> None:
    server.answer(
        FRESH, vector(request(5), request("2.6", "200 "), request("+Inf"), request(1, "0"), request(1, "")), vector()
    )

    assert counter(server.url).read().canary == ArmCounts({"2xx": 8, "0xx": 1, "unknown": 1})


def test_buckets_without_an_unbounded_one_are_left_out(server: MetricsServer) -> None:
    bucket = {"destination_workload": "ad", "le": "100", "pod": "a"}
    server.answer(FRESH, vector(request(5, pod="a")), vector((bucket, 5)))

    assert counter(server.url).read().canary.latency == ()


def test_a_bucket_without_its_bound_is_unavailable(server: MetricsServer) -> None:
    server.answer(FRESH, vector(request(5)))

    with pytest.raises(UnavailableError, match="the answer is not a number: None"):
        counter(server.url).read()


@pytest.mark.parametrize(
    ("newest", "words"),
    [
        (vector(({}, 700)), "istio_requests_total is not scraped since 300 s; look at Prometheus' targets"),
        (vector(), "is not scraped any more"),
    ],
)
def test_counters_that_stand_still_for_want_of_a_scrape_are_unavailable(
    server: MetricsServer, newest: object, words: str
) -> None:
    server.answer(newest, vector(request(5)), vector())

    with pytest.raises(UnavailableError, match=words):
        counter(server.url).read()


BRIEF = replace(PLAN, analysis=replace(PLAN.analysis, interval=timedelta(milliseconds=1)))


def test_a_tick_shorter_than_a_scrape_waits_for_the_next_one(server: MetricsServer) -> None:
    counter = PrometheusCounter(server.at("prometheus"), BRIEF)
    server.answer(FRESH, vector(request(5)), vector(), FRESH, FRESH, vector(({}, 995)), vector(request(8)), vector())

    assert [counter.read().canary.total for _ in range(2)] == [5, 8]


def test_a_reading_right_after_another_waits_for_nothing(server: MetricsServer) -> None:
    server.answer(FRESH, vector(request(5)), vector(), FRESH, vector(request(5)), vector())
    one = counter(server.url)

    assert [one.read().canary.total for _ in range(2)] == [5, 5]
    assert len(server.asked) == 6


def test_a_scrape_that_does_not_come_is_not_waited_for_without_end(server: MetricsServer) -> None:
    counter = PrometheusCounter(server.at("prometheus"), BRIEF, news_s=0.1)
    server.answer(FRESH, vector(request(5)), vector(), FRESH, FRESH, vector(request(5)), vector())

    assert [counter.read().canary.total for _ in range(2)] == [5, 5]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (
            400,
            '{"status": "error", "errorType": "bad_data", "error": "parse"}',
            "the query was refused: bad_data: parse",
        ),
        (401, "who are you, tok-123", r"refused: .*who are you, \*\*\*"),
        (502, "bad gateway", "cannot be reached: .*answered 502"),
        (200, '{"status": "success", "data": {"resultType": "vector", "result": [3]}}', "not a number: 3 is no series"),
    ],
)
def test_what_cannot_be_read_is_unavailable_with_its_gap(
    server: MetricsServer, status: int, body: str, words: str
) -> None:
    server.answer(body, status=status)
    where = server.at("prometheus", secrets={"token": "tok-123"})

    with pytest.raises(UnavailableError, match=words):
        PrometheusCounter(where, PLAN).read()


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ("appmesh:v1beta2", "'appmesh:v1beta2': AWS ended App Mesh; move to"),
        ("osm", "Open Service Mesh is archived; move to istio or linkerd"),
        ("smi:v1alpha1", "move to linkerd with gatewayapi:v1"),
        ("istoi", "unknown provider 'istoi'; known: apisix, contour, gatewayapi:v1"),
    ],
)
def test_a_provider_that_nobody_counts_for_is_refused(provider: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        find_series(provider)


def test_both_arms_are_asked_for_in_one_query() -> None:
    matched = 'reporter="destination",destination_workload_namespace="weather",destination_workload=~"ad|ad-primary"'
    by = "kubernetes_pod_name,pod,instance,destination_workload"

    asked = queries("istio")

    series = f"last_over_time(istio_requests_total{{{matched}}}[{HELD}])"
    assert asked.requests == f"sum by ({by},response_code) ({series})"
    assert asked.newest == f"max(timestamp(istio_requests_total{{{matched}}}))"


def test_a_dot_in_a_name_matches_only_a_dot() -> None:
    dotted = queries("istio", replace(PLAN, target=Reference("Deployment", "ad.v1")))

    assert 'destination_workload=~"ad[.]v1|ad[.]v1-primary"' in dotted.requests


@pytest.mark.parametrize(
    ("kind", "pod", "whose"),
    [
        ("Deployment", "ad-6d5f7c9b8-x2x5z", "canary"),
        ("Deployment", "ad-primary-6d5f7c9b8-x2x5z", "primary"),
        ("Deployment", "ad-primary-x2x5z", "canary"),
        ("DaemonSet", "ad-x2x5z", "canary"),
        ("DaemonSet", "ad-primary-x2x5z", "primary"),
        ("DaemonSet", "ad-other-x2x5z", None),
    ],
)
def test_a_pod_is_told_by_its_name(kind: str, pod: str, whose: str | None) -> None:
    asked = queries("kubernetes", replace(PLAN, target=Reference(kind, "ad")))

    found = asked.arm({"kubernetes_pod_name": pod})

    assert (found and found.value) == whose


def test_linkerd_names_a_daemon_set_by_its_own_label() -> None:
    asked = queries("linkerd", replace(PLAN, target=Reference("DaemonSet", "ad")))

    assert 'daemonset=~"ad|ad-primary"' in asked.requests


def test_traffic_is_left_out_by_any_label() -> None:
    annotations = {EXCLUDE_TRAFFIC: " source_workload = load.* , synthetic=load,"}

    asked = queries("istio", replace(PLAN, annotations=annotations))

    assert 'source_workload!~"load.*",synthetic!~"load"' in asked.buckets


@pytest.mark.parametrize("text", ["loadtester", "=x", "a=", 'a="x"', "a=x\\d", "1a=b", 'a=b"', "a=("])
def test_an_exclusion_that_is_none_is_refused_at_once(text: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"write for example source_workload=loadtester|has a pattern that cannot be read"
    ):
        counter("http://127.0.0.1:1", replace(PLAN, annotations={EXCLUDE_TRAFFIC: text}))
