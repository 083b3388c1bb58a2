"""Serve the plugin over HTTP in this process, its runs in memory."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from werkzeug.serving import make_server

from tests.plugin.agent import TOKEN
from webhooks.app import compose
from webhooks.catalog import CatalogFile
from webhooks.hooks import HookService
from webhooks.runs import RunService
from webhooks.settings import Settings
from webhooks.store.memory import MemoryStore
from workflows.plugin.routes import add_plugin
from workflows.plugin.settings import PluginSettings


@contextmanager
def served(folder: Path, *options: str) -> Iterator[tuple[str, HookService]]:
    """Give the address of a plugin, and its service."""
    settings, store = Settings(data_dir=folder), MemoryStore()
    service = HookService(store, CatalogFile(None), RunService(store.runs, None, time.time, 4), settings)
    app = compose(service, settings, [partial(add_plugin, settings=PluginSettings(TOKEN, options))])
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", service
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
