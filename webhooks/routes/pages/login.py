"""Log in with a token and out again; the browser then keeps a session, never the token."""

import logging
import re
from urllib.parse import unquote, urlsplit

from flask import Blueprint, Response, g, request

from webhooks.access.attempts import Attempts
from webhooks.access.sessions import begin_session
from webhooks.routes.pages.reception import Reception
from webhooks.routes.pages.rendering import render
from webhooks.telemetry import logs

_log = logging.getLogger("penstock.access")

HOME = "/ui/"
"""The first page."""

_OURS = re.compile(r"/ui/(?!/)[A-Za-z0-9._~/?&=%*:+-]{0,1000}")
_LASTS_S = 12 * 3600.0
_CLUSTER_LASTS_S = 3600.0
_LONGEST_TOKEN = 16 * 1024
_LONGEST_IDENTITY = 2500


class LoginViews:
    """Answer at the entrance."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._attempts = Attempts(reception.now)

    def ask(self) -> Response:
        """Show the form."""
        return self._show(200, "")

    def log_in(self) -> Response:
        """Begin a session for the owner of a token, and lead to the page that was asked for."""
        place, authority = self._find_place(), self._reception.authority
        if self._attempts.exhausted(place):
            return self._show(429, "too many wrong tokens came from your address; wait a minute and try again")
        token = request.form.get("token", "").strip()
        identity = authority.identify(token) if authority and 0 < len(token) < _LONGEST_TOKEN else ""
        if not identity:
            self._attempts.note(place)
            logs.event(_log, "log-in refused", place=place)
            return self._show(401, "this is no valid token; it may have been replaced or be past its day")
        if len(identity) > _LONGEST_IDENTITY:
            return self._show(403, "the owner of this token is in too many groups for a session; use another token")
        logs.event(_log, "logged in", place=place, session_of=identity)
        lasts_s = _LASTS_S if identity.startswith("line:") else _CLUSTER_LASTS_S
        return self._begin(identity, lasts_s, _read_next())

    def log_out(self) -> Response:
        """End the session of this browser."""
        return self._begin("", _LASTS_S, "/ui/login")

    def _find_place(self) -> str:
        """Give the address of the visitor, which a proxy of ours names last."""
        forwarded = request.headers.get("X-Forwarded-For", "") if self._reception.comes_by_proxy() else ""
        return forwarded.rpartition(",")[2].strip() or request.remote_addr or ""

    def _begin(self, identity: str, lasts_s: float, there: str) -> Response:
        now = self._reception.now()
        g.pop("fresh_session", None)
        response = Response("", 303, {"Location": there})
        self._reception.keep(response, begin_session(identity, now + lasts_s), now)
        return response

    def _show(self, status: int, fault: str) -> Response:
        takes_tokens = self._reception.authority is not None
        return render("login", status, fault=fault, next=_read_next(), takes_tokens=takes_tokens)


def _read_next() -> str:
    """Give the page that was asked for, where it is one of ours."""
    there = request.values.get("next", "")
    steps = unquote(urlsplit(there).path).split("/")
    return there if _OURS.fullmatch(there) and not {".", ".."}.intersection(steps) else HOME


def add_routes(blueprint: Blueprint, reception: Reception) -> None:
    """Add the routes of the entrance."""
    views = LoginViews(reception)
    for path, method, view in (
        ("/login", "GET", views.ask),
        ("/login", "POST", views.log_in),
        ("/logout", "POST", views.log_out),
    ):
        blueprint.add_url_rule(path, view.__name__, view, methods=[method], provide_automatic_options=False)
