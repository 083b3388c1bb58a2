"""Ask the webhook service what its last load measured (`GET /api/v1/runs`); a query is `NAME.NAMESPACE TEST METRIC`.

METRIC is in the words of load thresholds: `{{ name }}.{{ namespace }} load http_req_duration: p(99)`, in ms, or
`http_req_failed: rate`, a share of 1. The Secret may hold `token`.
"""

import re
import time
from dataclasses import replace
from typing import Any

from loadtester.report import LoadReport
from loadtester.verdict import LoadOutcome, Threshold, judge, parse_threshold
from workflows.metrics import answers
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.connection import Connection, accept, log_in
from workflows.metrics.endpoint import Endpoint
from workflows.rollout.samples import Gap

_LOOK_BACK = 10
_PATH = "/api/v1/runs"
_METRIC = re.compile(
    r"(?P<metric>\w+)\s*(?:\{\s*name\s*[=:]\s*(?P<name>[^}]+?)\s*\})?\s*:\s*(?P<aggregation>[a-z]+)"
    r"(?:\((?P<percent>\d+(?:\.\d+)?)\))?"
)
_ANY = parse_threshold("http_reqs: count >= 0")
_QUERY = re.compile(r"(?P<canary>\S+\.\S+)\s+(?P<test>\S+)\s+(?P<metric>\S.*)", re.DOTALL)


class LoadReports:
    """Ask one webhook service."""

    def __init__(self, where: Endpoint) -> None:
        self._connection = Connection(where, log_in(where))
        self._window_s = _LOOK_BACK * where.interval.total_seconds()

    def ask(self, query: str) -> float:
        """Give one number of the report of the newest run of a test, while it runs and ten intervals after it."""
        found = _QUERY.fullmatch(query.strip())
        if found is None:
            raise NoAnswerError(Gap.REFUSED, f"{query!r:.120} is not NAME.NAMESPACE TEST METRIC")
        fields = {"canary": found["canary"], "test": found["test"], "limit": "1"}
        runs = answers.find(self._get(_PATH, fields), "runs")
        if not runs:
            raise NoAnswerError(Gap.NO_DATA, f"test {found['test']} has not run for {found['canary']}")
        self._refuse_old(runs[0].get("endedAt"))
        report = self._get(f"{_PATH}/{runs[0].get('id')}/report", {"format": "json"}).get("report")
        return _measure(report, found["metric"])

    def _refuse_old(self, ended_at: float | None) -> None:
        ago_s = time.time() - ended_at if ended_at else 0.0
        if ago_s > self._window_s:
            raise NoAnswerError(
                Gap.NO_DATA,
                f"the last run ended {ago_s:.0f} s ago, longer than ten intervals: it is of another release",
            )

    def _get(self, path: str, fields: dict[str, str]) -> dict[str, Any]:
        answer = self._connection.get(path, fields)
        return answers.read_object(accept(answer), answer.url)


def _measure(report: object, metric: str) -> float:
    if not isinstance(report, dict):
        raise NoAnswerError(Gap.NO_DATA, "the run has no load report yet")
    threshold = _read_metric(metric)
    try:
        result = judge((threshold,), LoadReport.from_dict(report)).results[0]
    except ValueError as error:
        raise NoAnswerError(Gap.REFUSED, str(error)) from error
    if result.value is None:
        unknown = result.outcome is LoadOutcome.FAILED
        raise NoAnswerError(Gap.REFUSED if unknown else Gap.NO_DATA, result.reason)
    return answers.read_number(result.value)


def _read_metric(text: str) -> Threshold:
    found = _METRIC.fullmatch(text.strip())
    if found is None:
        raise NoAnswerError(Gap.REFUSED, f"{text!r:.120} is not a metric such as http_req_duration: p(99)")
    metric, aggregation, name = found["metric"], found["aggregation"], found["name"]
    percent = float(found["percent"] or 0)
    return replace(_ANY, text=text, metric=metric, aggregation=aggregation, percent=percent, name=name)
