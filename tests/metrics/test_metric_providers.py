"""What each provider is asked, as its documentation has it, and the number that its documented answer holds."""

import json
import time
from dataclasses import dataclass, field

import pytest

from tests.metrics.metrics_server import MetricsServer
from workflows.metrics.providers import PROVIDERS, open_provider

NOW = int(time.time())


@dataclass(frozen=True)
class Case:
    """One exchange: what the template says, what must be asked, and what is answered."""

    provider: str
    query: str
    path: str
    answer: object
    number: float
    secrets: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: object = None
    window: int = 0


DATADOG = {
    "status": "ok",
    "res_type": "time_series",
    "series": [
        {
            "metric": "trace.http.request.errors",
            "interval": 20,
            "scope": "service:ad",
            "pointlist": [[1000 * (NOW - 80), 1.0], [1000 * (NOW - 60), 2.5], [1000 * (NOW + 3600), 9.0]],
        }
    ],
    "from_date": 1000 * (NOW - 300),
    "to_date": 1000 * NOW,
}
DYNATRACE = {
    "totalCount": 1,
    "nextPageKey": None,
    "resolution": "Inf",
    "result": [
        {
            "metricId": "builtin:service.errors.total.rate:avg",
            "data": [
                {
                    "dimensions": [],
                    "dimensionMap": {},
                    "timestamps": [1000 * (NOW - 300), 1000 * NOW],
                    "values": [0.25, None],
                }
            ],
        }
    ],
}
GRAPHITE = [{"target": "ad.errors", "datapoints": [[1.0, NOW - 120], [0.5, NOW - 60], [None, NOW]], "tags": {}}]
FLUX = (
    ",result,table,_start,_stop,_time,_value,_field,_measurement\r\n"
    ",_result,0,2026-01-01T00:00:00Z,2026-01-01T00:05:00Z,2026-01-01T00:04:00Z,3,value,errors\r\n"
    ",_result,0,2026-01-01T00:00:00Z,2026-01-01T00:05:00Z,2026-01-01T00:05:00Z,4.5,value,errors\r\n\r\n"
)
INFLUXQL = {
    "results": [
        {"statement_id": 0, "series": [{"name": "errors", "columns": ["time", "mean"], "values": [[1000, 7.5]]}]}
    ]
}
SIGNALFLOW = (
    'event: control-message\ndata: {"event": "STREAM_START", "timestampMs": 1}\n\n'
    'event: metadata\ndata: {\ndata:   "tsId": "AAAAAO5Plw4",\ndata:   "properties": {}\ndata: }\n\n'
    'event: data\ndata: {\ndata:   "data": [{"tsId": "AAAAAO5Plw4", "value": 1.0}],\ndata: "logicalTimestampMs": 1\n'
    "data: }\n\n"
    'event: data\ndata: {"data": [{"tsId": "AAAAAO5Plw4", "value": 2.0}], "logicalTimestampMs": 2}\n\n'
    'event: control-message\ndata: {"event": "END_OF_CHANNEL", "timestampMs": 3}\n\n'
)
MONITORING = {
    "timeSeriesDescriptor": {"pointDescriptors": [{"key": "value.rate", "valueType": "DOUBLE"}]},
    "timeSeriesData": [
        {
            "labelValues": [],
            "pointData": [
                {"values": [{"doubleValue": 0.75}], "timeInterval": {"endTime": "2026-01-01T00:05:00Z"}},
                {"values": [{"doubleValue": 9.0}], "timeInterval": {"endTime": "2026-01-01T00:04:00Z"}},
            ],
        }
    ],
}
INSIGHTS = {"results": [{"result": 1.5}], "performanceStats": {"inspectedCount": 3}, "metadata": {"accounts": [42]}}
PROMETHEUS = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [NOW, "6.5"]}]}}
MQL = "fetch k8s_container | metric 'logging/errors'"
CASES = [
    Case(
        "prometheus",
        "sum(\n  up)",
        "/api/v1/query",
        PROMETHEUS,
        6.5,
        secrets={"token": "tok-123"},
        headers={"authorization": "Bearer tok-123"},
        fields={"query": "sum( up)"},
    ),
    Case(
        "datadog",
        "avg:trace.http.request.errors{service:ad}",
        "/api/v1/query",
        DATADOG,
        2.5,
        secrets={"datadog_api_key": "api-1", "datadog_application_key": "app-1"},
        headers={"dd-api-key": "api-1", "dd-application-key": "app-1"},
        fields={"query": "avg:trace.http.request.errors{service:ad}"},
        window=300,
    ),
    Case(
        "dynatrace",
        "builtin:service.errors.total.rate:avg",
        "/api/v2/metrics/query",
        DYNATRACE,
        0.25,
        secrets={"dynatrace_token": "dt0c01.x"},
        headers={"authorization": "Api-Token dt0c01.x"},
        fields={"metricSelector": "builtin:service.errors.total.rate:avg", "resolution": "Inf"},
        window=300_000,
    ),
    Case(
        "newrelic",
        "SELECT average(duration) FROM Transaction",
        "/v1/accounts/42/query",
        INSIGHTS,
        1.5,
        secrets={"newrelic_account_id": "42", "newrelic_query_key": "nr-key"},
        headers={"x-query-key": "nr-key"},
        fields={"nrql": "SELECT average(duration) FROM Transaction SINCE 30 seconds ago"},
    ),
    Case(
        "graphite",
        "target=summarize(ad.errors,\n '1min', 'avg')&from=-5min&format=png",
        "/render",
        GRAPHITE,
        0.5,
        secrets={"username": "ada", "password": "lovelace"},
        headers={"authorization": "Basic YWRhOmxvdmVsYWNl"},
        fields={"target": "summarize(ad.errors, '1min', 'avg')", "from": "-5min", "format": "json"},
    ),
    Case(
        "influxdb",
        'from(bucket: "b")\n  |> range(start: -5m)',
        "/api/v2/query",
        FLUX,
        4.5,
        secrets={"token": "flux-token", "org": "weather"},
        headers={"authorization": "Token flux-token"},
        fields={"org": "weather"},
        method="POST",
        body={"query": 'from(bucket: "b")\n  |> range(start: -5m)', "type": "flux"},
    ),
    Case(
        "influxdb",
        'SELECT mean(v) FROM "db"."autogen"."errors"',
        "/query",
        INFLUXQL,
        7.5,
        secrets={"username": "ada", "password": "lovelace"},
        headers={"authorization": "Basic YWRhOmxvdmVsYWNl"},
        fields={"q": 'SELECT mean(v) FROM "db"."autogen"."errors"', "epoch": "ms"},
    ),
    Case(
        "splunk",
        "data('errors').mean().publish()",
        "/v2/signalflow/execute",
        SIGNALFLOW,
        2.0,
        secrets={"sf_token_key": "sf-1"},
        headers={"x-sf-token": "sf-1", "content-type": "text/plain"},
        fields={"immediate": "true"},
        method="POST",
        body="data('errors').mean().publish()",
        window=300_000,
    ),
    Case(
        "stackdriver",
        MQL,
        "/v3/projects/p-1/timeSeries:query",
        MONITORING,
        0.75,
        secrets={"project": "p-1", "token": "ya29.x"},
        headers={"authorization": "Bearer ya29.x"},
        method="POST",
        body={"query": MQL},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.provider}{case.path}" for case in CASES])
def test_a_provider_is_asked_and_answers_as_documented(server: MetricsServer, case: Case) -> None:
    server.answer(case.answer)

    number = open_provider(server.at(case.provider, secrets=case.secrets), None).ask(case.query)

    asked = server.asked[0]
    assert (number, asked.method, asked.path) == (case.number, case.method, case.path)
    assert asked.fields.items() >= case.fields.items()
    assert asked.headers.items() >= case.headers.items()
    assert case.body in (None, asked.body.decode()) or json.loads(asked.body) == case.body


@pytest.mark.parametrize("case", [case for case in CASES if case.window], ids=lambda case: case.provider)
def test_a_time_series_is_asked_for_over_ten_intervals(server: MetricsServer, case: Case) -> None:
    server.answer(case.answer)

    open_provider(server.at(case.provider, secrets=case.secrets), None).ask(case.query)

    fields = {name: int(value) for name, value in server.asked[0].fields.items() if value.isdecimal()}
    assert fields.get("to", fields.get("stop")) - fields.get("from", fields.get("start")) == case.window


def test_headers_of_a_template_go_with_every_question(server: MetricsServer) -> None:
    server.answer(PROMETHEUS)

    open_provider(server.at("prometheus", headers={"X-Scope-OrgID": "team-a"}), None).ask("up")

    assert server.asked[0].headers["x-scope-orgid"] == "team-a"


def test_every_provider_has_a_recorded_exchange() -> None:
    elsewhere = {"cloudwatch", "penstock"}

    assert {case.provider for case in CASES} | elsewhere == set(PROVIDERS)
