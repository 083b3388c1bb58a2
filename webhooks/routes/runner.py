"""Serve runners that stand apart: they claim runs, show that they live, and bring logs and verdicts; nothing else.

What is to be run is never taken from a runner, and a run that has ended is never changed: whoever steals a runner's
token can do no more than a test that a hook has started anyhow.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request

from webhooks.protocol import PayloadError
from webhooks.routes.api.requests import read_number, refuse, write
from webhooks.settings import Settings
from webhooks.store import documents
from webhooks.store.port import Store
from webhooks.store.records import UNDER_WAY, Run, RunState
from webhooks.telemetry import metrics

_BODY_LIMIT = 16 * 1024 * 1024
_LAST_BYTE = 2**31 - 1
_CHANGED: Mapping[str, type | tuple[type, ...]] = {
    "state": RunState,
    "standing": bool,
    "starts": int,
    "owner": str,
    "lease_until": (int, float),
    "started_at": (int, float),
    "ended_at": (int, float),
    "report": str,
    "reason": str,
    "log": str,
}


class RunnerViews:
    """Answer runners."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def list(self) -> Response:
        """List the runs that are under way."""
        return write({"runs": [documents.write_run(run) for run in self._store.runs.select(UNDER_WAY)]})

    def show(self, id: str) -> Response:  # noqa: A002 - the name of the parameter in the path
        """Show one run."""
        return write({"run": documents.write_run(self._find(id))})

    def save(self, id: str) -> Response:  # noqa: A002 - as above
        """Keep what a runner has changed of a run; 409 when somebody was faster, or the run has ended."""
        found, sent = self._find(id), _read_run()
        if found.version != sent.version or found.state.ended:
            refuse(409, f"run {id}: changed or ended meanwhile")
        saved = self._store.runs.save(_take_over(found, sent))
        if saved is None:
            refuse(409, f"run {id}: changed meanwhile")
        if saved.state.ended:
            metrics.RUNS_ENDED.labels(saved.order.kind, saved.state.value).inc()
        return write({"run": documents.write_run(saved)})

    def append(self, id: str) -> Response:  # noqa: A002 - as above
        """Add to the log of a run that is under way; gives how many bytes it has."""
        request.max_content_length = _BODY_LIMIT
        limit = min(read_number("limit", 0, 0, _LAST_BYTE), self._settings.log_limit_bytes)
        if self._find(id).state is not RunState.RUNNING:
            refuse(409, f"run {id}: is not under way")
        return write({"size": self._store.logs.append(id, request.get_data(), limit)})

    def prune(self) -> Response:
        """Forget old runs, as the settings of the service say."""
        self._store.runs.prune(time.time() - self._settings.kept_s, self._settings.kept_runs)
        return write({})

    def _find(self, run_id: str) -> Run:
        run = self._store.runs.find(run_id)
        if run is None:
            refuse(404, f"run {run_id[:80]}: there is none")
        return run


def _read_run() -> Run:
    request.max_content_length = _BODY_LIMIT
    try:
        values: dict[str, Any] = json.loads(request.get_data())
        run = documents.read_run(json.dumps(values), int(values["version"]))
        json.loads(run.report or "null")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise PayloadError("body: not a run as this version writes it; use a runner of the same version") from error
    for name, kind in _CHANGED.items():
        if not isinstance(getattr(run, name), kind):
            raise PayloadError(f"body: {name} is not what a run has there")
    return run


def _take_over(found: Run, sent: Run) -> Run:
    changed = {name: getattr(sent, name) for name in _CHANGED}
    changed["standing"] = found.standing and sent.standing
    watch = found.watch
    if watch is not None and sent.watch is not None and not sent.watch.judged:
        watch = replace(watch, judged="")
    return replace(found, **changed, watch=watch)


def make_blueprint(store: Store, settings: Settings) -> Blueprint:
    """Make the routes of runners."""
    views = RunnerViews(store, settings)
    blueprint = Blueprint("runner", __name__, url_prefix="/runner/v1")
    for path, method, view in (
        ("/runs", "GET", views.list),
        ("/runs/<id>", "GET", views.show),
        ("/runs/<id>", "PUT", views.save),
        ("/runs/<id>/log", "POST", views.append),
        ("/prune", "POST", views.prune),
    ):
        blueprint.add_url_rule(path, view.__name__, view, methods=[method], provide_automatic_options=False)
    return blueprint
