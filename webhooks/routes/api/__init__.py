"""Serve /api/v1 to people and pipelines; every route comes from the table that /openapi.json is written from."""

from importlib.metadata import version

from flask import Blueprint, Response

from webhooks.hooks import HookService
from webhooks.routes.api import gates, releases, runs, timeline
from webhooks.routes.api.openapi import write_document
from webhooks.routes.api.operations import Operation, register
from webhooks.routes.api.requests import write


def make_blueprint(service: HookService) -> Blueprint:
    """Make the routes of the API and of its description."""
    operations = list_operations(service)
    document = write_document(operations, version("penstock"))
    blueprint = Blueprint("api", __name__)
    register(blueprint, operations)

    def describe() -> Response:
        return write(document)

    blueprint.add_url_rule("/openapi.json", view_func=describe, methods=["GET"], provide_automatic_options=False)
    return blueprint


def list_operations(service: HookService) -> tuple[Operation, ...]:
    """List every operation there is."""
    return (
        *runs.list_operations(runs.RunViews(service.runs, service.store.logs)),
        *gates.list_operations(gates.GateViews(service.gates)),
        *releases.list_operations(releases.ReleaseViews(service.releases, service.store.reports)),
        *timeline.list_operations(timeline.TimelineViews(service.store, service.gates)),
    )
