"""Serve what the platform asks: is this process alive, is the service ready, what are its figures.

Also gives every request an id and every answer a line of log and a count.
"""

import logging
import re
import time
import uuid
from pathlib import Path

from flask import Blueprint, Flask, Response, g, request

from webhooks.errors import StoreError
from webhooks.protocol import RETRY_AFTER_S, PayloadError
from webhooks.routes.bodies import ALL_METHODS, read_payload, text
from webhooks.routes.paths import Audience, Place, find_place
from webhooks.runs.process import runner_lives
from webhooks.store.port import Store
from webhooks.telemetry import logs, metrics

_log = logging.getLogger("penstock.hooks")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADER = "X-Request-Id"
_SHOWN = 100


def make_blueprint(store: Store, runner_dir: Path | None) -> Blueprint:
    """Make the routes of /healthz, which answers any method (loadtester), /readyz and /metrics.

    `runner_dir` is where a runner must be at work for the service to be ready; None where runners stand apart.
    """
    blueprint = Blueprint("operations", __name__)

    def tell_health() -> Response:
        return text(200, "OK")

    def tell_readiness() -> Response:
        fault = _find_fault(store, runner_dir)
        response = text(503 if fault else 200, fault or "OK")
        if fault:
            response.headers["Retry-After"] = str(RETRY_AFTER_S)
        return response

    def tell_figures() -> Response:
        return Response(metrics.render(store), content_type=metrics.CONTENT_TYPE)

    blueprint.add_url_rule("/healthz", view_func=tell_health, methods=ALL_METHODS)
    blueprint.add_url_rule("/readyz", view_func=tell_readiness)
    blueprint.add_url_rule("/metrics", view_func=tell_figures)
    return blueprint


def _find_fault(store: Store, runner_dir: Path | None) -> str:
    try:
        store.probe()
    except StoreError:
        return "the store cannot be reached"
    return "" if runner_dir is None or runner_lives(runner_dir) else "the runner is not alive"


def register(app: Flask) -> None:
    """Have the app tell about every call of a hook."""
    app.before_request(_begin)
    app.after_request(_tell)
    app.teardown_request(lambda _: logs.begin_call())


def _begin() -> None:
    given = request.headers.get(_HEADER, "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    g.began = time.monotonic()
    logs.begin_call(request_id=g.request_id)
    g.place = find_place(request.path, request.method)
    if g.place.audience is Audience.CONTROLLER:
        canary = ""
        try:
            payload = read_payload()
            canary = f"{payload.name[:_SHOWN]}.{payload.namespace[:_SHOWN]}"
        except PayloadError:
            pass  # whoever answers says what is wrong with it
        logs.learn(canary=canary, hook=_type_of(g.place))


def _type_of(place: Place) -> str:
    if place.hook is not None:
        return place.hook.value
    return "gate" if request.path.startswith(("/gate/", "/rollback/")) else "task"


def _tell(response: Response) -> Response:
    response.headers[_HEADER] = g.request_id
    if g.place.audience is Audience.CONTROLLER:
        kind = _type_of(g.place)
        took_s = time.monotonic() - g.began
        metrics.HOOKS.labels(kind, str(response.status_code)).inc()
        metrics.HOOK_SECONDS.labels(kind).observe(took_s)
        reason = response.get_data(as_text=True).strip()
        logs.event(_log, "hook answered", status=response.status_code, seconds=round(took_s, 3), reason=reason)
    return response
