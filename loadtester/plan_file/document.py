"""Turn a plan's document (what its YAML or JSON holds) into a LoadPlan, and a LoadPlan into its document.

The one rule to keep: `plan_from(document_of(plan)) == plan`.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from loadtester.errors import PlanError
from loadtester.plan import (
    DEFAULT_THRESHOLD,
    Capture,
    CaptureSource,
    Expectation,
    HttpOptions,
    Limits,
    LoadPlan,
    Mode,
    RequestPlan,
    Spacing,
    Stage,
    StageKind,
)
from loadtester.plan_file.section import Section, parse_duration
from loadtester.verdict import parse_threshold

DEFAULT_RATE = 10.0
"""Arrivals per second of an open plan that names no rate."""

_MODES = {mode.value: mode for mode in Mode}
_SPACINGS = {spacing.value: spacing for spacing in Spacing}
_STAGES = {kind.value: kind for kind in StageKind}


def plan_from(document: Mapping[str, Any]) -> LoadPlan:
    """Build a plan from its document; raises PlanError with one line for each fault."""
    faults: list[str] = []
    plan = _read_plan(Section(document, "", faults), faults)
    if faults or plan is None:
        raise PlanError(list(dict.fromkeys(faults)))
    return plan


def _read_plan(root: Section, faults: list[str]) -> LoadPlan | None:
    if "target" not in root:
        root.fault("target", "is missing; say http://host[:port]")
    mode, level = _read_level(root)
    make = partial(
        LoadPlan,
        target=root.text("target").rstrip("/"),
        mode=mode,
        level=level,
        duration_s=root.duration("duration", 0.0),
        spacing=root.member("spacing", Spacing.EVEN, _SPACINGS),
        stages=tuple(stage for item in root.items("stages") if (stage := _read_stage(item)) is not None),
        requests=tuple(_read_request(item) for item in root.items("requests")) or (RequestPlan(),),
        locustfile=root.text("locustfile"),
        tags=root.texts("tags"),
        thresholds=_read_thresholds(root),
        minimum_requests=root.whole("minimum_requests", 1),
        limits=_read_limits(root),
        http=_read_http(root),
        compare_with=root.text("compare_with").rstrip("/"),
    )
    if "locustfile" in root and "requests" in root:
        root.fault("requests", "a locustfile has its own; leave one of the two out")
    root.close()
    return None if faults else root.build(make, None)


def _read_level(root: Section) -> tuple[Mode, float]:
    closed = "users" in root or "locustfile" in root
    mode = root.member("mode", Mode.CLOSED if closed else Mode.OPEN, _MODES)
    rate = root.number("rate", DEFAULT_RATE)
    users = root.whole("users", 1)
    if "rate" in root and "locustfile" in root:
        root.fault("rate", "has no meaning with a locustfile, whose load is users; say users instead")
        return mode, float(users)
    if mode is Mode.OPEN:
        if "users" in root:
            root.fault("users", "has no meaning in mode open, whose load is a rate; say mode: closed")
        return mode, rate
    if "rate" in root:
        root.fault("rate", "has no meaning in mode closed, whose load is users; say mode: open")
    return mode, float(users)


def _read_stage(item: Section) -> Stage | None:
    kinds = [word for word in _STAGES if word in item]
    if len(kinds) != 1:
        item.fault("", f"say exactly one of {', '.join(_STAGES)}")
        return None
    kind = _STAGES[kinds[0]]
    if kind is StageKind.HOLD:
        level, duration_s = 0.0, item.duration("hold", 0.0)
    else:
        level, duration_s = item.number(kind.value, 0.0), item.duration("for", 0.0)
    item.close()
    return item.build(partial(Stage, kind, duration_s, level), None)


def _read_request(item: Section) -> RequestPlan:
    make = partial(
        RequestPlan,
        path=item.text("path", "/"),
        name=item.text("name"),
        method=item.text("method", "GET"),
        headers=item.pairs("headers"),
        body=item.text("body"),
        weight=item.number("weight", 1.0),
        expect=_read_expectation(item),
        captures=_read_captures(item),
        think_s=_read_think(item),
    )
    item.close()
    return item.build(make, RequestPlan())


def _read_expectation(item: Section) -> Expectation:
    expect = item.section("expect")
    make = partial(Expectation, expect.texts("status"), expect.text("body"), expect.text("matches"))
    expect.close()
    return item.build(make, Expectation())


def _read_captures(item: Section) -> tuple[Capture, ...]:
    captures = []
    holder = item.section("capture")
    for name in item.raw("capture") or {}:
        rule = holder.section(str(name))
        sources = [source for source in CaptureSource if source.value in rule]
        if len(sources) != 1:
            rule.fault("", f"say exactly one of {', '.join(source.value for source in CaptureSource)}")
            continue
        make = partial(Capture, str(name), sources[0], rule.text(sources[0].value))
        rule.close()
        captures.append(item.build(make, None))
    return tuple(capture for capture in captures if capture is not None)


def _read_think(item: Section) -> tuple[float, float]:
    text = item.text("think", "0")
    low, dash, high = text.partition("-")
    try:
        return parse_duration(low.strip()), parse_duration(high.strip() if dash else low.strip())
    except (TypeError, ValueError):
        item.fault("think", f"{text!r} is not a duration or a range of them; say 1s or 1s-3s")
        return 0.0, 0.0


def _read_thresholds(root: Section) -> tuple[str, ...]:
    texts = root.texts("thresholds", (DEFAULT_THRESHOLD,))
    for index, text in enumerate(texts):
        threshold = root.build(partial(parse_threshold, text), None)
        if threshold is not None and threshold.fault:
            root.fault(f"thresholds[{index}]", threshold.fault)
    return texts


def _read_limits(root: Section) -> Limits:
    limits = root.section("limits")
    usual = Limits()
    make = partial(
        Limits,
        timeout_s=root.duration("timeout", usual.timeout_s),
        grace_s=root.duration("grace", usual.grace_s),
        connections=root.whole("connections", usual.connections),
        names=limits.whole("names", usual.names),
        errors=limits.whole("errors", usual.errors),
        memory_mb=limits.whole("memory_mb", usual.memory_mb),
        silence_s=limits.duration("silence", usual.silence_s),
    )
    limits.close()
    return root.build(make, usual)


def _read_http(root: Section) -> HttpOptions:
    tls = root.section("tls")
    make = partial(
        HttpOptions,
        headers=root.pairs("headers"),
        cookies=root.flag("cookies", default=False),
        redirects=root.whole("redirects", 0),
        compression=root.flag("compression", default=False),
        verify=tls.flag("verify", default=True),
        ca_file=tls.text("ca_file"),
    )
    tls.close()
    return root.build(make, HttpOptions())


def document_of(plan: LoadPlan) -> dict[str, Any]:
    """Write a plan as its document, JSON values only, with what differs from an empty plan."""
    level = plan.level if plan.mode is Mode.OPEN else int(plan.level)
    document: dict[str, Any] = {
        "target": plan.target,
        "mode": plan.mode.value,
        plan.level_name: level,
        "duration": plan.duration_s,
        "spacing": plan.spacing.value,
        "stages": [_stage_document(stage) for stage in plan.stages],
        "tags": list(plan.tags),
        "thresholds": list(plan.thresholds),
        "minimum_requests": plan.minimum_requests,
        "compare_with": plan.compare_with,
    }
    if plan.locustfile:
        document["locustfile"] = plan.locustfile
    else:
        document["requests"] = [_request_document(request) for request in plan.requests]
    return document | _limits_document(plan.limits) | _http_document(plan.http)


def _stage_document(stage: Stage) -> dict[str, Any]:
    if stage.kind is StageKind.HOLD:
        return {"hold": stage.duration_s}
    return {stage.kind.value: stage.level, "for": stage.duration_s}


def _request_document(request: RequestPlan) -> dict[str, Any]:
    expect = request.expect
    return {
        "path": request.path,
        "name": request.name,
        "method": request.method,
        "headers": dict(request.headers),
        "body": request.body,
        "weight": request.weight,
        "expect": {"status": list(expect.statuses), "body": expect.body, "matches": expect.matches},
        "capture": {item.name: {item.source.value: item.expression} for item in request.captures},
        "think": "-".join(f"{seconds:g}" for seconds in request.think_s),
    }


def _limits_document(limits: Limits) -> dict[str, Any]:
    keys = ("names", "errors", "memory_mb")
    bounds = {key: getattr(limits, key) for key in keys} | {"silence": limits.silence_s}
    return {
        "timeout": limits.timeout_s,
        "grace": limits.grace_s,
        "connections": limits.connections,
        "limits": bounds,
    }


def _http_document(http: HttpOptions) -> dict[str, Any]:
    return {
        "headers": dict(http.headers),
        "cookies": http.cookies,
        "redirects": http.redirects,
        "compression": http.compression,
        "tls": {"verify": http.verify, "ca_file": http.ca_file},
    }
