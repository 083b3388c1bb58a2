"""Carry bytes to and from the target, without ever waiting; TLS is a wire around the wire.

The one rule to keep: sockets come from `_socket`, whose type gevent never replaces, because the driver's thread
must not enter gevent's hub.
"""

import _socket
import errno
import os
import ssl

from loadtester.engine.errors import ConnectionFaultError

_PIECE = 65536
_ONGOING = (errno.EINPROGRESS, errno.EWOULDBLOCK)
_KINDS = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.EMFILE: "too many connections",
    errno.ENFILE: "too many connections",
    errno.EADDRNOTAVAIL: "no free port",
}


def fault_of(number: int) -> ConnectionFaultError:
    """Give the fault that an error number of the system stands for."""
    return ConnectionFaultError(_KINDS.get(number, "unreachable"), os.strerror(number))


class Wire:
    """Hold one plain connection; `pending` while there is something to write that the socket did not take."""

    __slots__ = ("_out", "connected", "fd", "sock")

    def __init__(self, family: int, address: tuple[str | int | bytes, ...]) -> None:
        try:
            self.sock = _socket.socket(family, _socket.SOCK_STREAM)
        except OSError as error:
            raise fault_of(error.errno or 0) from error
        self.sock.setblocking(False)  # noqa: FBT003 - the socket's own signature
        self.sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        self.fd = self.sock.fileno()
        self._out = b""
        self.connected = False
        number = self.sock.connect_ex(address)
        if number not in (0, *_ONGOING):
            self.close()
            raise fault_of(number)

    @property
    def pending(self) -> bool:
        """Tell whether the wire waits for the socket to take bytes or to be connected."""
        return not self.connected or bool(self._out)

    def advance(self) -> None:
        """Go on with connecting and writing, as far as the socket allows; raises ConnectionFaultError."""
        if not self.connected:
            number = self.sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
            if number:
                raise fault_of(number)
            self.connected = True
        self._flush()

    def write(self, data: bytes) -> None:
        """Send bytes, or keep them until the socket takes them; raises ConnectionFaultError."""
        if self._out or not self.connected:
            self._out += data
            return
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise fault_of(error.errno or 0) from error
        if sent < len(data):
            self._out = data[sent:]

    def _flush(self) -> None:
        out, self._out = self._out, b""
        if out:
            self.write(out)

    def read(self) -> bytes | None:
        """Give the bytes there are, None when there are none yet, empty at the end; raises ConnectionFaultError."""
        try:
            return self.sock.recv(_PIECE)
        except BlockingIOError:
            return None
        except OSError as error:
            raise fault_of(error.errno or 0) from error

    def close(self) -> None:
        """Close at once."""
        self.sock.close()


class TlsWire:
    """Hold one TLS connection over a plain one, with the same methods."""

    __slots__ = ("_incoming", "_open", "_outgoing", "_plain", "_tls", "_wire", "fd")

    def __init__(self, wire: Wire, context: ssl.SSLContext, host: str) -> None:
        self._wire = wire
        self.fd = wire.fd
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._open = False
        self._plain = b""

    @property
    def connected(self) -> bool:
        """Tell whether bytes can be sent."""
        return self._open

    @property
    def sock(self) -> _socket.socket:
        """Give the socket underneath."""
        return self._wire.sock

    @property
    def pending(self) -> bool:
        """Tell whether the wire waits for the socket to take bytes or to be connected."""
        return self._wire.pending

    def advance(self) -> None:
        """Go on with connecting, shaking hands and writing; raises ConnectionFaultError."""
        self._wire.advance()
        if not self._open:
            self._shake_hands()

    def write(self, data: bytes) -> None:
        """Send bytes, or keep them until hands are shaken; raises ConnectionFaultError."""
        if not self._open:
            self._plain += data
            return
        self._tls.write(data)
        self._wire.write(self._outgoing.read())

    def read(self) -> bytes | None:
        """Give the plain bytes there are, None when there are none yet, empty at the end."""
        data = self._wire.read()
        if not data:
            return data
        self._incoming.write(data)
        if not self._open:
            self._shake_hands()
            if not self._open:
                return None
        return self._decrypt()

    def close(self) -> None:
        """Close at once, without a farewell: the target gets the end of the connection."""
        self._wire.close()

    def _decrypt(self) -> bytes | None:
        pieces: list[bytes] = []
        try:
            while self._incoming.pending or not pieces:
                pieces.append(self._tls.read(_PIECE))
                if not pieces[-1]:
                    break
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            raise ConnectionFaultError("tls", _reason(error)) from error
        if not pieces:
            return None
        rest = self._tls.pending()
        if rest:
            pieces.append(self._tls.read(rest))
        return b"".join(pieces)

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
            self._open = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError as error:
            raise ConnectionFaultError("certificate", error.verify_message or str(error)) from error
        except ssl.SSLError as error:
            raise ConnectionFaultError("tls", _reason(error)) from error
        data = self._outgoing.read()
        if data:
            self._wire.write(data)
        if self._open and self._plain:
            plain, self._plain = self._plain, b""
            self.write(plain)


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()
