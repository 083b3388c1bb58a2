"""Answer a page that wants to be kept up to date: hand its connection to the hub, or give one answer at a time."""

import re
import ssl
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, urlencode

from flask import Response, request

from webhooks.live import Feed, Hub, TakenOverError, look, write

_POSITION = re.compile(r"[\x21-\x7e]{1,200}")
_SOCKET = "gunicorn.socket"
_RETRY_MS = 1000
_RETRY_ALONE_MS = 3000


class StreamResponse(Response):
    """Carry a feed to the connection that asked for it."""

    def __init__(self, hub: Hub, feed: Feed, position: str) -> None:
        super().__init__(content_type="text/event-stream; charset=utf-8")
        self.headers["Cache-Control"] = "no-store"
        self.headers["X-Accel-Buffering"] = "no"
        self._hub = hub
        self._feed = feed
        self._position = position

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Hand the connection over where the server lets us; this is after all headers are known."""
        connection = environ.get(_SOCKET)
        plain = environ["REQUEST_METHOD"] == "GET" and environ.get("SERVER_PROTOCOL", "").startswith("HTTP/1")
        if connection is None or not plain or isinstance(connection, ssl.SSLSocket) or not self._hub.takes():
            self.set_data(write(look(self._feed, self._position), _RETRY_ALONE_MS))
            return super().__call__(environ, start_response)
        self._hub.take(connection, self._head(), self._feed, self._position)
        raise TakenOverError

    def _head(self) -> bytes:
        headers = [
            (name, value) for name, value in self.headers if name.lower() not in {"content-length", "connection"}
        ]
        lines = ["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in headers), "Connection: close"]
        return ("\r\n".join(lines) + f"\r\n\r\nretry: {_RETRY_MS}\n\n").encode("latin-1")


def stream(hub: Hub, feed: Feed) -> Response:
    """Answer with what happens from the position on that the browser, or else the page, names."""
    asked = request.headers.get("Last-Event-ID") or request.args.get("from", "")
    return StreamResponse(hub, feed, asked if _POSITION.fullmatch(asked) else "")


def address(path: str, feed: Feed, **filters: str) -> str:
    """Give the address from which a page that is made now follows a feed, with what the page is filtered by."""
    chosen = {name: value for name, value in filters.items() if value}
    return f"/ui/live/{path}?{urlencode({**chosen, 'from': look(feed, '').position}, quote_via=quote)}"
