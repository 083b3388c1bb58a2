"""Each way in which a provider gives no number is a gap with its words, and no word of a Secret is among them."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.metrics.metrics_server import CERTIFICATE, MetricsServer
from workflows.errors import ConfigurationError
from workflows.local import ports
from workflows.metrics import endpoint
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.endpoint import Endpoint
from workflows.metrics.prometheus import Prometheus
from workflows.metrics.providers import open_provider
from workflows.rollout.samples import Gap

SECRETS = {
    "datadog": {"datadog_api_key": "key-of-api", "datadog_application_key": "key-of-app"},
    "dynatrace": {"dynatrace_token": "dt0c01.secret"},
    "graphite": {},
    "influxdb": {"token": "flux-secret", "org": "weather"},
    "newrelic": {"newrelic_account_id": "42", "newrelic_query_key": "nr-secret"},
    "penstock": {},
    "prometheus": {},
    "splunk": {"sf_token_key": "sf-secret"},
    "stackdriver": {"project": "p-1", "token": "ya29.secret"},
}
QUERIES = {"graphite": "target=ad.errors", "penstock": "ad.weather load http_req_failed: rate"}
SELECT = "SELECT mean(v) FROM x"
POINTS = {"values": [{"doubleValue": 1}]}


def series(*lists: list[object]) -> dict[str, object]:
    return {"series": [{"pointlist": points, "interval": 1} for points in lists]}


def influx(*of: dict[str, object]) -> dict[str, object]:
    return {"results": [{"series": list(of)}]}


def stream(*events: tuple[str, object]) -> str:
    return "".join(f"event: {kind}\ndata: {json.dumps(data)}\n\n" for kind, data in events)


def ask(server: MetricsServer, provider: str, query: str = "") -> NoAnswerError:
    with pytest.raises(NoAnswerError) as none:
        open_provider(server.at(provider, secrets=SECRETS[provider]), None).ask(query or QUERIES.get(provider, "query"))
    return none.value


@pytest.mark.parametrize(
    ("provider", "answer", "gap", "words"),
    [
        ("datadog", series(), Gap.NO_DATA, "no series"),
        ("datadog", series([[0, None]]), Gap.NO_DATA, "no value in the interval"),
        ("datadog", series([[4102444800000, 1.0]]), Gap.NO_DATA, "no value in the interval"),
        ("datadog", series([[0, 1.0]], [[0, 2.0]]), Gap.SEVERAL_SERIES, "2 series, sum or select one"),
        ("datadog", {"status": "error", "error": "Rate limit"}, Gap.REFUSED, "Rate limit"),
        ("datadog", "<html>", Gap.REFUSED, "answered no JSON: <html>"),
        ("datadog", "[" * 100_000, Gap.REFUSED, "answered no JSON"),
        ("datadog", [], Gap.REFUSED, "which is no JSON object"),
        ("dynatrace", {"result": []}, Gap.NO_DATA, "no metrics"),
        ("dynatrace", {"result": [{"data": []}]}, Gap.NO_DATA, "no series"),
        ("dynatrace", {"result": [{"data": [{"values": [None]}]}]}, Gap.NO_DATA, "no value"),
        ("dynatrace", {"result": [{"data": [{"values": [1]}, {"values": [2]}]}]}, Gap.SEVERAL_SERIES, "2 series"),
        ("newrelic", {"results": []}, Gap.NO_DATA, "no results"),
        ("newrelic", {"results": [{"result": None}]}, Gap.NO_DATA, "no numbers"),
        ("newrelic", {"results": [{"a": 1, "b": 2}]}, Gap.SEVERAL_SERIES, "2 numbers"),
        ("graphite", [], Gap.NO_DATA, "no targets"),
        ("graphite", {}, Gap.NO_DATA, "no targets"),
        ("graphite", [{"datapoints": [[None, 1]]}], Gap.NO_DATA, "no value"),
        ("graphite", [{"target": "a"}, {"target": "b"}], Gap.SEVERAL_SERIES, '"target": "a"'),
        ("influxdb", "", Gap.NO_DATA, "no tables"),
        ("influxdb", ",result,table,_value\n,_result,0,\n", Gap.NO_DATA, "no value"),
        ("influxdb", ",result,table,_value\n,_result,0,1\n,_result,1,2\n", Gap.SEVERAL_SERIES, "2 tables"),
        ("influxdb", ",error,reference\n,no such bucket,42\n", Gap.REFUSED, "no such bucket"),
        ("splunk", "", Gap.NO_DATA, "no series"),
        ("splunk", stream(("error", {"message": "bad program"})), Gap.REFUSED, "bad program"),
        (
            "splunk",
            stream(("data", {"data": [{"tsId": "A", "value": 1}, {"tsId": "B", "value": 2}]})),
            Gap.SEVERAL_SERIES,
            "2 series",
        ),
        ("stackdriver", {}, Gap.NO_DATA, "no series"),
        ("stackdriver", {"timeSeriesData": [{"pointData": []}]}, Gap.NO_DATA, "no point"),
        ("stackdriver", {"timeSeriesData": [{"pointData": [POINTS]}] * 2}, Gap.SEVERAL_SERIES, "2 series"),
        ("stackdriver", {"timeSeriesData": [{"pointData": [{"values": [{}]}]}]}, Gap.NOT_A_NUMBER, "None"),
        ("penstock", {"runs": []}, Gap.NO_DATA, "test load has not run for ad.weather"),
        (
            "prometheus",
            {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "values": []}]}},
            Gap.SEVERAL_SERIES,
            "several values",
        ),
        (
            "prometheus",
            {"status": "success", "data": {"resultType": "vector", "result": [1]}},
            Gap.NOT_A_NUMBER,
            "1 is no series",
        ),
    ],
)
def test_an_answer_without_one_number_is_a_gap(
    server: MetricsServer, provider: str, answer: object, gap: Gap, words: str
) -> None:
    server.answer(answer)

    none = ask(server, provider)

    assert none.gap is gap
    assert re.search(words, none.detail)


@pytest.mark.parametrize(
    ("answer", "gap", "words"),
    [
        ({"results": [{}]}, Gap.NO_DATA, "no series"),
        ({"results": [{"error": "database not found"}]}, Gap.REFUSED, "database not found"),
        (influx({"columns": ["time", "a", "b"], "values": [[0, 1, 2]]}), Gap.SEVERAL_SERIES, '"a", "b"'),
        (influx({"values": [[0, None]]}), Gap.NO_DATA, "no value"),
        (influx({}, {}), Gap.SEVERAL_SERIES, "2 series"),
    ],
)
def test_influxql_without_one_number_is_a_gap(server: MetricsServer, answer: object, gap: Gap, words: str) -> None:
    server.answer(answer)

    none = ask(server, "influxdb", SELECT)

    assert none.gap is gap
    assert words in none.detail


@pytest.mark.parametrize(
    ("provider", "query", "words"),
    [
        ("graphite", "ad.errors", "begins with target="),
        ("penstock", "load", "is not NAME.NAMESPACE TEST METRIC"),
    ],
)
def test_a_query_in_another_language_is_refused_unasked(
    server: MetricsServer, provider: str, query: str, words: str
) -> None:
    none = ask(server, provider, query)

    assert none.gap is Gap.REFUSED
    assert words in none.detail
    assert not server.asked


@pytest.mark.parametrize("provider", sorted(SECRETS))
@pytest.mark.parametrize(
    ("status", "gap"),
    [
        (302, Gap.REFUSED),
        (400, Gap.REFUSED),
        (401, Gap.REFUSED),
        (403, Gap.REFUSED),
        (408, Gap.TIMED_OUT),
        (500, Gap.UNREACHABLE),
        (504, Gap.TIMED_OUT),
    ],
)
def test_a_status_tells_a_refusal_from_trouble(server: MetricsServer, provider: str, status: int, gap: Gap) -> None:
    server.answer("go away", status=status)

    none = ask(server, provider)

    assert none.gap is gap
    assert f"answered {status}: go away" in none.detail


@pytest.mark.parametrize("provider", sorted(SECRETS))
def test_a_provider_that_is_not_there_is_unreachable(provider: str) -> None:
    where = Endpoint(provider, f"http://127.0.0.1:{ports.free()}", secrets=SECRETS[provider])

    with pytest.raises(NoAnswerError) as none:
        open_provider(where, None).ask(QUERIES.get(provider, "query"))

    assert none.value.gap is Gap.UNREACHABLE


@pytest.mark.parametrize("provider", sorted(name for name, secrets in SECRETS.items() if secrets))
def test_a_secret_that_a_server_repeats_is_masked(provider: str) -> None:
    where = Endpoint(provider, "http://127.0.0.1", secrets=SECRETS[provider], headers={"X-Key": "from-a-header"})
    said = " ".join([*SECRETS[provider].values(), "from-a-header"])

    masked = where.mask(f"401: {said} is not known")

    assert not [value for value in SECRETS[provider].values() if len(value) > 3 and value in masked]
    assert "from-a-header" not in masked
    assert "is not known" in masked


@pytest.mark.parametrize("provider", ["datadog", "dynatrace", "newrelic", "splunk", "stackdriver"])
def test_a_provider_without_its_key_names_it(provider: str) -> None:
    with pytest.raises(ConfigurationError, match=f"provider {provider}: its Secret needs '.*' and has password"):
        open_provider(Endpoint(provider, "http://127.0.0.1", secrets={"password": "hidden"}), None)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("grafana", "unknown provider 'grafana'; known: cloudwatch, datadog"),
        ("keptn", "provider keptn is not asked: its metrics API is no longer developed"),
    ],
)
def test_a_provider_that_nobody_asks_is_refused_by_name(name: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        open_provider(Endpoint(name, "http://127.0.0.1"), None)


def test_a_user_in_an_address_becomes_a_secret(server: MetricsServer) -> None:
    server.answer({"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}})
    where = endpoint.at("prometheus", server.url.replace("://", "://ada:love%40lace@"))

    number = Prometheus(where).ask("1")

    assert (number, where.address) == (2, server.url)
    assert server.asked[0].headers["authorization"] == "Basic YWRhOmxvdmVAbGFjZQ=="
    assert where.mask("love@lace") == "***"


def test_a_token_with_a_line_break_in_it_is_refused_without_being_shown(server: MetricsServer) -> None:
    where = server.at("prometheus", secrets={"token": "first-line\nsecond-line"})

    with pytest.raises(NoAnswerError, match="a header has a character that none may have") as none:
        Prometheus(where).ask("up")

    assert "line" not in none.value.detail.replace("header", "")


def test_a_certificate_of_its_own_is_trusted_when_the_secret_has_it(server: MetricsServer) -> None:
    server.encrypt()
    server.answer({"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}})
    certificate = CERTIFICATE.read_text()
    trusted = server.at("prometheus", secrets={"ca.crt": certificate[certificate.index("-----BEGIN CERT") :]})

    assert Prometheus(trusted).ask("1") == 2
    assert Prometheus(replace(trusted, secrets={}, verify_tls=False)).ask("1") == 2
    with pytest.raises(NoAnswerError, match="certificate verify failed"):
        Prometheus(replace(trusted, secrets={})).ask("1")


def test_a_certificate_that_is_none_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match=r"ca\.crt in its Secret is no certificate in PEM"):
        Prometheus(Endpoint("prometheus", "https://127.0.0.1", secrets={"ca.crt": "hello"}))


def test_a_prometheus_that_is_overloaded_is_unreachable(server: MetricsServer) -> None:
    server.answer({"status": "error", "errorType": "unavailable", "error": "too many queries"}, status=503)

    none = ask(server, "prometheus")

    assert (none.gap, none.detail) == (Gap.UNREACHABLE, "unavailable: too many queries")


def test_counters_in_anything_but_a_vector_are_refused(server: MetricsServer) -> None:
    server.answer({"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}})

    with pytest.raises(NoAnswerError, match="a scalar holds no counters"):
        Prometheus(server.at("prometheus")).series("1")


def test_an_endpoint_asks_for_a_minute_unless_told() -> None:
    assert Endpoint("prometheus", "http://127.0.0.1").interval == timedelta(minutes=1)
