"""Examine who is called over HTTP: the receivers of the canary's webhooks, and the service itself.

The rule to keep: nothing is triggered; a receiver is asked for /healthz, and any answer says that it is there.
"""

import socket
from collections.abc import Iterator, Mapping
from http import HTTPStatus

from webhooks.protocol import HookType
from workflows.doctor import probe
from workflows.doctor.finding import Finding, failed, ok, warning
from workflows.errors import UnavailableError
from workflows.rollout.plan import Hook, RolloutPlan

_AWAY = "look at the receiver and at spec.analysis.webhooks[].url; penstock serve answers webhooks"


def look_at_webhooks(plan: RolloutPlan, resolve: Mapping[str, str], *, in_pod: bool) -> Iterator[Finding]:
    """See whether somebody answers where each webhook is sent to."""
    receivers = {probe.show_origin(hook.url): hook for hook in plan.analysis.hooks}
    if not receivers:
        yield ok("webhooks", "the canary calls none")
    for origin, hook in receivers.items():
        try:
            reply = probe.ask(hook.url, "/healthz", resolve, verify_tls=hook.verify_tls)
        except UnavailableError as error:
            yield _explain(hook, error, in_pod=in_pod)
        else:
            yield ok("webhooks", f"{origin} answers ({reply.status} at /healthz)")


def _explain(hook: Hook, error: UnavailableError, *, in_pod: bool) -> Finding:
    if isinstance(error.__cause__, socket.gaierror) and not in_pod:
        mend = (
            "a name of the cluster means nothing outside of it: examine in a pod, or use --resolve HOST:PORT=HOST:PORT"
        )
        return warning("webhooks", f"{hook.name}: {error}", mend)
    give = warning if hook.type is HookType.EVENT else failed
    return give("webhooks", f"{hook.name}: {error}", _AWAY)


def look_at_service(server: str) -> Iterator[Finding]:
    """See whether penstock serve is ready."""
    try:
        reply = probe.ask(server, "/readyz", {})
    except UnavailableError as error:
        yield failed("service", str(error), "start it: penstock serve; or name another one with --server URL")
        return
    if reply.status == HTTPStatus.OK:
        yield ok("service", f"{probe.show_origin(server)} is ready")
    else:
        said = f"{probe.show_origin(server)} is not ready: {reply.status} {reply.body.strip()}"
        yield failed("service", said, "look at its log; docs/operations.md says what makes it ready")
