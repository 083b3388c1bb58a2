"""Read what a caller of the HTTP API asks for; what is wrong is a PayloadError that names the parameter."""

import base64
import json
import re
from collections.abc import Mapping
from typing import NoReturn

from flask import Response, g, request

from webhooks.protocol import PayloadError
from webhooks.routes.api.operations import JSON
from webhooks.routes.api.schemas import LONGEST_TEXT, MOST_ON_A_PAGE, NAME
from webhooks.routes.faults import Refusal
from webhooks.store.records import CanaryName

_LINE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")
_DEFAULT_LIMIT = 50


def read_number(name: str, default: int, low: int, high: int) -> int:
    """Read a whole number of the query."""
    text = request.args.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,12}", text) or not low <= int(text) <= high:
        raise PayloadError(f"{name}: {text[:80]!r} is not a whole number within {low} to {high}")
    return int(text)


def read_limit() -> int:
    """Read how many things the page may have."""
    return read_number("limit", _DEFAULT_LIMIT, 1, MOST_ON_A_PAGE)


def read_cursor() -> list[object] | None:
    """Read the cursor of the query: what `write_cursor` was given."""
    text = request.args.get("cursor")
    if text is None:
        return None
    try:
        parts = json.loads(base64.b64decode(text.encode(), altchars=b"-_", validate=True))
    except (ValueError, RecursionError) as error:
        raise bad_cursor() from error
    if not isinstance(parts, list):
        raise bad_cursor()
    return parts


def bad_cursor() -> PayloadError:
    """Give the fault of a cursor that is none of ours."""
    return PayloadError("cursor: not one of ours; take `next` of the page before as it is")


def write_cursor(*parts: object) -> str:
    """Write where the next page begins."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def read_canary() -> CanaryName | None:
    """Read NAME.NAMESPACE from the query."""
    text = request.args.get("canary")
    if text is None:
        return None
    name, _, namespace = text.rpartition(".")
    if not (re.fullmatch(NAME, name) and re.fullmatch(NAME, namespace)):
        raise PayloadError(f"canary: {text[:80]!r} is not NAME.NAMESPACE, such as ad.weather")
    return CanaryName(namespace, name)


def read_body(allowed: frozenset[str]) -> Mapping[str, str]:
    """Read a body of one-line texts; an empty one says nothing. Who is known by a token is named by that."""
    try:
        document = json.loads(request.get_data() or b"{}")
    except (ValueError, RecursionError) as error:
        raise PayloadError("body: not a JSON object; send who and why, or nothing") from error
    if not isinstance(document, dict):
        raise PayloadError("body: not a JSON object; send who and why, or nothing")
    for key, value in document.items():
        if key not in allowed:
            raise PayloadError(f"body: unknown field {key[:80]!r}; known: {', '.join(sorted(allowed))}")
        require_line(key, value)
    caller = getattr(g, "caller", "")
    return document | ({"who": caller} if caller else {})


def require_line(key: str, value: object) -> None:
    """Refuse what is not one line of text."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not _LINE.fullmatch(value):
        raise PayloadError(f"{key}: not one line of at most {LONGEST_TEXT} characters")


def require(pattern: str, name: str, value: str) -> None:
    """Answer 404 for a name that nothing can have."""
    if not re.fullmatch(pattern, value):
        refuse(404, f"{name}: {value[:80]!r} names nothing")


def refuse(status: int, detail: str) -> NoReturn:
    """Answer with a problem document."""
    raise Refusal(status, detail)


def write(document: object) -> Response:
    """Answer with JSON."""
    return Response(json.dumps(document), content_type=JSON)
