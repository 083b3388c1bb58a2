"""Serve pages for browsers under /ui/: what the service knows, shown and decided by the same services as the HTTP API.

A file here is one subject: it adds its routes to the blueprint and renders its templates. What a visitor may not do is
not offered, and no page asks anybody but this service for anything.
"""

from flask import Blueprint, Flask

from webhooks.hooks import HookService
from webhooks.routes.pages import assets, catalog, gates, login, problems, releases, rendering, runs, start
from webhooks.routes.pages.measurements import Measurements
from webhooks.routes.pages.reception import Reception
from webhooks.routes.pages.releases import Showing

__all__ = ["Measurements", "Reception", "Showing", "register"]


def register(app: Flask, service: HookService, reception: Reception, showing: Showing) -> None:
    """Add the pages to the app."""
    hub = showing.hub
    rendering.register(app)
    blueprint = Blueprint("pages", __name__, url_prefix="/ui", template_folder="templates")
    assets.add_routes(blueprint)
    login.add_routes(blueprint, reception)
    start.add_routes(blueprint, service, hub)
    releases.add_routes(blueprint, service, showing)
    runs.add_routes(blueprint, service, hub)
    gates.add_routes(blueprint, service, hub)
    catalog.add_routes(blueprint, service)
    problems.register(blueprint, reception)
    app.register_blueprint(blueprint)
