"""Warn of webhooks that do not fit the catalog of tests they name: unknown tests, wrong parameters, too little time.

The answers meant here are those of our webhook service; what a service of another kind would do is not looked at.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from webhooks.catalog import RESERVED, Catalog, CatalogTest, Kind, LoadSpec, accept, parse_duration, show_duration
from webhooks.protocol import HookType
from workflows.canary.findings import did_you_mean
from workflows.canary.section import Section
from workflows.rollout.plan import Hook, RolloutPlan

_WAIT_S = 8.0
_LOAD_SLACK_S = 2.0
_TRUE = "true"
_ANSWERING = frozenset({HookType.PRE_ROLLOUT, HookType.ROLLOUT})


def check(canary: Section, plan: RolloutPlan, catalog: Catalog) -> None:
    """Note what does not fit, at the webhook it is about."""
    spec = canary.section("spec")
    analysis = spec.section("analysis" if spec.wrote("analysis") else "canaryAnalysis")
    for webhook, hook in zip(analysis.sections("webhooks"), plan.analysis.hooks, strict=True):
        _check_path(webhook, hook)
        tests = [test for name in _names(hook.metadata) if (test := _find(webhook, name, catalog)) is not None]
        if tests:
            _check_place(webhook, hook, plan, tests)
            _check_parameters(webhook, hook, tests)
            _check_time(webhook, hook, plan, tests)


def _names(metadata: Mapping[str, str]) -> list[str]:
    listed = f"{metadata.get('test', '')},{metadata.get('tests', '')}".split(",")
    return list(dict.fromkeys(name.strip() for name in listed if name.strip()))


def _check_path(webhook: Section, hook: Hook) -> None:
    place, _, last = urlsplit(hook.url).path.rstrip("/").rpartition("/")
    if place.endswith("/hooks") and last != hook.type.value:
        webhook.warn("url", f"is the path of another type; for this one it ends with /hooks/{hook.type.value}")


def _find(webhook: Section, name: str, catalog: Catalog) -> CatalogTest | None:
    if name not in catalog.tests:
        known = ", ".join(catalog.tests)
        webhook.warn(
            "metadata", f"names the test {name!r}, which the catalog has not; known: {known}", _hint(name, catalog)
        )
    return catalog.tests.get(name)


def _hint(name: str, catalog: Catalog) -> str:
    return did_you_mean(name, catalog.tests)


def _check_place(webhook: Section, hook: Hook, plan: RolloutPlan, tests: list[CatalogTest]) -> None:
    for test in tests:
        if hook.type is HookType.CONFIRM_ROLLOUT and test.targets_canary:
            advice = "confirm-rollout comes before the canary has pods; use a pre-rollout hook"
            webhook.warn("metadata", f"names {test.name}, which needs the canary: {advice}")
        if not test.serves(plan.namespace):
            allowed = ", ".join(test.namespaces)
            webhook.warn(
                "metadata", f"names {test.name}, which serves the namespaces {allowed} and not {plan.namespace}"
            )


def _check_parameters(webhook: Section, hook: Hook, tests: list[CatalogTest]) -> None:
    declared = {parameter.name: parameter for test in tests for parameter in test.parameters}
    for name in sorted(hook.metadata.keys() - RESERVED - declared.keys()):
        webhook.warn("metadata", f"has {name}, which no test named here takes", did_you_mean(name, declared))
    for name, parameter in declared.items():
        value = hook.metadata.get(name, parameter.default)
        if value is None:
            webhook.warn("metadata", f"lacks {name}, which a test named here needs")
        elif not accept(parameter, value):
            webhook.warn("metadata", f"has {name}: {value!r}, which the catalog does not allow")


def _check_time(webhook: Section, hook: Hook, plan: RolloutPlan, tests: list[CatalogTest]) -> None:
    wait_s = _read_wait(webhook, hook)
    if hook.type in _ANSWERING and wait_s >= hook.timeout.total_seconds():
        timeout = show_duration(hook.timeout.total_seconds())
        webhook.warn("timeout", f"ends the call after {timeout}, before the answer after {show_duration(wait_s)}")
    if hook.type is HookType.PRE_ROLLOUT and hook.metadata.get("hold") == _TRUE:
        _check_holder(webhook, plan)
        return
    for test in tests:
        awaited = hook.type is HookType.PRE_ROLLOUT or (hook.type is HookType.ROLLOUT and test.kind is not Kind.LOAD)
        if awaited and _longest_s(test) > wait_s:
            _warn_of_time(webhook, hook, test, wait_s)


def _check_holder(webhook: Section, plan: RolloutPlan) -> None:
    increases = (hook for hook in plan.analysis.hooks if hook.type is HookType.CONFIRM_TRAFFIC_INCREASE)
    if not any("/hooks/" in hook.url for hook in increases):
        missing = "there is no confirm-traffic-increase hook of ours that would hold the traffic"
        webhook.warn("metadata", f"has hold, but {missing}")


def _warn_of_time(webhook: Section, hook: Hook, test: CatalogTest, wait_s: float) -> None:
    advice = "raise timeout and metadata.wait, or the test's own timeout is too long"
    if hook.type is HookType.PRE_ROLLOUT:
        advice = "raise timeout and metadata.wait, or add a confirm-traffic-increase hook and metadata.hold"
    takes = f"may take {show_duration(_longest_s(test))}, but the hook answers after {show_duration(wait_s)}"
    webhook.warn("metadata", f"names {test.name}, which {takes}: {advice}")


def _longest_s(test: CatalogTest) -> float:
    duration = test.spec.plan.get("duration") if isinstance(test.spec, LoadSpec) else None
    if duration is None:
        return test.longest_s
    try:
        return min(parse_duration(str(duration)) + _LOAD_SLACK_S, test.timeout_s) * test.attempts
    except ValueError:
        return test.longest_s


def _read_wait(webhook: Section, hook: Hook) -> float:
    try:
        return parse_duration(hook.metadata["wait"]) if "wait" in hook.metadata else _WAIT_S
    except ValueError as error:
        webhook.warn("metadata", f"has wait: {error}")
        return _WAIT_S
