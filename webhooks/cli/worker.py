"""Answer calls in threads as gunicorn's gthread worker does, at less cost for callers that ask once.

A canary controller makes a connection for each call. gthread gives a connection that its caller has left to a thread,
which finds nothing to read; we look first.
"""

import socket
from typing import Any

from gunicorn.workers.gthread import ThreadWorker


class HookWorker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """Be a gthread worker that takes no thread to find that a caller has gone."""

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Close a connection that its caller has left, at once."""
        if _is_left(client):
            self.poller.unregister(client)
            self.keepalived_conns.remove(conn)
            self.nr_conns -= 1
            conn.close()
        else:
            super().on_client_socket_readable(conn, client)


def _is_left(client: socket.socket) -> bool:
    try:
        return not client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
