"""Answer everything that goes wrong: a line of text, or a problem document (RFC 9457) under /api/.

A fault of the caller is a 4xx that says what to mend; trouble of our own is a 503 that asks to be asked again.
"""

import json
import logging
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RequestRedirect

from webhooks.errors import RefusedError, StoreError
from webhooks.protocol import HookOutcome, HookType, HookVerdict, PayloadError
from webhooks.routes.bodies import text
from webhooks.routes.paths import PAGES

_log = logging.getLogger("penstock.web")


class Refusal(HTTPException):
    """Say what a route itself found wrong with a request."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.code = status


def register(app: Flask) -> None:
    """Have the app answer its faults."""
    app.register_error_handler(PayloadError, _answer_payload)
    app.register_error_handler(RefusedError, _answer_refused)
    app.register_error_handler(StoreError, _answer_trouble)
    app.register_error_handler(HTTPException, answer_http)
    app.register_error_handler(Exception, _answer_trouble)
    app.after_request(_lead_within)


def _lead_within(response: Response) -> Response:
    """Lead to the right spelling of a path by the path alone: before a proxy, the host has another name."""
    if isinstance(request.routing_exception, RequestRedirect) and response.location:
        response.location = urlunsplit(("", "", *urlsplit(response.location)[2:]))
        response.set_data(b"")
    return response


def fault(status: int, detail: str) -> Response:
    """Write an answer that says what is wrong, in the form of the place that was asked."""
    if not request.path.startswith("/api/"):
        return text(status, detail + "\n")
    problem = json.dumps({"type": "about:blank", "status": status, "detail": detail})
    return Response(problem, status, content_type="application/problem+json")


def _answer_payload(error: Exception) -> Response:
    return fault(400, str(error))


def _answer_refused(error: Exception) -> Response:
    return fault(409, str(error))


def answer_http(error: Exception) -> Response:
    """Answer what the framework found wrong with a request."""
    if not isinstance(error, HTTPException):
        return _answer_trouble(error)
    detail = error.description or error.name
    if error.code == 404 and not isinstance(error, Refusal):  # noqa: PLR2004 - the status says it best
        if request.path == "/" and request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
            return Response("", 303, {"Location": PAGES})
        known = ", ".join(hook.value for hook in HookType)
        detail = f"{request.path[:200]}: nothing is here; hooks are POST /hooks/<type> with one of {known}"
    if error.code == 413:  # noqa: PLR2004 - the status says it best
        detail = f"body: too long; at most {request.max_content_length} bytes are read"
    response = fault(error.code or 400, detail)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _answer_trouble(error: Exception) -> Response:
    _log.error("could not answer %s %s", request.method, request.path, exc_info=error)
    outcome = HookOutcome(HookVerdict.BUSY, "trouble of our own, see the log of the service; ask again")
    response = fault(outcome.status, outcome.reason)
    response.headers.extend(outcome.headers)
    return response
