"""What every MetricSource answers, and each way in which a Prometheus gives no number."""

import json
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.local_traffic import Users, deployment, eventually
from workflows.errors import ConfigurationError
from workflows.local import ports
from workflows.local.platform import Start, start
from workflows.metrics import endpoint, template
from workflows.metrics.counter import PrometheusCounter
from workflows.metrics.envoy import EnvoyCounter
from workflows.metrics.memory import MemoryMetrics
from workflows.metrics.prometheus import PrometheusMetrics
from workflows.ports import TrafficCounter
from workflows.rollout.plan import Analysis, Check, Limits, Reference, RolloutPlan, Service
from workflows.rollout.samples import ArmCounts, Gap, Measurement

PLAN = RolloutPlan(
    name="ad",
    namespace="weather",
    target=Reference("Deployment", "ad-app"),
    service=Service("ad-service", 3003),
    analysis=Analysis(interval=timedelta(seconds=10), threshold=3),
    references={"ingressRef": Reference("Ingress", "front")},
)

ROLLED_OUT = replace(PLAN, target=Reference("Deployment", "ad"))


def check(query: str = "up", **more: object) -> Check:
    return Check("errors", Limits(maximum=1), interval=timedelta(seconds=30), query=query, **more)


class Scripted(BaseHTTPRequestHandler):
    """A metrics server that answers what the test says and remembers what it was asked."""

    def do_GET(self) -> None:
        self.server.asked.append(parse_qs(urlsplit(self.path).query).get("query", [""])[0])
        status, body = self.server.answer
        self.send_response(status)
        self.end_headers()
        for byte in body if isinstance(body, list) else [body]:
            self.wfile.write(byte)
            self.wfile.flush()
            self.server.pause.wait(0.05 if isinstance(body, list) else 0)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as running:
        running.asked, running.pause = [], threading.Event()
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.pause.set()
        running.shutdown()
        thread.join(timeout=10)


