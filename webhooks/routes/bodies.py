"""Read what a caller sent and write text as answers."""

from flask import Response, g, request

from webhooks.protocol import HookPayload, PayloadError, parse_payload

ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""The methods of endpoints that do not look at the method, as Flagger's loadtester does not."""


def read_payload() -> HookPayload:
    """Read the payload of the request at hand, once for all who ask; raises PayloadError."""
    known: HookPayload | None = g.get("payload")
    if known is None:
        known = g.payload = _parse()
    return known


def _parse() -> HookPayload:
    try:
        payload = parse_payload(request.get_data())
        texts = [payload.name, payload.namespace, payload.phase, payload.checksum]
        "".join([*texts, *payload.metadata.keys(), *payload.metadata.values()]).encode()
    except UnicodeEncodeError as error:
        raise PayloadError("body: has half of a surrogate pair; send whole characters") from error
    except RecursionError as error:
        raise PayloadError("body: nested too deeply; send an object of strings") from error
    return payload


def text(status: int, body: str = "") -> Response:
    """Write a text answer; an empty one has no type (loadtester)."""
    response = Response(body, status, content_type="text/plain; charset=utf-8")
    if not body:
        del response.headers["Content-Type"]
    return response
