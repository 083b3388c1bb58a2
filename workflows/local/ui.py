"""Let people watch the demo in a browser and take part: approve or halt at the gate, roll back."""

import os
import sys
import threading
import webbrowser
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from webhooks.protocol import HookType
from workflows.clocks import SystemClock
from workflows.local.story import Scene
from workflows.reports.live import LiveView
from workflows.reports.release_service import ReleaseService
from workflows.reports.reporter import Reporter
from workflows.rollout.plan import Hook, RolloutPlan

PAGES = "/ui/releases"
"""Where the service shows releases."""

PATIENCE = timedelta(seconds=30)
"""How long a person may take to decide at the gate before the demo approves in their place."""

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
_ROLLBACK = Hook("rollback-gate", "http://penstock.weather/hooks/rollback", HookType.ROLLBACK)
_LOOK_S = 1.0


def with_rollback(plan: RolloutPlan) -> RolloutPlan:
    """Have the release ask at every check whether somebody wants it rolled back."""
    return replace(plan, analysis=replace(plan.analysis, hooks=(*plan.analysis.hooks, _ROLLBACK)))


def make_reporter(url: str, plan: RolloutPlan, view: LiveView, scene: Scene) -> Reporter | None:
    """Give who shows a release on the pages at a URL, None where there is none."""
    if not url:
        return None

    def warn(message: str) -> None:
        view.event(SystemClock().now(), message, warning=True)

    return Reporter(ReleaseService(url, os.environ.get("PENSTOCK_TOKEN", "")), plan, warn, scene.name)


def open_browser(url: str) -> bool:
    """Open a browser where there is a person before a screen, and tell whether one was found."""
    screen = sys.platform == "darwin" or any(os.environ.get(name) for name in _DISPLAYS)
    if not (screen and sys.stdout.isatty()):
        return False
    with suppress(webbrowser.Error, OSError):
        return webbrowser.open(url)
    return False


def stay(url: str) -> None:
    """Leave the pages up until Ctrl+C."""
    over = threading.Event()
    with suppress(KeyboardInterrupt):
        sys.stdout.write(f"\nthe pages stay at {url}{PAGES} until Ctrl+C\n")
        sys.stdout.flush()
        while not over.wait(_LOOK_S):
            pass
