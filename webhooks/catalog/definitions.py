"""Read one test of the catalog, kind by kind; what is wrong is noted with its path, never raised."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from loadtester.errors import LoadError
from loadtester.verdict import parse_threshold
from webhooks.catalog.fields import Fields, show
from webhooks.catalog.values import (
    CatalogTest,
    Expectation,
    HttpSpec,
    InconclusivePolicy,
    Kind,
    LoadSpec,
    Parameter,
    ParameterType,
    PytestSpec,
    RequestStep,
    accept,
)

CANARY_TARGET = "http://{name}-canary.{namespace}:{port}"
"""Where a test goes unless it says otherwise: the canary's own service (Flagger: `NAME-canary`)."""

_DEFAULT_PORT = 80
_MAX_PORT = 65535
_MAX_ATTEMPTS = 10
_MAX_REQUESTS = 1_000_000
_HOUR_S = 3600.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_TARGET = re.compile(r"https?://(?:[A-Za-z0-9.\[\]:_-]|\{(?:name|namespace|port)\})+/?")
_METHOD = re.compile(r"[A-Z]{1,16}")
_STATUS = re.compile(r"[1-5](?:[0-9]{2}|xx)")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = frozenset({"test", "tests", "gate", "wait", "hold", "type"})


def read_test(name: str, document: object, defaults: CatalogTest, folder: Path, faults: list[str]) -> CatalogTest:
    """Read a test; `defaults` carries target and port, paths count from `folder`, faults are added to the list."""
    fields = Fields(document, f"tests.{name}", faults)
    if not _NAME.fullmatch(name):
        fields.fault("", "a test's name is at most 63 letters, digits, '.', '_' and '-'")
    kind = _read_kind(fields)
    test = CatalogTest(
        name=name,
        kind=kind,
        spec=_READERS[kind](fields, folder),
        target=_read_target(fields, defaults.target),
        port=fields.integer("port", defaults.port, 1, _MAX_PORT),
        timeout_s=fields.seconds("timeout", _HOUR_S if kind is Kind.LOAD else defaults.timeout_s),
        attempts=fields.integer("attempts", 1, 1, _MAX_ATTEMPTS),
        parameters=_read_parameters(fields.section("parameters")),
    )
    fields.raw("description")
    fields.close()
    return replace(test, definition=_define(test, document))


def read_definition(name: str, definition: str) -> CatalogTest:
    """Read a test from the JSON that a CatalogTest carries, which has passed all checks before."""
    return read_test(name, json.loads(definition), NO_DEFAULTS, Path(), [])


NO_DEFAULTS = CatalogTest("", Kind.HTTP, HttpSpec(()), CANARY_TARGET, _DEFAULT_PORT)
"""What holds where a catalog says nothing."""


def _define(test: CatalogTest, document: object) -> str:
    whole = dict(document) if isinstance(document, Mapping) else {}
    whole |= {"target": test.target, "port": test.port}
    if isinstance(test.spec, PytestSpec):
        whole["path"] = test.spec.path
    return json.dumps(whole, default=str)


def _read_kind(fields: Fields) -> Kind:
    if fields.raw("kind") is None:
        fields.fault("kind", f"missing; known: {', '.join(kind.value for kind in Kind)}")
    return fields.choice("kind", Kind.HTTP)


def _read_target(fields: Fields, default: str) -> str:
    target = fields.text("target", default)
    if not _TARGET.fullmatch(target):
        fields.fault("target", f"{show(target)} is not a URL of scheme, host and port, such as {CANARY_TARGET}")
    return target.rstrip("/")


def _read_parameters(fields: Fields) -> tuple[Parameter, ...]:
    found: list[Parameter] = []

    def read(name: str, document: object) -> None:
        section = Fields(document, f"{fields.path}.{name}", fields.faults)
        found.append(_read_parameter(name, section))
        section.close()

    fields.each(read)
    return tuple(found)


def _read_parameter(name: str, fields: Fields) -> Parameter:
    if not _PARAMETER.fullmatch(name) or name in _RESERVED:
        fields.fault("", f"a parameter's name is letters, digits and '_', and none of {', '.join(sorted(_RESERVED))}")
    default = None if fields.raw("default") is None else fields.text("default")
    kind = fields.choice("type", ParameterType.STRING)
    parameter = Parameter(name, kind, _read_pattern(fields, "pattern"), fields.texts("values"), default)
    if kind is ParameterType.ENUM and not parameter.values:
        fields.fault("values", "missing; an enum lists its values")
    if default is not None and not accept(parameter, default):
        fields.fault("default", f"{show(default)} is not allowed by type, pattern and values")
    return parameter


