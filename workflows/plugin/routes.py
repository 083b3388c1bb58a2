"""Answer Argo's agent over HTTP: one path, a token, and always status 200 for who has it.

A status other than 200 would fail the node for good, and 404 every later one of this agent.
"""

import hmac

from flask import Blueprint, Flask, Response, jsonify, request

from webhooks.hooks import HookService
from workflows.plugin.desk import Desk
from workflows.plugin.settings import PluginSettings

PATH = "/api/v1/template.execute"
"""The one method of an executor plugin."""

_BEARER = "bearer "


def add_plugin(app: Flask, service: HookService, *, settings: PluginSettings) -> None:
    """Let the agent that has the token run stages and tests."""
    app.register_blueprint(make_blueprint(Desk(service, settings), settings.token))


def make_blueprint(desk: Desk, token: str) -> Blueprint:
    """Put a door in front of a desk."""
    blueprint = Blueprint("argo", __name__)

    @blueprint.post(PATH)
    def execute() -> Response:
        if not hmac.compare_digest(_bearer_token().encode(), token.encode()):
            return Response("the token is not this agent's\n", 403, mimetype="text/plain")
        answer = desk.answer(request.get_data())
        return jsonify({} if answer is None else answer.to_dict())

    return blueprint


def _bearer_token() -> str:
    header = request.headers.get("Authorization", "")
    return header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else ""
