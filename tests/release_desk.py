"""A webhook service in this process, over a store in memory, and a network before it that a test may break."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

from tests.webhooks.bench import AD, Bench
from webhooks.app import compose
from webhooks.settings import Settings
from webhooks.store.releases import Release, ReleaseQuery, Report

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class ReleaseDesk:
    """Serve releases; `refuses` are answers to give in place of the service's own, `loses` answers never given."""

    bench: Bench
    settings: Settings = field(default_factory=Settings)
    refuses: list[Response] = field(default_factory=list)
    loses: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self.app = compose(self.bench.service, self.settings)
        self.inner: Wsgi = self.app.wsgi_app
        self.app.wsgi_app = self._answer  # type: ignore[assignment] # Flask's own way

    def _answer(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        self.asked.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if self.refuses:
            return self.refuses.pop(0)(environ, start)
        answer = self.inner(environ, start)
        if self.loses and environ["REQUEST_METHOD"] == "POST":
            self.loses -= 1
            raise ConnectionResetError
        return answer

    @property
    def releases(self) -> tuple[Release, ...]:
        return self.bench.service.releases.page(ReleaseQuery())

    @property
    def reports(self) -> tuple[Report, ...]:
        return self.bench.store.reports.select(AD, self.releases[0].id, limit=10_000)


@contextmanager
def open_desk(folder: Path) -> Iterator[ReleaseDesk]:
    """Serve until the end of the block."""
    desk = ReleaseDesk(Bench(folder))
    server = make_server("127.0.0.1", 0, desk.app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True
    desk.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield desk
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
