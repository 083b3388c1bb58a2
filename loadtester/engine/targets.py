"""Know where the target is: its addresses, and how a connection to it is made."""

import _socket
import ssl
from urllib.parse import urlsplit

from loadtester.engine.errors import ConnectionFaultError
from loadtester.engine.wire import TlsWire, Wire
from loadtester.errors import EngineError
from loadtester.plan import HttpOptions

_Address = tuple[int, tuple[str | int | bytes, ...]]

_PROBE_S = 1.0
_TLS_PORT = 443
_PLAIN_PORT = 80


class Target:
    """Make connections to one target; `locate` finds its address first, which may wait for a name server."""

    def __init__(self, url: str, http: HttpOptions) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.authority = parts.netloc
        self.base_path = parts.path.rstrip("/")
        self._tls = _context(http) if parts.scheme == "https" else None
        self._port = parts.port or (_TLS_PORT if self._tls else _PLAIN_PORT)
        self._address: _Address | None = None
        self._fault = "not located yet"

    def locate(self) -> None:
        """Find the address; of several the first that accepts a connection, so that `localhost` is the right one."""
        try:
            found = _socket.getaddrinfo(self.host, self._port, 0, _socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            self._fault = f"{self.host}: {error}"
            return
        addresses: list[_Address] = [(family, address) for family, _, _, _, address in found]
        accepting = (item for item in addresses if len(addresses) > 1 and _accepts(*item))
        self._address = next(accepting, addresses[0])

    def locate_once(self) -> None:
        """Find the address unless it is known already."""
        if self._address is None:
            self.locate()

    def connect(self) -> Wire | TlsWire:
        """Begin a connection; raises ConnectionFaultError."""
        if self._address is None:
            raise ConnectionFaultError("name not resolved", self._fault)
        wire = Wire(*self._address)
        return wire if self._tls is None else TlsWire(wire, self._tls, self.host)


def _accepts(family: int, address: tuple[str | int | bytes, ...]) -> bool:
    probe = _socket.socket(family, _socket.SOCK_STREAM)
    try:
        probe.settimeout(_PROBE_S)
        probe.connect(address)
    except OSError:
        return False
    else:
        return True
    finally:
        probe.close()


def _context(http: HttpOptions) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=http.ca_file or None)
    except OSError as error:
        raise EngineError(f"tls.ca_file: {http.ca_file} holds no certificates ({error})") from error
    if not http.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
