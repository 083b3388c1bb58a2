"""Read `spec.analysis.webhooks` and `spec.analysis.alerts`: who is called, who is told."""

from collections import Counter
from datetime import timedelta

from webhooks.protocol import HookType
from workflows.canary.section import Section
from workflows.rollout.plan import Alerting, Hook, Reference, Severity, Strategy

_TIMEOUT = timedelta(seconds=10)
_ALERT_PROVIDER = ("AlertProvider", "flagger.app/v1beta1")


def read_hooks(analysis: Section, strategy: Strategy) -> tuple[Hook, ...]:
    """Give the webhooks in the order of the file; an empty type is a rollout hook."""
    sections = analysis.sections("webhooks")
    _warn_of_twins(sections)
    return tuple(_read_hook(webhook, strategy) for webhook in sections)


def _read_hook(webhook: Section, strategy: Strategy) -> Hook:
    hook_type = HookType(webhook.get("type", "") or HookType.ROLLOUT.value)
    if hook_type is HookType.CONFIRM_TRAFFIC_INCREASE and strategy is not Strategy.CANARY:
        webhook.warn("type", f"is never called with the strategy {strategy.value}, which does not raise weights")
    return Hook(
        name=webhook.get("name", ""),
        url=webhook.get("url", ""),
        type=hook_type,
        timeout=webhook.get("timeout", _TIMEOUT),
        retries=webhook.get("retries", 0),
        verify_tls=not webhook.get("disableTLS", False),
        mute_alert=webhook.get("muteAlert", False),
        metadata=webhook.texts("metadata"),
    )


def _warn_of_twins(webhooks: tuple[Section, ...]) -> None:
    counts = Counter(webhook.get("name", "") for webhook in webhooks)
    for webhook in webhooks:
        name = webhook.get("name", "")
        if counts[name] > 1 and name:
            webhook.warn("name", "is the name of several webhooks; events could not tell them apart")


def read_alerts(analysis: Section, namespace: str) -> tuple[Alerting, ...]:
    """Give who is told of what; an omitted severity is info (Flagger would never send it)."""
    return tuple(_read_alert(alert, namespace) for alert in analysis.sections("alerts"))


def _read_alert(alert: Section, namespace: str) -> Alerting:
    kind, api_version = _ALERT_PROVIDER
    provider = alert.section("providerRef")
    warn_of_other_namespace(provider, namespace)
    reference = Reference(kind, provider.get("name", ""), api_version, provider.get("namespace", "") or namespace)
    return Alerting(alert.get("name", ""), reference, Severity[(alert.get("severity", "") or "info").upper()])


def warn_of_other_namespace(reference: Section, namespace: str) -> None:
    """Note a reference that leaves the namespace of the canary."""
    if reference.get("namespace", namespace) != namespace:
        reference.warn(
            "namespace",
            f"is not the canary's own ({namespace}); Flagger refuses it under -no-cross-namespace-refs",
        )