def _read_pattern(fields: Fields, key: str) -> str:
    pattern = fields.text(key, "")
    try:
        re.compile(pattern)
    except re.error as error:
        fields.fault(key, f"{show(pattern)} is not a regular expression ({error})")
        return ""
    return pattern


def _read_http(fields: Fields, _: Path) -> HttpSpec:
    sections = fields.sections("requests")
    if not sections:
        fields.fault("requests", "missing; list at least one request")
    return HttpSpec(tuple(_read_step(section) for section in sections))


def _read_step(fields: Fields) -> RequestStep:
    method = fields.text("method", "GET")
    if not _METHOD.fullmatch(method):
        fields.fault("method", f"{show(method)} is not a method; write it as GET, POST, ...")
    path = fields.text("path", "/")
    if not path.startswith("/") or not path.isprintable() or " " in path:
        fields.fault("path", f"{show(path)} does not start with '/' or is not URL-encoded; the host stands in target")
    step = RequestStep(
        name=fields.text("name", f"{method} {path}"),
        method=method,
        path=path,
        headers=_read_headers(fields),
        body=_read_body(fields),
        expect=_read_expectation(fields.section("expect")),
        capture=MappingProxyType(dict(fields.mapping("capture"))),
    )
    fields.close()
    return step


def _read_headers(fields: Fields) -> Mapping[str, str]:
    headers = dict(fields.mapping("headers"))
    for name, value in headers.items():
        if not re.fullmatch(r"[A-Za-z0-9-]+", name) or not value.isprintable():
            fields.fault("headers", f"{show(name)}: {show(value)} is not a header of one line")
    return MappingProxyType(headers)


def _read_body(fields: Fields) -> str:
    body = fields.raw("body")
    return json.dumps(body, default=str) if isinstance(body, dict | list) else fields.text("body", "")


def _read_expectation(fields: Fields) -> Expectation:
    statuses = fields.texts("status") or ("200",)
    for status in statuses:
        if not _STATUS.fullmatch(status):
            fields.fault("status", f"{show(status)} is not a status; write 200 or 2xx")
    json_values: dict[str, object] = {}
    fields.section("json").each(json_values.__setitem__)
    expectation = Expectation(
        statuses=statuses,
        json=MappingProxyType(json_values),
        has=fields.texts("has"),
        contains=fields.texts("contains"),
        headers=MappingProxyType(dict(fields.mapping("headers"))),
        max_latency_s=fields.seconds("maxLatency", 0.0),
    )
    fields.close()
    return expectation


def _read_pytest(fields: Fields, folder: Path) -> PytestSpec:
    text = fields.text("path")
    path = (folder / text).absolute()
    if text and not path.exists():
        fields.fault("path", f"{show(text)} is not there; a path counts from the catalog's folder")
    return PytestSpec(str(path), fields.text("keyword", ""), fields.texts("plugins"))


def _read_load(fields: Fields, _: Path) -> LoadSpec:
    thresholds = fields.texts("thresholds")
    for threshold in thresholds:
        _check_threshold(fields, threshold)
    return LoadSpec(
        plan=_read_plan(fields),
        thresholds=thresholds,
        minimum_requests=fields.integer("minimumRequests", 10, 1, _MAX_REQUESTS),
        inconclusive=fields.choice("inconclusive", InconclusivePolicy.FAIL),
        lease_s=fields.seconds("lease", 0.0),
    )


def _check_threshold(fields: Fields, text: str) -> None:
    try:
        fault = parse_threshold(text).fault
    except LoadError as error:
        fault = str(error)
    if fault:
        fields.fault("thresholds", f"{show(text)}: {fault}")


def _read_plan(fields: Fields) -> Mapping[str, object]:
    plan = fields.raw("plan")
    if not isinstance(plan, Mapping):
        fields.fault("plan", f"{show(plan)} is not a load plan; give rate or users, and requests")
        return MappingProxyType({})
    for key in ("target", "thresholds", "minimum_requests"):
        if key in plan:
            fields.fault(f"plan.{key}", "stands beside plan, not in it")
    return MappingProxyType(dict(plan))


_READERS: Mapping[Kind, Callable[[Fields, Path], HttpSpec | PytestSpec | LoadSpec]] = {
    Kind.HTTP: _read_http,
    Kind.PYTEST: _read_pytest,
    Kind.LOAD: _read_load,
}
