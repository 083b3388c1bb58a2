"""Carry questions to a server over HTTP: directly, within a deadline, up to a size, never following a redirect.

The rule to keep: what goes wrong on the way is a gap (timed out, unreachable, refused), never a library's exception.
"""

import json
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3

from workflows.errors import ConfigurationError
from workflows.metrics import answers
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.endpoint import Endpoint
from workflows.rollout.samples import Gap

TIMEOUT_S = 5.0
"""How long a query may take (Flagger: 5 s)."""

_MOST_ANSWER = 4 << 20
_PIECE = 1 << 16
_NONE: Mapping[str, str] = MappingProxyType({})
Fields = Mapping[str, str] | Sequence[tuple[str, str]]
"""The query of a URL."""

_LATE = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GATEWAY_TIMEOUT})
_STRANGERS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


@dataclass(frozen=True, slots=True)
class Answer:
    """Carry what a server answered, and what it was asked."""

    status: int
    body: bytes
    url: str


class Connection:
    """Ask one server; `headers` go with every question."""

    def __init__(self, endpoint: Endpoint, headers: Mapping[str, str] = _NONE, *, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(endpoint.address)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ConfigurationError(
                f"{endpoint.provider}: {endpoint.address!r} is not an address; write for example http://127.0.0.1:9090"
            )
        self._url = endpoint.address.rstrip("/")
        self._headers = {**headers, **endpoint.headers}
        self._timeout_s = timeout_s
        self._pool = urllib3.PoolManager(
            retries=False, ssl_context=_trust(endpoint) if parts.scheme == "https" else None
        )

    def get(self, path: str, fields: Fields = _NONE) -> Answer:
        """Ask with GET; `fields` are the URL's query."""
        return self._send("GET", path, fields)

    def post(self, path: str, body: object, fields: Fields = _NONE) -> Answer:
        """Ask with POST; a text is sent as it stands, anything else as JSON."""
        text = body if isinstance(body, str) else json.dumps(body)
        kind = "text/plain" if isinstance(body, str) else "application/json"
        return self._send("POST", path, fields, (text.encode(), kind))

    def _send(self, method: str, path: str, fields: Fields, content: tuple[bytes, str] = (b"", "")) -> Answer:
        url = self._url + path
        query = f"?{urlencode(fields)}" if fields else ""
        deadline = time.monotonic() + self._timeout_s
        with self._gaps(url):
            response = self._pool.request(
                method,
                url + query,
                body=content[0] or None,
                headers={**({"content-type": content[1]} if content[1] else {}), **self._headers},
                timeout=urllib3.Timeout(total=self._timeout_s),
                redirect=False,
                preload_content=False,
            )
            try:
                return Answer(response.status, self._read(response, deadline, url), url)
            finally:
                response.close()

    def _read(self, response: Any, deadline: float, url: str) -> bytes:
        body = b""
        # The time-out of a socket is for each piece; an answer that drips has to end, too.
        while chunk := response.read1(_PIECE, decode_content=True):
            body += chunk
            if len(body) > _MOST_ANSWER:
                raise NoAnswerError(Gap.REFUSED, f"{url}: the answer is larger than {_MOST_ANSWER} bytes")
            if time.monotonic() > deadline:
                raise TimeoutError
        return body

    @contextmanager
    def _gaps(self, url: str) -> Iterator[None]:
        try:
            yield
        except urllib3.exceptions.NewConnectionError as error:  # a time-out by its family, a refusal in fact
            raise NoAnswerError(Gap.UNREACHABLE, f"{url}: {error}") from error
        except (TimeoutError, urllib3.exceptions.TimeoutError) as error:
            raise NoAnswerError(Gap.TIMED_OUT, f"{url}: no answer within {self._timeout_s:g} s") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NoAnswerError(Gap.UNREACHABLE, f"{url}: {error}") from error
        except ValueError as error:
            # The library's words would show the header, and with it a token that was pasted with a line's end.
            raise NoAnswerError(Gap.REFUSED, f"{url}: a header has a character that none may have") from error


def accept(answer: Answer) -> bytes:
    """Give the body of an answer that went well; raises NoAnswerError for any other status."""
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return answer.body
    said = f"{answer.url} answered {answer.status}: {answers.show(answer.body)}"
    if answer.status in _LATE:
        raise NoAnswerError(Gap.TIMED_OUT, said)
    if answer.status in _STRANGERS:
        raise NoAnswerError(Gap.REFUSED, f"{said} (look at the credentials in the template's Secret)")
    raise NoAnswerError(Gap.UNREACHABLE if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else Gap.REFUSED, said)


def log_in(endpoint: Endpoint) -> dict[str, str]:
    """Give the header that says who asks: a bearer `token`, or `username` and `password`, as the Secret has them."""
    if endpoint.secrets.get("token"):
        return {"authorization": f"Bearer {endpoint.secrets['token']}"}
    if endpoint.secrets.get("username"):
        pair = f"{endpoint.secrets['username']}:{endpoint.secret('password')}"
        return {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}
    return {}


def _trust(endpoint: Endpoint) -> ssl.SSLContext:
    if not endpoint.verify_tls:
        # Whoever wrote insecureSkipVerify has been told; a line at each query would hide others.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        return ssl._create_unverified_context()  # noqa: S323, SLF001 - Flagger: insecureSkipVerify turns it off
    try:
        return ssl.create_default_context(cadata=endpoint.secrets.get("ca.crt"))
    except ssl.SSLError as error:
        raise ConfigurationError(f"{endpoint.provider}: ca.crt in its Secret is no certificate in PEM") from error
