"""Answer what goes wrong on a page with a page that says so, and what to do."""

import logging

from flask import Blueprint, Response, current_app, g, request
from werkzeug.exceptions import HTTPException, NotFound

from webhooks.access.sessions import Session
from webhooks.errors import RefusedError, WebhookError
from webhooks.protocol import RETRY_AFTER_S, PayloadError
from webhooks.routes.pages.reception import Reception, refuse_method
from webhooks.routes.pages.rendering import render_problem

_log = logging.getLogger("penstock.web")
_AWAY = "something that this page needs cannot be reached right now, as the log of the service says; try again soon"


def register(blueprint: Blueprint, reception: Reception) -> None:
    """Have the pages answer their faults, and browsers keep sessions that have just begun."""
    blueprint.register_error_handler(PayloadError, lambda error: render_problem(400, str(error)))
    blueprint.register_error_handler(RefusedError, lambda error: render_problem(409, str(error)))
    blueprint.register_error_handler(WebhookError, _answer_trouble)
    for kind in (HTTPException, NotFound):  # the app has a handler of its own for what is not found
        blueprint.register_error_handler(kind, _answer_http)
    blueprint.register_error_handler(Exception, _answer_trouble)

    def keep(response: Response) -> Response:
        fresh: Session | None = g.get("fresh_session")
        if fresh is not None:
            reception.keep(response, fresh, reception.now())
        return response

    def miss(rest: str) -> Response:
        # What is here for forms alone is missed by whoever only looks.
        adapter = current_app.create_url_adapter(request)
        if adapter and "POST" in adapter.allowed_methods():
            return refuse_method(("POST",))
        return render_problem(404, f"{rest}: there is no such page")

    blueprint.after_request(keep)
    blueprint.add_url_rule("/<path:rest>", view_func=miss)


def _answer_http(error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return _answer_trouble(error)
    return render_problem(error.code or 400, error.description or error.name)


def _answer_trouble(error: Exception) -> Response:
    _log.error("could not show %s", request.path, exc_info=error)
    response = render_problem(503, _AWAY)
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response
