"""Check answers: send the requests of a test one after another and compare each answer with what is expected.

Runs as a child process (`python -m webhooks.checks`): the job comes as JSON on stdin, the result leaves as JSON
on stdout. The first answer that is not as expected ends the test.
"""

import http.client
import json
import os
import re
import ssl
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from urllib.parse import quote, urlsplit

from webhooks.catalog import CatalogTest, Expectation, HttpSpec, RequestStep, read_definition, show_duration
from webhooks.checks.addresses import open_connection
from webhooks.checks.job import PLACEHOLDER, CheckResult, Ended, Job, Outcome, Target, python_command
from webhooks.checks.json_path import MissingError, find
from webhooks.checks.secrets import Mask, as_references

_BODY_LIMIT = 1024 * 1024
_CHUNK = 65536
_SHOWN = 80
_NO_SECRETS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Answer:
    """Carry what was answered and how long it took; `mask` hides secrets in what is told of it."""

    status: int
    headers: Mapping[str, str]
    body: str
    latency_s: float
    mask: Mask = field(default_factory=Mask)

    def show(self, text: str) -> str:
        """Write a part of the answer into a reason, cut to a readable length only when nothing secret can be cut."""
        shown = self.mask.hide(text)
        return repr(shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "...")


def prepare(test: CatalogTest, target: Target, parameters: Mapping[str, str]) -> Job:
    """Describe the child that sends the requests."""
    order = {
        "name": test.name,
        "definition": test.definition,
        "url": target.url,
        "connect": target.connect,
        "parameters": dict(parameters),
    }
    return Job(python_command("webhooks.checks"), stdin=json.dumps(order))


def read(_: CatalogTest, ended: Ended) -> CheckResult:
    """Read the child's result."""
    try:
        result = json.loads(ended.stdout.splitlines()[-1])
        return CheckResult(Outcome(result["outcome"]), str(result["reason"]))
    except (ValueError, LookupError, TypeError):
        return CheckResult(Outcome.INCONCLUSIVE, f"the check gave no result ({ended.describe()})")


def check(
    spec: HttpSpec,
    target: Target,
    values: Mapping[str, str],
    timeout_s: float,
    secrets: Mapping[str, str] = _NO_SECRETS,
) -> CheckResult:
    """Send the requests and judge the answers; `values` stand for ${name}, `secrets` for ${secrets.NAME}."""
    known = {**values, **as_references(secrets)}
    mask = Mask(secrets.values())
    deadline = time.monotonic() + timeout_s
    slowest = 0.0
    for step in spec.requests:
        try:
            answer = replace(send(fill_step(step, known), target, deadline), mask=mask)
        except (OSError, UnicodeEncodeError, http.client.HTTPException) as error:
            return CheckResult(Outcome.FAILED, f"{step.name}: no answer from {target.host} ({_cause(error)})")
        fault = judge(step.expect, answer) or _capture(step, answer, known)
        if fault:
            return CheckResult(Outcome.FAILED, f"{step.name}: {fault}")
        slowest = max(slowest, answer.latency_s)
    count = len(spec.requests)
    return CheckResult(Outcome.PASSED, f"{count} request(s) as expected, the slowest took {show_duration(slowest)}")


def _cause(error: Exception) -> str:
    return str(error) or type(error).__name__


def fill_step(step: RequestStep, values: Mapping[str, str]) -> RequestStep:
    """Put values in the place of ${name}; those in the path are URL-encoded, an unknown name stays as it is."""

    def plain(match: re.Match[str]) -> str:
        return values.get(match[1], match[0])

    def encoded(match: re.Match[str]) -> str:
        return quote(values[match[1]], safe="") if match[1] in values else match[0]

    headers = {name: PLACEHOLDER.sub(plain, value) for name, value in step.headers.items()}
    path, body = PLACEHOLDER.sub(encoded, step.path), PLACEHOLDER.sub(plain, step.body)
    return RequestStep(step.name, step.method, path, headers, body, step.expect, step.capture)


def send(step: RequestStep, target: Target, deadline: float) -> Answer:
    """Send one request on a connection of its own and read the answer until a deadline (monotonic seconds)."""
    host, _, port = target.address.rpartition(":")
    patience_s = max(0.001, deadline - time.monotonic())
    connection = _connect(target, host.strip("[]"), int(port), patience_s)
    headers = {"Host": target.host, "User-Agent": "penstock", **step.headers}
    began = time.monotonic()
    try:
        connection.request(step.method, step.path, step.body.encode() or None, headers)
        response = connection.getresponse()
        body = _read_body(response, deadline)
    finally:
        connection.close()
    return Answer(response.status, dict(response.getheaders()), body, time.monotonic() - began)


