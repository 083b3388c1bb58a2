"""Read the requests of an http test."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from webhooks.catalog.fields import Fields, show
from webhooks.catalog.specs import Expectation, HttpSpec, RequestStep

_METHOD = re.compile(r"[A-Z]{1,16}")
_STATUS = re.compile(r"[1-5](?:[0-9]{2}|xx)")


def read_http(fields: Fields, _: Path) -> HttpSpec:
    """Read the requests, which are at least one."""
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