def url(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def success(kind: str, result: object) -> tuple[int, bytes]:
    return 200, json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode()


def series(value: str, **labels: str) -> dict[str, object]:
    return {"metric": labels, "value": [1.0, value]}


class Source:
    """Either kind of source, told the same."""

    def __init__(self, server: ThreadingHTTPServer | None) -> None:
        self.server = server
        self.source = PrometheusMetrics(url(server)) if server else MemoryMetrics()

    def measure(self, *values: str) -> Measurement:
        if isinstance(self.source, MemoryMetrics):
            self.source.answer("errors", [Measurement(value=float(value)) for value in values])
        else:
            self.server.answer = success("vector", [series(value) for value in values])
        return self.source.measure(check(), PLAN)


@pytest.fixture(params=["memory", "prometheus"])
def source(request: pytest.FixtureRequest) -> Source:
    return Source(request.getfixturevalue("server") if request.param == "prometheus" else None)


@pytest.mark.parametrize("text", ["0", "1.5", "-3", "1e6"])
def test_a_number_is_a_number(source: Source, text: str) -> None:
    assert source.measure(text) == Measurement(value=float(text))


def test_an_infinite_number_is_one_too(source: Source) -> None:
    assert source.measure("inf").value == float("inf")


def test_nothing_is_a_gap_and_not_a_zero(source: Source) -> None:
    assert source.measure().gap is Gap.NO_DATA


def test_answers_from_memory_come_in_order_and_the_last_repeats() -> None:
    source = MemoryMetrics()
    source.answer("errors", [Measurement(value=1), Measurement(gap=Gap.TIMED_OUT)])

    given_ = [source.measure(check(), PLAN) for _ in range(3)]

    assert [each.value or each.gap for each in given_] == [1, Gap.TIMED_OUT, Gap.TIMED_OUT]
    assert source.asked == ["errors"] * 3


@pytest.mark.parametrize(
    ("answer", "gap", "detail"),
    [
        (success("vector", []), Gap.NO_DATA, "no series"),
        (success("vector", [series("NaN")]), Gap.NOT_A_NUMBER, "most likely 0/0"),
        (success("vector", [series("1", pod="a"), series("2", pod="b")]), Gap.SEVERAL_SERIES, '2 series.*"pod": "a"'),
        (success("scalar", [1.0, "NaN"]), Gap.NOT_A_NUMBER, "NaN"),
        (success("matrix", []), Gap.NOT_A_NUMBER, "a matrix is not one number"),
        (success("string", [1.0, "five"]), Gap.NOT_A_NUMBER, "a string is not one number"),
        (success("scalar", [1.0, "five"]), Gap.NOT_A_NUMBER, "'five' is not a number"),
        ((200, b'{"status": "success", "data": 3}'), Gap.NOT_A_NUMBER, "None"),
        ((400, b'{"status": "error", "errorType": "bad_data", "error": "parse error"}'), Gap.REFUSED, "parse error"),
        ((503, b'{"status": "error", "errorType": "timeout", "error": "too slow"}'), Gap.TIMED_OUT, "too slow"),
        ((200, b"<html>hello</html>"), Gap.REFUSED, "no JSON: <html>"),
        ((502, b"bad gateway"), Gap.UNREACHABLE, "answered 502"),
        ((200, b"x" * (5 << 20)), Gap.REFUSED, "larger than"),
    ],
)
def test_every_way_of_getting_no_number_is_a_gap_with_its_words(
    server: ThreadingHTTPServer, answer: tuple[int, bytes], gap: Gap, detail: str
) -> None:
    server.answer = answer

    measured = PrometheusMetrics(url(server)).measure(check(), PLAN)

    assert measured.gap is gap
    assert re.search(detail, measured.detail)


def test_a_scalar_is_a_number(server: ThreadingHTTPServer) -> None:
    server.answer = success("scalar", [1.0, "7"])

    assert PrometheusMetrics(url(server)).measure(check(), PLAN).value == 7


def test_a_server_that_is_not_there_is_unreachable() -> None:
    measured = PrometheusMetrics(f"http://127.0.0.1:{ports.free()}").measure(check(), PLAN)

    assert measured.gap is Gap.UNREACHABLE


@pytest.mark.parametrize("drip", [[b""], [b" "] * 40])
def test_a_server_that_hangs_or_drips_is_given_up_in_time(server: ThreadingHTTPServer, drip: list[bytes]) -> None:
    server.answer = (200, drip * 20)

    measured = PrometheusMetrics(url(server), timeout_s=0.2).measure(check(), PLAN)

    assert measured.gap is Gap.TIMED_OUT


def test_a_query_is_filled_in_and_folded_before_it_is_asked(server: ThreadingHTTPServer) -> None:
    server.answer = success("vector", [])
    query = """sum(rate(x{ns="{{ namespace }}", name="{{name}}", svc="{{ service }}", ing="{{ ingress }}",
        to="{{ target }}", route="{{ route }}", own="{{ variables.own }}"}[{{ interval }}]))"""

    PrometheusMetrics(url(server)).measure(check(query, variables={"own": "a b"}), PLAN)

    labels = 'ns="weather", name="ad", svc="ad-service", ing="front", to="ad-app", route="ad-app", own="a b"'
    assert server.asked == [f"sum(rate(x{{{labels}}}[30s]))"]


def test_an_unknown_placeholder_is_refused_with_the_known_ones() -> None:
    measured = PrometheusMetrics("http://127.0.0.1:9").measure(check("up{{ colour }}"), PLAN)

    assert measured.gap is Gap.REFUSED
    assert "unknown placeholder {{ colour }}; known: ingress, interval" in measured.detail


@pytest.mark.parametrize(
    ("one", "detail"),
    [
        (check("", template=Reference("MetricTemplate", "latency")), "MetricTemplate latency is not in the file"),
        (check(""), "it has no query"),
    ],
)
def test_a_check_without_a_query_is_refused(one: Check, detail: str) -> None:
    assert detail in PrometheusMetrics("http://127.0.0.1:9").measure(one, PLAN).detail


@pytest.mark.parametrize("address", ["", "127.0.0.1:9090", "ftp://127.0.0.1", "http://"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match="write for example http://"):
        PrometheusMetrics(address)


@pytest.mark.parametrize(
    ("interval", "text"), [(timedelta(minutes=1), "60s"), (timedelta(milliseconds=1500), "1500ms")]
)
def test_an_interval_is_written_without_fractions(interval: timedelta, text: str) -> None:
    assert template.format_interval(interval) == text


@given(st.text())
def test_a_query_without_placeholders_stays_as_it_is(query: str) -> None:
    query = query.replace("{{", "")

    assert template.render(check(query), PLAN) == query


SUCCESS_RATE = """
100 * sum(rate(istio_requests_total{reporter="destination", destination_workload_namespace="{{ namespace }}",
  destination_workload=~"{{ variables.workload }}", response_code!~"5.*"}[{{ interval }}]))
/ sum(rate(istio_requests_total{reporter="destination", destination_workload_namespace="{{ namespace }}",
  destination_workload=~"{{ variables.workload }}"}[{{ interval }}]))
"""


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="no prometheus on the PATH: apt-get install prometheus")
def test_the_local_platforms_prometheus_answers_a_meshs_queries_and_counts_what_envoy_counts(tmp_path: Path) -> None:
    wish = Start(deployment("v1"), prometheus="auto", owned=True)
    with start(tmp_path / "platform", wish) as platform:
        source = PrometheusMetrics(platform.book.prometheus)

        def rate(workload: str) -> Measurement:
            return source.measure(check(SUCCESS_RATE, variables={"workload": workload}), PLAN)

        with Users(platform.addresses.apex):
            eventually(lambda: rate("ad-primary").value == 100.0)
        assert rate("ad").gap is Gap.NO_DATA
        counter = PrometheusCounter(endpoint.at("prometheus", platform.book.prometheus), ROLLED_OUT)
        envoy = EnvoyCounter(platform.directory)
        eventually(lambda: counted(counter) == counted(envoy) != ArmCounts())


def counted(counter: TrafficCounter) -> ArmCounts:
    return replace(counter.read().primary, parts={})
