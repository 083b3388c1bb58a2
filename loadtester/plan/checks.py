"""Refuse faults: each check raises PlanError with the field's path, the value and the way out."""

import re
from urllib.parse import urlsplit

from loadtester.errors import PlanError

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")


def require(condition: bool, fault: str) -> None:  # noqa: FBT001 - reads as an assertion
    """Raise the fault unless the condition holds."""
    if not condition:
        raise PlanError(fault)


def require_pattern(pattern: str, path: str) -> int:
    """Give the groups of a regular expression."""
    try:
        return re.compile(pattern).groups
    except re.error as error:
        raise PlanError(f"{path}: {pattern!r} is not a regular expression ({error})") from error


def require_header(key: str, value: str) -> None:
    """Refuse a header that could not be sent."""
    require(bool(_TOKEN.match(key)), f"headers: {key!r} is not a header name")
    require(not set(value) & set("\r\n\0"), f"headers.{key}: {value!r} holds a line break")


def require_url(url: str, path: str) -> None:
    """Refuse what is not an http or https URL."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise PlanError(f"{path}: {url!r} is not a URL ({error})") from error
    require(known, f"{path}: {url!r} is not a URL; say http://host[:port] or https://host[:port]")
    require(not (parts.query or parts.fragment), f"{path}: {url!r} has a query; put it into the path of a request")
    require(parts.username is None, f"{path}: credentials do not belong in a URL; use a header")
