"""Answer Flagger's own hooks by the evidence judge: a part that the webhook service gets.

A `rollout` or `rollback` hook with `metadata.judge: evidence` is judged by what was counted since its last call. The
rule to keep: trouble of our own is 503, ask again; it never fails a canary and never rolls one back.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from flask import Flask, Response, request

from webhooks.hooks import HookService
from webhooks.protocol import HookOutcome, HookPayload, HookType, HookVerdict, PayloadError, parse_payload
from webhooks.settings import Settings
from webhooks.store.records import CanaryName
from workflows import canary
from workflows.canary.loads import with_counted_load
from workflows.canary.override import with_judge
from workflows.clocks import SystemClock
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CANARY, Manifest
from workflows.docket import Docket, Hearing, Ruling
from workflows.errors import ConfigurationError, FencedError, TemporaryError
from workflows.metrics import endpoint
from workflows.metrics.counter import PrometheusCounter
from workflows.ports import TrafficCounter
from workflows.rollout.plan import RolloutPlan
from workflows.states.files import FileStateStore

FOLDER = "judge"
"""Where in the data folder the cases are kept."""

_JUDGED = {f"/hooks/{hook.value}": hook for hook in (HookType.ROLLOUT, HookType.ROLLBACK)}
_KEY = "judge"


@dataclass(frozen=True, slots=True)
class Court:
    """Hold what judging needs: how a Canary is read, what counts its traffic, and where its case is kept."""

    read_canary: Callable[[str, str], Manifest | None]
    count: Callable[[RolloutPlan], TrafficCounter]
    docket: Docket

    def answer(self, hook: HookType, payload: HookPayload, epoch: int) -> HookOutcome:
        """Answer one call; `epoch` numbers the analyses of this canary."""
        try:
            hearing = self._summon(payload, epoch)
            ruling = self.docket.rule(hearing, self.count(hearing.plan))
        except ConfigurationError as error:
            return HookOutcome(HookVerdict.FAILED if hook is HookType.ROLLOUT else HookVerdict.WAITING, str(error))
        except (TemporaryError, FencedError) as error:
            return HookOutcome(HookVerdict.BUSY, str(error))
        return _answer(hook, ruling)

    def _summon(self, payload: HookPayload, epoch: int) -> Hearing:
        found = self.read_canary(payload.namespace, payload.name)
        if found is None:
            raise ConfigurationError(f"canary {payload.name}.{payload.namespace} is not in the cluster")
        described = {key: found.get(key) for key in ("apiVersion", "kind", "metadata", "spec")}
        plan = canary.parse(json.dumps(described), f"canary/{payload.name} -n {payload.namespace}")
        weight = (found.get("status") or {}).get("canaryWeight", 0)
        judged = with_counted_load(with_judge(plan, payload.metadata[_KEY]))
        return Hearing(judged, weight, f"{payload.checksum}-{epoch}")


def _answer(hook: HookType, ruling: Ruling) -> HookOutcome:
    if hook is HookType.ROLLBACK:
        return HookOutcome(HookVerdict.PASSED if ruling.condemned else HookVerdict.WAITING, ruling.reason)
    return HookOutcome(HookVerdict.PASSED if ruling.passed else HookVerdict.FAILED, ruling.reason)


def add_judge(app: Flask, service: HookService, *, court: Court | None) -> None:
    """Answer the hooks that ask for the judge; all others go their usual way."""

    def answer() -> Response | None:
        hook = _JUDGED.get(request.path) if request.method == "POST" else None
        payload = _read(request.get_data()) if hook else None
        if hook is None or payload is None or _KEY not in payload.metadata:
            return None
        if court is None:
            told = "metadata.judge: this service counts no traffic; start it with --prometheus URL"
            return _respond(HookOutcome(HookVerdict.FAILED, told))
        last = service.store.epochs.latest(CanaryName(payload.namespace, payload.name))
        return _respond(court.answer(hook, payload, last.number if last else 0))

    app.before_request(answer)


def _read(body: bytes) -> HookPayload | None:
    try:
        return parse_payload(body)
    except PayloadError:
        # The hook's own route says what is wrong with it.
        return None


def _respond(outcome: HookOutcome) -> Response:
    return Response(outcome.reason + "\n", outcome.status, dict(outcome.headers), mimetype="text/plain")


def open_court(settings: Settings, prometheus: str, cluster: Cluster) -> Court:
    """Judge by a Prometheus and by the Canaries of a cluster; cases are kept in the service's data folder."""
    clock, folder = SystemClock(), settings.data_dir / FOLDER
    where = endpoint.at("prometheus", prometheus)
    return Court(
        read_canary=partial(cluster.get, CANARY),
        count=partial(PrometheusCounter, where),
        docket=Docket(lambda key: FileStateStore(folder, key, clock), clock),
    )
