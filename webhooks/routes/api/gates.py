"""Serve gates: list them, show who said what, approve or halt."""

from collections.abc import Callable

from flask import Response

from webhooks.catalog import parse_duration
from webhooks.gates import GateDecision, GateService
from webhooks.protocol import PayloadError
from webhooks.routes.api.operations import JSON, Operation
from webhooks.routes.api.requests import (
    bad_cursor,
    read_body,
    read_cursor,
    read_limit,
    refuse,
    require,
    write,
    write_cursor,
)
from webhooks.routes.api.schemas import CANARY, GATE, NAME, PAGING, in_path
from webhooks.store.records import CanaryName, Gate, GateState

_ALLOWED = {
    GateState.OPEN: frozenset({"who", "why", "lasts", "template"}),
    GateState.CLOSED: frozenset({"who", "why"}),
}


class GateViews:
    """Answer for gates."""

    def __init__(self, gates: GateService) -> None:
        self._gates = gates

    def list(self) -> Response:
        """List the gates as they stand."""
        cursor, limit = read_cursor(), read_limit()
        if cursor is not None and [type(part) for part in cursor] != [str, str, int, str]:
            raise bad_cursor()
        following = [gate for gate in self._gates.select() if cursor is None or _place(gate) > cursor]
        page = following[:limit]
        more = len(following) > limit
        return write(
            {"gates": [show_gate(gate) for gate in page], "next": write_cursor(*_place(page[-1])) if more else None}
        )

    def show(self, namespace: str, name: str, gate: str) -> Response:
        """Show every word on a gate."""
        history = self._gates.history(read_gate_of(namespace, name, gate), gate)
        if not history:
            refuse(404, f"gate {gate} of {name}.{namespace}: nobody asked for it or decided it yet")
        return write({"history": [show_gate(word) for word in history]})

    def approve(self, namespace: str, name: str, gate: str) -> Response:
        """Let the release under way pass a gate."""
        return self._say(read_gate_of(namespace, name, gate), gate, GateState.OPEN)

    def halt(self, namespace: str, name: str, gate: str) -> Response:
        """Hold the release under way at a gate."""
        return self._say(read_gate_of(namespace, name, gate), gate, GateState.CLOSED)

    def _say(self, canary: CanaryName, gate: str, state: GateState) -> Response:
        body = read_body(_ALLOWED[state])
        said = {key: body[key] for key in ("who", "why", "template") if key in body}
        decision = GateDecision(state, **said, lasts_s=read_lasts(body.get("lasts", "")))
        return write(show_gate(self._gates.say(canary, gate, decision)))


def read_gate_of(namespace: str, name: str, gate: str) -> CanaryName:
    """Read whose gate a path is about; 404 for names that nothing can have."""
    require(NAME, "namespace", namespace)
    require(NAME, "name", name)
    require(GATE, "gate", gate)
    return CanaryName(namespace, name)


def read_lasts(text: str) -> float:
    """Read how long an approval holds, in seconds; 0 where nothing is said."""
    if not text:
        return 0.0
    try:
        return parse_duration(text)
    except ValueError as error:
        raise PayloadError(f"lasts: {error}") from error


def _place(gate: Gate) -> "list[object]":
    return [gate.canary.namespace, gate.canary.name, gate.epoch, gate.gate]


def show_gate(gate: Gate) -> dict[str, object]:
    """Show a word on a gate."""
    return {
        "namespace": gate.canary.namespace,
        "name": gate.canary.name,
        "gate": gate.gate,
        "state": gate.state.value,
        "epoch": gate.epoch,
        "checksum": gate.checksum,
        "template": gate.template,
        "who": gate.who,
        "why": gate.why,
        "at": gate.at,
        "approvals": [*gate.approvals],
        "needed": gate.needed,
        "expiresAt": gate.expires_at or None,
    }


def list_operations(views: GateViews) -> tuple[Operation, ...]:
    """List the operations on gates."""
    one = (*CANARY, in_path("gate", GATE, "the gate"))
    path = "/api/v1/gates/{namespace}/{name}/{gate}"

    def decide(verb: str, summary: str, view: Callable[..., Response], body: str) -> Operation:
        return Operation(
            f"{verb}Gate", "post", f"{path}/{verb}", summary, view, {JSON: "Gate"}, one, body, (404, 409, 413)
        )

    return (
        Operation("listGates", "get", "/api/v1/gates", "List gates", views.list, {JSON: "GatePage"}, PAGING),
        Operation(
            "showGate", "get", path, "Show every word on a gate", views.show, {JSON: "GateHistory"}, one, "", (404,)
        ),
        decide("approve", "Let the release under way pass", views.approve, "Approval"),
        decide("halt", "Hold the release under way", views.halt, "Reason"),
    )
