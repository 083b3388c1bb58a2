"""Serve /api/v1 to people and pipelines; every route comes from the table that /openapi.json is written from."""

from collections.abc import Mapping
from importlib.metadata import version

from flask import Blueprint, Flask, Response, current_app

from webhooks.hooks import HookService
from webhooks.routes.api import gates, releases, runs, timeline
from webhooks.routes.api.openapi import write_document
from webhooks.routes.api.operations import Operation, Schema, register
from webhooks.routes.api.requests import write
from webhooks.routes.api.schemas import SCHEMAS

_ADDED = "penstock.api"


def make_blueprint(service: HookService) -> Blueprint:
    """Make the routes of the API and of its description."""
    operations = list_operations(service)
    blueprint = Blueprint("api", __name__)
    register(blueprint, operations)

    def describe() -> Response:
        more, schemas = current_app.extensions.get(_ADDED, ((), {}))
        return write(write_document((*operations, *more), version("penstock"), {**SCHEMAS, **schemas}))

    blueprint.add_url_rule("/openapi.json", view_func=describe, methods=["GET"], provide_automatic_options=False)
    return blueprint


def add(app: Flask, operations: tuple[Operation, ...], schemas: Mapping[str, Schema]) -> None:
    """Add operations of a part: their routes, and their entries in the description."""
    register(app, operations)
    before, known = app.extensions.get(_ADDED, ((), {}))
    app.extensions[_ADDED] = (*before, *operations), {**known, **schemas}


def list_operations(service: HookService) -> tuple[Operation, ...]:
    """List every operation there is."""
    return (
        *runs.list_operations(runs.RunViews(service.runs, service.store.logs)),
        *gates.list_operations(gates.GateViews(service.gates)),
        *releases.list_operations(releases.ReleaseViews(service.releases, service.store.reports)),
        *timeline.list_operations(timeline.TimelineViews(service.store, service.gates)),
    )
