"""Turn the metadata of a hook call into orders for runs: which tests, with which parameters, against which address."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from webhooks.access import Listed
from webhooks.catalog import (
    RESERVED,
    Catalog,
    CatalogTest,
    Every,
    Kind,
    Parameter,
    ParameterType,
    accept,
    parse_duration,
)
from webhooks.catalog.fields import suggest
from webhooks.errors import WebhookError
from webhooks.hooks.epochs import HookCall
from webhooks.protocol import HookType
from webhooks.store.records import Epoch, RunOrder

_LONGEST_WAIT_S = 240.0
# What is left of a hook's timeout for the way there and back.
_MARGIN_S, _MARGIN_SHARE = 2.0, 0.2
_MAX_TESTS = 20
_DEFAULT_PORTS = {"http": 80, "https": 443}


class OrderError(WebhookError):
    """Say what a hook call asks for that the catalog does not have."""


@dataclass(frozen=True, slots=True)
class AskedTests:
    """Carry what a hook call asks for: its tests, what it passes to them, and how long it waits.

    `hold`: it does not wait, since a confirm-traffic-increase hook of the Canary does. `retries` are Flagger's.
    `cut_short`: nobody could wait that long now. `to_wait` and `to_hold` are what lets a hook wait longer, or another
    one hold the traffic.
    """

    tests: tuple[CatalogTest, ...]
    parameters: Mapping[str, str]
    wait_s: float
    hold: bool = False
    retries: int = 0
    cut_short: bool = False
    to_wait: str = "raise the hook's timeout and metadata.wait"
    to_hold: str = "add a confirm-traffic-increase hook and metadata.hold"


def names_tests(metadata: Mapping[str, str]) -> bool:
    """Tell whether a call names tests."""
    return bool(metadata.get("test") or metadata.get("tests"))


def read_call(call: HookCall, catalog: Catalog, default_wait_s: float) -> AskedTests:
    """Read which tests a call names; raises OrderError that says what is known."""
    metadata = call.payload.metadata
    listed = f"{metadata.get('test', '')},{metadata.get('tests', '')}".split(",")
    names = list(dict.fromkeys(name.strip() for name in listed if name.strip()))
    known = ", ".join(catalog.tests) or "none; start with --catalog FILE"
    if not names:
        raise OrderError(f"{call.hook.value}: metadata.test is missing; name a test of the catalog: {known}")
    if len(names) > _MAX_TESTS:
        raise OrderError(f"metadata.tests: {len(names)} tests; at most {_MAX_TESTS} in one hook")
    for name in names:
        if name not in catalog.tests:
            raise OrderError(f"unknown test {name[:80]!r}; known: {known}{suggest(name, catalog.tests)}")
    tests = tuple(catalog.tests[name] for name in names)
    _refuse_too_early(call.hook, tests)
    _refuse_strangers(call.payload.namespace, tests)
    asked = AskedTests(
        tests,
        _read_parameters(metadata, tests),
        _read_wait(metadata, default_wait_s),
        asks_to_hold(metadata),
        _read_retries(metadata),
    )
    return asked if call.listed is None else _fit(asked, metadata, call.listed)


def _fit(asked: AskedTests, metadata: Mapping[str, str], listed: Listed) -> AskedTests:
    """Let what the Canary says go before what the metadata repeats."""
    budget_s = min(listed.timeout_s - min(_MARGIN_S, listed.timeout_s * _MARGIN_SHARE), _LONGEST_WAIT_S)
    return replace(
        asked,
        wait_s=min(asked.wait_s, budget_s) if "wait" in metadata else budget_s,
        hold=listed.holds,
        retries=listed.retries,
        to_wait=asked.to_wait if "wait" in metadata else "raise the hook's timeout",
        to_hold="add a confirm-traffic-increase hook",
    )


def _refuse_too_early(hook: HookType, tests: tuple[CatalogTest, ...]) -> None:
    early = [test.name for test in tests if test.targets_canary]
    if hook is HookType.CONFIRM_ROLLOUT and early:
        raise OrderError(f"{early[0]}: confirm-rollout comes before the canary has pods; use a pre-rollout hook")


def _refuse_strangers(namespace: str, tests: tuple[CatalogTest, ...]) -> None:
    for test in tests:
        if not test.serves(namespace):
            allowed = ", ".join(test.namespaces)
            raise OrderError(f"{test.name}: not for canaries of namespace {namespace}; its catalog allows {allowed}")


def asks_to_hold(metadata: Mapping[str, str]) -> bool:
    """Tell whether a hook is one of the two that hold the traffic for a long test; raises OrderError."""
    text = metadata.get("hold", "false")
    if text not in {"true", "false"}:
        raise OrderError(f"metadata.hold: {text[:80]!r} is neither true nor false")
    return text == "true"


def _read_retries(metadata: Mapping[str, str]) -> int:
    text = metadata.get("retries", "0")
    if not re.fullmatch(r"[0-9]{1,3}", text):
        raise OrderError(f"metadata.retries: {text[:80]!r} is not a number; repeat the retries of the hook")
    return int(text)


def _read_parameters(metadata: Mapping[str, str], tests: tuple[CatalogTest, ...]) -> Mapping[str, str]:
    declared = {parameter.name: parameter for test in tests for parameter in test.parameters}
    for name in sorted(metadata.keys() - RESERVED - declared.keys()):
        known = ", ".join(sorted(declared)) or "none"
        raise OrderError(f"metadata.{name[:80]}: no test named here takes it; parameters: {known}")
    values = {name: metadata.get(name, parameter.default) for name, parameter in declared.items()}
    for name, value in values.items():
        if value is None:
            raise OrderError(f"metadata.{name}: missing; the test needs it")
        if not accept(declared[name], value):
            raise OrderError(f"metadata.{name}: {value[:80]!r} is not allowed by the catalog")
        if value.startswith("-") and _could_be_a_flag(declared[name], tests):
            raise OrderError(f"metadata.{name}: {value[:80]!r} begins with '-', which a command would take for a flag")
    return {name: value for name, value in values.items() if value is not None}


def _could_be_a_flag(parameter: Parameter, tests: tuple[CatalogTest, ...]) -> bool:
    free = parameter.type is ParameterType.STRING and not parameter.pattern
    commands = (test for test in tests if test.kind in {Kind.COMMAND, Kind.KUBERNETES_JOB})
    return free and any(parameter in test.parameters for test in commands)


def _read_wait(metadata: Mapping[str, str], default_s: float) -> float:
    try:
        return min(parse_duration(metadata["wait"]), _LONGEST_WAIT_S) if "wait" in metadata else default_s
    except ValueError as error:
        raise OrderError(f"metadata.wait: {error}") from error


def make_order(
    call: HookCall, epoch: Epoch, test: CatalogTest, parameters: Mapping[str, str], resolve: Mapping[str, str]
) -> RunOrder:
    """Describe the run of one test; equal calls of one epoch give orders with equal keys."""
    taken = {parameter.name: parameters[parameter.name] for parameter in test.parameters}
    target = _fill(test, call)
    step = epoch.step if call.hook is HookType.ROLLOUT and test.keeping.every is Every.STEP else 0
    # A verdict about one template says nothing about another.
    about = [call.template] if call.hook is HookType.CONFIRM_ROLLOUT and call.template else []
    parts = (str(epoch.canary), epoch.number, call.hook.value, test.name, taken, test.definition, target, step, *about)
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    connect = resolve.get(_address(target), "")
    return RunOrder(
        key, epoch.canary, epoch.number, call.hook.value, test.name, test.definition, target, connect, taken
    )


def _fill(test: CatalogTest, call: HookCall) -> str:
    values = {"{name}": call.payload.name, "{namespace}": call.payload.namespace, "{port}": str(test.port)}
    target = test.target
    for placeholder, value in values.items():
        target = target.replace(placeholder, value)
    return target


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or _DEFAULT_PORTS[parts.scheme]}"
