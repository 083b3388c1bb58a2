"""Answer calls in threads as gunicorn's gthread worker does, at less cost for callers that ask once.

A canary controller makes a connection for each call. gthread gives a connection that its caller has left to a thread,
which finds nothing to read; we look first.
"""

import gc
import socket
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from webhooks.live import TakenOverError, is_left


class HookWorker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """Be a gthread worker that takes no thread to find that a caller has gone, nor for a page that is kept live."""

    def run(self) -> None:
        """Serve; what was loaded before is looked through by no garbage collection, which stops all calls for 0.1 s."""
        gc.collect()
        gc.freeze()
        super().run()

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Close a connection that its caller has left, at once."""
        if is_left(client):
            self.poller.unregister(client)
            self.keepalived_conns.remove(conn)
            self.nr_conns -= 1
            conn.close()
        else:
            super().on_client_socket_readable(conn, client)

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Answer a request; a connection that was taken over is left alone, open or not."""
        try:
            return bool(super().handle_request(req, conn))
        except TakenOverError:
            conn.sock, theirs = socket.socketpair()  # gunicorn closes what stands there
            theirs.close()
            return False
