"""Serve `POST /hooks/<type>`, one path for each type of hook, since Flagger's payload does not say its type."""

from flask import Blueprint, Response, abort, g

from webhooks.hooks import HookService
from webhooks.protocol import HookType
from webhooks.routes.bodies import read_payload, text

_TYPES = {hook.value: hook for hook in HookType}


def make_blueprint(service: HookService) -> Blueprint:
    """Make the routes of all hooks."""
    blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")

    def answer(name: str) -> Response:
        hook = _TYPES.get(name)
        if hook is None:
            abort(404)
        payload = read_payload()
        if not service.commands.admits(payload):
            return text(403, f"namespace {payload.namespace[:80]!r} is not served here, as --namespace-regexp says\n")
        outcome = service.handle(hook, payload, g.get("listed"))
        response = text(outcome.status, outcome.reason + "\n")
        response.headers.extend(outcome.headers)
        return response

    blueprint.add_url_rule("/<name>", view_func=answer, methods=["POST"], provide_automatic_options=False)
    return blueprint