class _PlainConnection(http.client.HTTPConnection):
    """Connect to an address only after it was judged."""

    def connect(self) -> None:
        self.sock = open_connection(self.host, self.port, self.timeout or 0.0)


class _TlsConnection(http.client.HTTPSConnection):
    """Connect to an address and demand the certificate of a name, which may be another than the address."""

    def __init__(self, host: str, port: int, name: str, patience_s: float) -> None:
        super().__init__(host, port, timeout=patience_s)
        self._name = name

    def connect(self) -> None:
        self.sock = open_connection(self.host, self.port, self.timeout or 0.0)
        self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self._name)


def _connect(target: Target, host: str, port: int, patience_s: float) -> http.client.HTTPConnection:
    parts = urlsplit(target.url)
    if parts.scheme == "https":
        return _TlsConnection(host, port, parts.hostname or host, patience_s)
    return _PlainConnection(host, port, timeout=patience_s)


def _read_body(response: http.client.HTTPResponse, deadline: float) -> str:
    body = bytearray()
    while len(body) < _BODY_LIMIT:
        chunk = response.read1(_CHUNK)
        if not chunk:
            break
        body += chunk
        if time.monotonic() > deadline:
            raise TimeoutError("the answer did not end in time")
    if response.length and len(body) < _BODY_LIMIT:
        raise ConnectionResetError(f"closed with {response.length} bytes of the body missing")
    return body.decode(errors="replace")


def judge(expect: Expectation, answer: Answer) -> str:
    """Say what is not as expected, empty when all is."""
    if not {str(answer.status), f"{answer.status // 100}xx"} & set(expect.statuses):
        return f"status {answer.status}, expected {' or '.join(expect.statuses)}; body {answer.show(answer.body)}"
    if expect.max_latency_s and answer.latency_s > expect.max_latency_s:
        return f"took {show_duration(answer.latency_s)}, at most {show_duration(expect.max_latency_s)} allowed"
    for text in expect.contains:
        if text not in answer.body:
            return f"body has no {text!r}; it is {answer.show(answer.body)}"
    return _judge_headers(expect, answer) or _judge_json(expect, answer)


def _judge_headers(expect: Expectation, answer: Answer) -> str:
    found = {name.lower(): value for name, value in answer.headers.items()}
    for name, wanted in expect.headers.items():
        if found.get(name.lower()) != wanted:
            value = found.get(name.lower())
            shown = None if value is None else answer.show(value)
            return f"header {name} is {shown}, expected {wanted!r}"
    return ""


def _judge_json(expect: Expectation, answer: Answer) -> str:
    if not expect.json and not expect.has:
        return ""
    try:
        document = json.loads(answer.body)
        for path in expect.has:
            find(document, path)
        for path, wanted in expect.json.items():
            value = find(document, path)
            if value != wanted:
                return f"JSON {path} is {answer.show(json.dumps(value))}, expected {json.dumps(wanted, default=str)}"
    except MissingError as error:
        return f"{error}; body {answer.show(answer.body)}"
    except (ValueError, RecursionError):
        return f"body is not JSON: {answer.show(answer.body)}"
    return ""


def _capture(step: RequestStep, answer: Answer, known: dict[str, str]) -> str:
    try:
        for name, path in step.capture.items():
            value = find(json.loads(answer.body), path)
            known[name] = value if isinstance(value, str) else json.dumps(value)
    except (ValueError, MissingError) as error:
        return f"nothing to capture: {error}"
    return ""


def main() -> int:
    """Read the job from stdin, check, and print the result as one line of JSON."""
    order = json.loads(sys.stdin.read())
    test = read_definition(order["name"], order["definition"])
    if not isinstance(test.spec, HttpSpec):
        raise TypeError(f"{test.name} is not a test of kind http")
    target = Target(order["url"], order["connect"])
    secrets = {one.name: os.environ[one.name] for one in test.secrets}
    result = check(test.spec, target, order["parameters"], test.timeout_s, secrets)
    print(json.dumps({"outcome": result.outcome.value, "reason": result.reason}))  # noqa: T201 - the result for the parent
    return 0
