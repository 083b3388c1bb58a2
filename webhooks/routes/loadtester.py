"""Serve what Flagger's own loadtester serves, with its paths, statuses and texts; methods are not looked at.

Gates have paths of their own; a task is whatever comes to a path that nothing else has.
"""

from collections.abc import Callable

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import HTTPException, NotFound

from webhooks.gates import ANY_GATE, ROLLBACK_GATE, GateService
from webhooks.hooks.commands import CommandService
from webhooks.protocol import HookPayload, PayloadError
from webhooks.routes import faults
from webhooks.routes.bodies import ALL_METHODS, read_payload, text
from webhooks.store.records import CanaryName, GateState

_OURS = ("/hooks/", "/api/", "/runner/", "/ui/")


def make_blueprint(gates: GateService, commands: CommandService) -> Blueprint:
    """Make the routes of /gate and /rollback."""
    blueprint = Blueprint("loadtester", __name__)

    def route(path: str, answer: Callable[[], Response]) -> None:
        blueprint.add_url_rule(path, path.strip("/").replace("/", "_"), answer, methods=ALL_METHODS)

    def route_gate(path: str, gate: str) -> None:
        route(f"{path}/check", lambda: _for_canary(commands, lambda canary: _check(gates, canary, gate)))
        for verb, state in (("open", GateState.OPEN), ("close", GateState.CLOSED)):
            route(f"{path}/{verb}", _make_put(gates, commands, gate, state))

    route("/gate/approve", lambda: text(200, "OK"))
    route("/gate/halt", lambda: text(403, "Forbidden"))
    route_gate("/gate", ANY_GATE)
    route_gate("/rollback", ROLLBACK_GATE)
    return blueprint


def register_tasks(app: Flask, commands: CommandService) -> None:
    """Take what comes to a path that nothing else has as a task."""

    def answer(error: Exception) -> Response:
        if isinstance(error, HTTPException) and not _is_task(commands):
            return faults.answer_http(error)
        payload = _read()
        if payload is None:
            return text(400)
        told = commands.submit(payload)
        response = text(told.status, told.text)
        response.headers.extend(told.headers)
        return response

    app.register_error_handler(NotFound, answer)


def _is_task(commands: CommandService) -> bool:
    if request.url_rule is not None or request.path.startswith(_OURS):
        return False
    if commands.allowed:
        return True
    # Where no command is run, whoever mistyped a path is better served by hearing so.
    payload = _read() if request.method == "POST" else None
    return payload is not None and (request.path == "/" or not payload.metadata.keys().isdisjoint({"cmd", "type"}))


def _make_put(gates: GateService, commands: CommandService, gate: str, state: GateState) -> Callable[[], Response]:
    def put(canary: CanaryName) -> Response:
        gates.put(canary, gate, state)
        return text(202)

    return lambda: _for_canary(commands, put)


def _check(gates: GateService, canary: CanaryName, gate: str) -> Response:
    return text(200, "Approved") if gates.is_open(canary, gate) else text(403, "Forbidden")


def _for_canary(commands: CommandService, answer: Callable[[CanaryName], Response]) -> Response:
    payload = _read()
    if payload is None:
        return text(400)
    if not commands.admits(payload):
        return text(403, "Forbidden")
    return answer(CanaryName(payload.namespace, payload.name))


def _read() -> HookPayload | None:
    try:
        return read_payload()
    except PayloadError:
        return None
