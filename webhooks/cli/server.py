"""Serve the app with gunicorn on a socket that is open already, so that no caller is refused while it starts again."""

import os
import signal
from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from webhooks.runs.families import die_with_parent
from webhooks.settings import Settings

GRACE_S = 30
"""How long answers that are under way may take when the service stops."""


_MARGIN_S = 5


class Server(BaseApplication):  # type: ignore[misc] # gunicorn has no types
    """Run gunicorn's master here and the app in its workers."""

    def __init__(self, settings: Settings, descriptor: int, create: Callable[[Settings], Flask]) -> None:
        self._settings = settings
        self._descriptor = descriptor
        self._create = create
        super().__init__()

    def load_config(self) -> None:
        """Set what gunicorn is to do."""
        options: dict[str, Any] = {
            "bind": f"fd://{self._descriptor}",
            "workers": self._settings.workers,
            "worker_class": "webhooks.cli.worker.HookWorker",
            "threads": self._settings.threads,
            "graceful_timeout": GRACE_S,
            "control_socket_disable": True,
            "loglevel": "warning",
            "proc_name": "penstock",
            "post_fork": _end_with_master,
            "post_worker_init": _answer_before_the_end,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Make the app, once in each worker: a store's connection must not cross a fork."""
        return self._create(self._settings)


def _end_with_master(server: Any, _worker: Any) -> None:
    die_with_parent(server.pid, signal.SIGKILL)


def _answer_before_the_end(worker: Any) -> None:
    from webhooks.app import LIVE, SERVICE  # noqa: PLC0415 - gunicorn's master has no use for the app and its memory

    service = worker.wsgi.extensions[SERVICE]
    worker.wsgi.extensions[LIVE].start()

    def stop(number: int, frame: Any) -> None:
        service.runs.stop_waiting(GRACE_S - _MARGIN_S)
        worker.handle_exit(number, frame)

    signal.signal(signal.SIGTERM, stop)


def serve(settings: Settings, descriptor: int, create: Callable[[Settings], Flask]) -> int:
    """Serve until SIGTERM."""
    # gunicorn closes the descriptor it is given; a copy keeps ours for its next start.
    Server(settings, os.dup(descriptor), create).run()
    return 0
