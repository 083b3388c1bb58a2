"""Render pages: the one place that knows templates, what every page is given, and what browsers may do with a page."""

from flask import Flask, Response, g, render_template, request
from jinja2 import StrictUndefined

from webhooks.catalog import show_duration
from webhooks.routes import texts
from webhooks.routes.pages import assets
from webhooks.routes.paths import Audience, Place

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
"""The policy for what a test has brought: it may look as it likes and do nothing."""


def register(app: Flask) -> None:
    """Set the templates up and have every page carry its headers."""
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True, "undefined": StrictUndefined}
    app.jinja_env.filters.update(
        shown=texts.show, lines=texts.show_lines, moment=texts.show_moment, duration=show_duration
    )
    app.jinja_env.globals.update(asset=assets.locate)
    app.after_request(_add_headers)


def _add_headers(response: Response) -> Response:
    place: Place | None = g.get("place")
    if place is not None and request.path.startswith("/ui/"):
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if place.audience is not Audience.PLATFORM:
            response.headers.setdefault("Cache-Control", "no-store")
    return response


def render(template: str, status: int = 200, **values: object) -> Response:
    """Give a page; `template` is the name of its file without the ending."""
    known = {"visitor": g.get("visitor"), "mark": g.get("mark", ""), "here": request.path}
    page = render_template(f"{template}.html", **known, **values)
    return Response(page, status, content_type="text/html; charset=utf-8")


def render_problem(status: int, detail: str) -> Response:
    """Give the page that says what is wrong and what may be done."""
    return render("problem", status, code=status, detail=detail)
