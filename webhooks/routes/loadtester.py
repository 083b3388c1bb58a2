"""Serve the gates of Flagger's own loadtester, with its paths, statuses and texts; methods are not looked at."""

from collections.abc import Callable

from flask import Blueprint, Response

from webhooks.gates import ANY_GATE, ROLLBACK_GATE, GateService
from webhooks.protocol import PayloadError
from webhooks.routes.bodies import ALL_METHODS, read_payload, text
from webhooks.store.records import CanaryName, GateState


def make_blueprint(gates: GateService) -> Blueprint:
    """Make the routes of /gate and /rollback."""
    blueprint = Blueprint("loadtester", __name__)

    def route(path: str, answer: Callable[[], Response]) -> None:
        blueprint.add_url_rule(path, path.strip("/").replace("/", "_"), answer, methods=ALL_METHODS)

    route("/gate/approve", lambda: text(200, "OK"))
    route("/gate/halt", lambda: text(403, "Forbidden"))
    for path, gate in (("/gate", ANY_GATE), ("/rollback", ROLLBACK_GATE)):
        route(f"{path}/check", lambda gate=gate: _check(gates, gate))  # type: ignore[misc] # binds the loop's gate
        route(f"{path}/open", lambda gate=gate: _put(gates, gate, GateState.OPEN))  # type: ignore[misc] # as above
        route(f"{path}/close", lambda gate=gate: _put(gates, gate, GateState.CLOSED))  # type: ignore[misc] # as above
    return blueprint


def _check(gates: GateService, gate: str) -> Response:
    canary = _read_canary()
    if canary is None:
        return text(400)
    return text(200, "Approved") if gates.is_open(canary, gate) else text(403, "Forbidden")


def _put(gates: GateService, gate: str, state: GateState) -> Response:
    canary = _read_canary()
    if canary is None:
        return text(400)
    gates.put(canary, gate, state)
    return text(202)


def _read_canary() -> CanaryName | None:
    try:
        payload = read_payload()
    except PayloadError:
        return None
    return CanaryName(payload.namespace, payload.name)
