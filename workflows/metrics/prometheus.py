"""Answer queries by asking a Prometheus server.

The rule to keep: every way of getting no number is a gap of its own with the server's words; none of them is a zero,
and several series are never quietly made one.
"""

import json
import math
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from workflows.errors import ConfigurationError
from workflows.metrics import template
from workflows.rollout.plan import Check, RolloutPlan
from workflows.rollout.samples import Gap, Measurement

TIMEOUT_S = 5.0
"""How long a query may take (Flagger: 5 s)."""

_MAX_ANSWER = 4 << 20
_MAX_DETAIL = 300
_BAD_REQUEST = 400


class _AnswerError(Exception):
    """Carry a gap up to where it is measured."""

    def __init__(self, gap: Gap, detail: str) -> None:
        super().__init__(detail)
        self.gap = gap
        self.detail = " ".join(detail.split())[:_MAX_DETAIL]


class PrometheusMetrics:
    """Ask one Prometheus server, directly and without a proxy."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ConfigurationError(f"prometheus: {url!r} is not an address; write for example http://127.0.0.1:9090")
        self._url = f"{url.rstrip('/')}/api/v1/query"
        self._timeout_s = timeout_s

    def measure(self, check: Check, plan: RolloutPlan) -> Measurement:
        """Give the number a check's query yields now, or the gap in its place."""
        try:
            return Measurement(value=_number(self._ask(_query(check, plan))))
        except _AnswerError as none:
            return Measurement(gap=none.gap, detail=none.detail)

    def _ask(self, query: str) -> Mapping[str, Any]:
        deadline = time.monotonic() + self._timeout_s
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.get(self._url, params={"query": query}, timeout=self._timeout_s, stream=True)
                body = _read(answer, deadline)
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise _AnswerError(Gap.TIMED_OUT, f"{self._url}: no answer within {self._timeout_s:g} s") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _AnswerError(Gap.UNREACHABLE, f"{self._url}: {error}") from error
        return _data(answer.status_code, body, self._url)


def _query(check: Check, plan: RolloutPlan) -> str:
    if not check.query:
        named = f"MetricTemplate {check.template.name} is not in the file" if check.template else "it has no query"
        raise _AnswerError(Gap.REFUSED, f"{check.name}: {named}")
    try:
        return template.render(check, plan)
    except ConfigurationError as error:
        raise _AnswerError(Gap.REFUSED, str(error)) from error


def _read(answer: requests.Response, deadline: float) -> bytes:
    body = b""
    # The time-out of a socket is for each piece; an answer that drips has to end, too.
    while chunk := answer.raw.read1(1 << 16, decode_content=True):
        body += chunk
        if len(body) > _MAX_ANSWER:
            raise _AnswerError(Gap.REFUSED, f"{answer.url}: the answer is larger than {_MAX_ANSWER} bytes")
        if time.monotonic() > deadline:
            raise requests.Timeout
    return body


def _data(status: int, body: bytes, url: str) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        text = body[:_MAX_DETAIL].decode(errors="replace")
        gap = Gap.REFUSED if status < _BAD_REQUEST else Gap.UNREACHABLE
        raise _AnswerError(gap, f"{url} answered {status} and no JSON: {text}")
    if status >= _BAD_REQUEST or document.get("status") != "success":
        gap = Gap.TIMED_OUT if document.get("errorType") in {"timeout", "canceled"} else Gap.REFUSED
        raise _AnswerError(gap, f"{document.get('errorType')}: {document.get('error')}")
    data = document.get("data")
    return data if isinstance(data, dict) else {}


def _number(data: Mapping[str, Any]) -> float:
    kind, result = data.get("resultType"), data.get("result")
    match kind, result:
        case "vector", []:
            raise _AnswerError(Gap.NO_DATA, "the query yields no series")
        case "vector", [{"value": [_, text]}]:
            return _parse(text)
        case "vector", [first, second, *more]:
            labels = "; ".join(json.dumps(series.get("metric")) for series in (first, second))
            count = 2 + len(more)
            raise _AnswerError(Gap.SEVERAL_SERIES, f"{count} series, sum or select one: {labels}")
        case "scalar", [_, text]:
            return _parse(text)
        case _:
            raise _AnswerError(Gap.NOT_A_NUMBER, f"a {kind} is not one number; write a query that yields one")


def _parse(text: object) -> float:
    try:
        number = float(str(text))
    except ValueError as error:
        raise _AnswerError(Gap.NOT_A_NUMBER, f"{text!r} is not a number") from error
    if math.isnan(number):
        raise _AnswerError(Gap.NOT_A_NUMBER, "NaN: most likely 0/0, no requests in the interval")
    return number
