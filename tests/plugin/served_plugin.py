"""Serve the plugin over HTTP in this process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from werkzeug.serving import make_server

from tests.plugin.agent import TOKEN
from webhooks.app import SERVICE
from webhooks.hooks import HookService
from webhooks.settings import Settings
from workflows import serving


@contextmanager
def served(folder: Path, *options: str) -> Iterator[tuple[str, HookService]]:
    """Give the address of a plugin that keeps its runs in a folder, and its service."""
    app = serving.create(Settings(data_dir=folder), plugin=serving.Plugin(TOKEN, options))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    service: HookService = app.extensions[SERVICE]
    try:
        yield f"http://127.0.0.1:{server.server_port}", service
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
        service.store.close()
