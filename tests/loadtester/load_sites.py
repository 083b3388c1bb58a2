"""Servers on loopback for the tests of this room."""

import socket
import ssl
import threading
import time
from collections.abc import Callable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Site:
    """Answer each request on loopback with what `answer` says; `answer` gets the request and returns bytes or None."""

    def __init__(
        self,
        answer: Callable[[bytes], bytes | None],
        *,
        closes: bool = False,
        host: str = "127.0.0.1",
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._answer = answer
        self._closes = closes
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._context = context
        self._listener = socket.create_server((host, 0), family=family, backlog=512)
        scheme = "http" if context is None else "https"
        name = f"[{host}]" if ":" in host else host
        self.url = f"{scheme}://{name}:{self._listener.getsockname()[1]}"
        self.requests: list[bytes] = []
        self._closed = False
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            buffer = b""
            while data := connection.recv(65536):
                buffer += data
                while b"\r\n\r\n" in buffer:
                    head, _, rest = buffer.partition(b"\r\n\r\n")
                    if len(rest) < _length(head):
                        break
                    buffer = rest[_length(head) :]
                    self.requests.append(head)
                    answer = self._answer(head)
                    if answer is not None:
                        connection.sendall(answer)
                    if self._closes:
                        return
        except OSError:
            pass
        finally:
            connection.close()

    def close(self) -> None:
        """Refuse from now on; twice is once."""
        if self._closed:
            return
        self._closed = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._sockets:
            connection.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


OpenSite = Callable[..., Site]
"""Open a site that answers as told, with the same bytes each time or by a function of the request."""


def eventually(condition: Callable[[], bool], deadline_s: float = 10.0) -> bool:
    """Wait until a condition holds."""
    until = time.monotonic() + deadline_s
    pause = threading.Event()
    while time.monotonic() < until:
        if condition():
            return True
        pause.wait(0.02)
    return False
