"""Write a SlimHttpUser's request from the options that FastHttpSession knows."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

_SAFE = "/:?#[]@!$&'()*+,;=%~-._"


@dataclass(frozen=True, slots=True)
class Payload:
    """Hold what a request carries besides its method and path."""

    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""

    def render(self, method: str, path: str, host: str, usual: Mapping[str, str], cookies: Mapping[str, str]) -> bytes:
        """Write the request."""
        fields = {"host": ("Host", host)}
        for key, value in (*usual.items(), *self.headers.items()):
            fields[key.lower()] = (key, value)
        if self.body or method in ("POST", "PUT", "PATCH"):
            fields["content-length"] = ("Content-Length", str(len(self.body)))
        if cookies:
            fields["cookie"] = ("Cookie", "; ".join(f"{key}={value}" for key, value in cookies.items()))
        mark = "&" if "?" in path else "?"
        place = quote(path + (mark + self.query if self.query else ""), safe=_SAFE)
        lines = "".join(f"{key}: {_one_line(value)}\r\n" for key, value in fields.values())
        return f"{method} {place} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + self.body


def _one_line(value: str) -> str:
    return str(value).replace("\r", "").replace("\n", "")


def read_options(options: dict[str, Any]) -> Payload:
    """Read data, json, headers, auth and params; raises TypeError for another option."""
    rest = dict(options)
    headers = {str(key): str(value) for key, value in (rest.pop("headers", None) or {}).items()}
    auth = rest.pop("auth", None)
    if auth:
        pair = ":".join(item.decode() if isinstance(item, bytes) else item for item in auth)
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode("latin-1")).decode()
    params = rest.pop("params", None)
    body = _body(rest.pop("data", None), rest.pop("json", None), headers)
    rest.pop("stream", None)
    if rest:
        raise TypeError(f"unknown request option {next(iter(rest))!r}; known: name, data, json, headers, auth, params")
    return Payload(body, headers, urlencode(params, doseq=True) if params else "")


def _body(data: Any, document: Any, headers: dict[str, str]) -> bytes:
    known = {key.lower() for key in headers}
    if not data and document is not None:
        for key in ("Content-Type", "Accept"):
            if key.lower() not in known:
                headers[key] = "application/json"
        return json.dumps(document).encode()
    if isinstance(data, Mapping):
        if "content-type" not in known:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return urlencode(data, doseq=True).encode()
    return data if isinstance(data, bytes) else str(data or "").encode()
