"""Serve what the platform asks: is this process alive."""

from flask import Blueprint, Response

from webhooks.routes.bodies import ALL_METHODS, text


def make_blueprint() -> Blueprint:
    """Make the route of /healthz, which answers any method (loadtester)."""
    blueprint = Blueprint("operations", __name__)

    def tell_health() -> Response:
        return text(200, "OK")

    blueprint.add_url_rule("/healthz", view_func=tell_health, methods=ALL_METHODS)
    return blueprint
