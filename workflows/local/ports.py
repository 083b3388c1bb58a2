"""Find loopback ports and keep them for the platform's whole life.

The rule to keep: a kept port stays bound, so that nobody takes it while Envoy is being restarted; Envoy shares it by
SO_REUSEPORT, and a socket that is bound but does not listen gets no connections.
"""

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from workflows.errors import ConfigurationError
from workflows.local.folder import Addresses

LOOPBACK = "127.0.0.1"


def free() -> int:
    """Find a port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Tell whether a port could be bound now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


@contextmanager
def kept(wanted: Addresses | None, apex_port: int = 0) -> Iterator[Addresses]:
    """Keep three ports: the wanted ones where they are still free, the apex at `apex_port` if that is not 0."""
    with ExitStack() as stack:
        old = [int(part.rpartition(":")[2]) for part in (wanted.apex, wanted.primary, wanted.canary)] if wanted else []
        preferred = [port if is_free(port) else 0 for port in old] or [0, 0, 0]
        apex = _keep(stack, apex_port) if apex_port else _keep(stack, preferred[0])
        yield Addresses(apex, _keep(stack, preferred[1]), _keep(stack, preferred[2]))


def _keep(stack: ExitStack, port: int) -> str:
    keeper = stack.enter_context(socket.socket())
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        keeper.bind((LOOPBACK, port if is_free(port) else _taken(port)))
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigurationError(f"--port {port}: {reason}; choose another port, or 0 for any free one") from error
    return f"{LOOPBACK}:{keeper.getsockname()[1]}"


def _taken(port: int) -> int:
    raise OSError(errno.EADDRINUSE, f"{LOOPBACK}:{port} is in use")
