"""Compose the service: the only place of this package that joins settings, store, hooks and routes.

`create_app` makes a new app at every call and nothing happens at import. Whoever has more to serve hands it over as
parts: each is called with the app and the hook service once the routes stand.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Flask

from webhooks.access import make_authority, make_read_back
from webhooks.catalog import CatalogFile
from webhooks.errors import StoreError
from webhooks.hooks import HookService
from webhooks.live import Hub
from webhooks.releases import Measure
from webhooks.routes import admission, api, faults, flagger, loadtester, operations, pages, runner
from webhooks.runs import Bell, RunService
from webhooks.runs.process import BELL_FILE
from webhooks.settings import RunnerMode, Settings
from webhooks.store.records import CanaryName
from webhooks.store.sql import SqlStore, locate
from webhooks.telemetry import metrics

Part = Callable[[Flask, HookService], None]
"""Something that adds its own routes to the app."""


SERVICE = "penstock"
"""The name of the hook service among the extensions of the app."""

READ_BACK = "penstock.readback"
"""The name of who reads Canaries back, None where hooks are not verified."""

LIVE = "penstock.live"
"""The name of the hub of live pages."""

_log = logging.getLogger("penstock.access")


def create_app(settings: Settings, parts: Sequence[Part] = (), measure: Measure | None = None) -> Flask:
    """Make the WSGI app; it keeps its things in the data folder, where a runner works beside it.

    `measure` tells the pages what was measured of releases that nobody reports.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    store = SqlStore(locate(settings.store, settings.data_dir))
    bell = Bell(settings.data_dir / BELL_FILE)
    runs = RunService(store.runs, bell, time.time, settings.waiting_limit)
    service = HookService(store, CatalogFile(settings.catalog), runs, settings)
    return compose(service, settings, parts, measure)


def compose(
    service: HookService, settings: Settings, parts: Sequence[Part] = (), measure: Measure | None = None
) -> Flask:
    """Put routes in front of a hook service."""
    app = Flask("penstock", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.body_limit_bytes
    here = settings.runner is RunnerMode.HERE
    faults.register(app)
    operations.register(app)
    read_back = make_read_back(settings, time.time, _Listener(service))
    app.extensions[READ_BACK] = read_back
    authority = make_authority(settings, time.time)
    reception = pages.Reception(settings, authority, time.time, service.runs.runs.find)
    admission.register(app, admission.Guard(settings, authority, read_back, reception))
    app.register_blueprint(operations.make_blueprint(service.store, settings.data_dir if here else None))
    app.register_blueprint(loadtester.make_blueprint(service.gates, service.commands))
    loadtester.register_tasks(app, service.commands)
    app.register_blueprint(flagger.make_blueprint(service))
    app.register_blueprint(api.make_blueprint(service))
    hub = app.extensions[LIVE] = Hub()
    pages.register(app, service, reception, pages.Showing(hub, pages.Measurements(measure)))
    if not here:
        app.register_blueprint(runner.make_blueprint(service.store, settings))
    app.extensions[SERVICE] = service
    for part in parts:
        part(app, service)
    return app


@dataclass(frozen=True, slots=True)
class _Listener:
    """Tell hooks and figures what a watch of Canaries sees."""

    service: HookService

    def seen(self, namespace: str, at: float) -> None:
        metrics.CANARIES_SEEN.labels(namespace).set(at)

    def ended(self, canary: CanaryName, at: float) -> None:
        try:
            self.service.end_release(canary, at)
        except StoreError as error:
            # Hooks, and the lease of a load, tell of the end as well.
            _log.warning("the end of the release of %s is not kept: %s", canary, error)
