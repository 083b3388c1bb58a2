"""Ask a Prometheus server, or what speaks its language: Thanos, Mimir, VictoriaMetrics.

The rule to keep: checks are asked as instant queries, and only one number is an answer to a check.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from workflows.errors import ConfigurationError
from workflows.metrics import answers, endpoint, template
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.connection import TIMEOUT_S, Answer, Connection, accept, log_in
from workflows.metrics.endpoint import Endpoint
from workflows.rollout.plan import Check, RolloutPlan
from workflows.rollout.samples import Gap, Measurement

_INSTANT, _RANGE = "/api/v1/query", "/api/v1/query_range"
_NO_FIELDS: Mapping[str, str] = MappingProxyType({})
_GIVEN_UP = frozenset({"timeout", "canceled"})


@dataclass(frozen=True, slots=True)
class Sample:
    """Carry one series of an answer: its labels, its value, and when it was evaluated (Unix seconds)."""

    labels: Mapping[str, str]
    value: float
    at: float


@dataclass(frozen=True, slots=True)
class Span:
    """Name a time that has passed: Unix seconds, and how many of them lie between two looks."""

    start: float
    end: float
    step_s: float


class Prometheus:
    """Ask instant queries; the Secret may hold `token`, or `username` and `password`, and `ca.crt`."""

    def __init__(self, where: Endpoint, *, timeout_s: float = TIMEOUT_S) -> None:
        self._connection = Connection(where, log_in(where), timeout_s=timeout_s)

    def ask(self, query: str) -> float:
        """Give the one number that a query yields; raises NoAnswerError with the gap in its place."""
        data = self._query(_INSTANT, query)
        match data.get("resultType"), data.get("result"):
            case "vector", list() as found:
                return _read_sample(answers.read_only(found)).value
            case "scalar", [_, text]:
                return answers.read_number(text)
            case kind, _:
                raise NoAnswerError(Gap.NOT_A_NUMBER, f"a {kind} is not one number; write a query that yields one")

    def series(self, query: str) -> tuple[Sample, ...]:
        """Give every series that a query yields; raises NoAnswerError where the answer is no vector."""
        data = self._query(_INSTANT, query)
        if data.get("resultType") != "vector":
            raise NoAnswerError(Gap.NOT_A_NUMBER, f"a {data.get('resultType')} holds no counters")
        return tuple(_read_sample(each) for each in answers.find(data, "result"))

    def past(self, query: str, span: Span) -> tuple[Sample, ...]:
        """Give every series that a query yielded at each step of a time that has passed."""
        fields = {"start": f"{span.start:.3f}", "end": f"{span.end:.3f}", "step": f"{span.step_s:g}"}
        data = self._query(_RANGE, query, fields)
        if data.get("resultType") != "matrix":
            raise NoAnswerError(Gap.NOT_A_NUMBER, f"a {data.get('resultType')} holds no past counters")
        return tuple(sample for each in answers.find(data, "result") for sample in _read_samples(each))

    def _query(self, path: str, query: str, fields: Mapping[str, str] = _NO_FIELDS) -> Mapping[str, Any]:
        answer = self._connection.get(path, {"query": " ".join(query.split()), **fields})
        document = _read_document(answer)
        if document.get("status") != "success" or answer.status >= HTTPStatus.BAD_REQUEST:
            raise NoAnswerError(_name(answer, document), f"{document.get('errorType')}: {document.get('error')}")
        data = document.get("data")
        return data if isinstance(data, dict) else {}


class PrometheusMetrics:
    """Answer checks by their inline queries; `metrics_server` is the address of one Prometheus."""

    def __init__(self, metrics_server: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._endpoint = endpoint.at("prometheus", metrics_server)
        self._prometheus = Prometheus(self._endpoint, timeout_s=timeout_s)

    def measure(self, check: Check, plan: RolloutPlan) -> Measurement:
        """Give the number a check's query yields now, or the gap in its place."""
        try:
            return Measurement(value=self._prometheus.ask(_render(check, plan)))
        except NoAnswerError as none:
            return Measurement(gap=none.gap, detail=self._endpoint.mask(none.detail))


def _render(check: Check, plan: RolloutPlan) -> str:
    if not check.query:
        named = f"MetricTemplate {check.template.name} is not in the file" if check.template else "it has no query"
        raise NoAnswerError(Gap.REFUSED, f"{check.name}: {named}")
    try:
        return template.render(check, plan)
    except ConfigurationError as error:
        raise NoAnswerError(Gap.REFUSED, str(error)) from error


def _read_document(answer: Answer) -> dict[str, Any]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        document = None
    # Proxies before the server answer in their own ways.
    return document if isinstance(document, dict) else answers.read_object(accept(answer), answer.url)


def _name(answer: Answer, document: Mapping[str, Any]) -> Gap:
    if document.get("errorType") in _GIVEN_UP:
        return Gap.TIMED_OUT
    return Gap.UNREACHABLE if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else Gap.REFUSED


def _read_sample(series: object) -> Sample:
    match series:
        case {"metric": dict() as labels, "value": [at, value]}:
            return Sample(labels, answers.read_number(value), answers.read_number(at))
        case {"values": _}:
            raise NoAnswerError(Gap.SEVERAL_SERIES, "the answer has several values of one series; ask for one instant")
        case _:
            raise NoAnswerError(Gap.NOT_A_NUMBER, f"{answers.shorten(series)} is no series with a value")


def _read_samples(series: object) -> tuple[Sample, ...]:
    match series:
        case {"metric": dict() as labels, "values": list() as values}:
            return tuple(_read_sample({"metric": labels, "value": value}) for value in values)
        case _:
            raise NoAnswerError(Gap.NOT_A_NUMBER, f"{answers.shorten(series)} is no series with values")
