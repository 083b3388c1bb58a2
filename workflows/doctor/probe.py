"""Look whether somebody answers at an address, by a GET that triggers nothing; a hook is never called."""

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from workflows.errors import ConfigurationError, UnavailableError

TIMEOUT_S = 5.0
_MOST_BODY = 1000


@dataclass(frozen=True, slots=True)
class Reply:
    """Carry an answer: its status and the beginning of its body."""

    status: int
    body: str


def ask(url: str, path: str, resolve: Mapping[str, str], *, verify_tls: bool = True) -> Reply:
    """Ask a path of the server that a URL names; raises UnavailableError where nobody answers."""
    parts = _split(url)
    connection = _connect(parts, resolve, verify_tls=verify_tls)
    try:
        connection.request("GET", path, headers={"host": parts.netloc.rpartition("@")[2]})
        response = connection.getresponse()
        return Reply(response.status, response.read(_MOST_BODY).decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        raise UnavailableError(f"{show_origin(url)} does not answer ({str(error) or type(error).__name__})") from error
    finally:
        connection.close()


def show_origin(url: str) -> str:
    """Give scheme, host and port of a URL, without whoever it names as its user."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(f"{url!r} is not an http or https URL with a host")
    return parts


def _connect(parts: SplitResult, resolve: Mapping[str, str], *, verify_tls: bool) -> http.client.HTTPConnection:
    secure = parts.scheme == "https"
    place = f"{parts.hostname}:{parts.port or (443 if secure else 80)}"
    host, _, port = resolve.get(place, place).rpartition(":")
    if not secure:
        return http.client.HTTPConnection(host, int(port), timeout=TIMEOUT_S)
    trust = ssl.create_default_context()
    if not verify_tls:
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(host, int(port), timeout=TIMEOUT_S, context=trust)
