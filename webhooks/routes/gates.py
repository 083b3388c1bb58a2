"""Serve gates to people and pipelines: list them, approve or halt them."""

import json

from flask import Blueprint, Response, abort, request

from webhooks.gates import GateService
from webhooks.protocol import PayloadError
from webhooks.store.records import CanaryName, Gate, GateState

_STATES = {"approve": GateState.OPEN, "halt": GateState.CLOSED}
_LONGEST_TEXT = 500


def make_blueprint(gates: GateService) -> Blueprint:
    """Make the routes of /api/v1/gates."""
    blueprint = Blueprint("gates", __name__, url_prefix="/api/v1/gates")

    def show_all() -> Response:
        return _write({"gates": [_show(gate) for gate in gates.select()]})

    def decide(namespace: str, name: str, gate: str, verb: str) -> Response:
        state = _STATES.get(verb)
        if state is None:
            abort(404)
        who, why = _read_decision()
        return _write(_show(gates.decide(CanaryName(namespace, name), gate, state, who, why)))

    blueprint.add_url_rule("", view_func=show_all)
    blueprint.add_url_rule("/<namespace>/<name>/<gate>/<verb>", view_func=decide, methods=["POST"])
    return blueprint


def _read_decision() -> tuple[str, str]:
    try:
        document = json.loads(request.get_data() or b"{}")
        who, why = document.get("who", ""), document.get("why", "")
    except (ValueError, AttributeError, RecursionError) as error:
        raise PayloadError("body: not a JSON object; send who and why, or nothing") from error
    for key, value in (("who", who), ("why", why)):
        if not isinstance(value, str) or not value.isprintable() or len(value) > _LONGEST_TEXT:
            raise PayloadError(f"{key}: not one line of at most {_LONGEST_TEXT} characters")
    return who, why


def _show(gate: Gate) -> dict[str, object]:
    return {
        "namespace": gate.canary.namespace,
        "name": gate.canary.name,
        "gate": gate.gate,
        "state": gate.state.value,
        "epoch": gate.epoch,
        "checksum": gate.checksum,
        "who": gate.who,
        "why": gate.why,
        "at": gate.at,
    }


def _write(document: object) -> Response:
    return Response(json.dumps(document), content_type="application/json")
