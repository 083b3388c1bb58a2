"""Show a release while it goes on: in place on a terminal, as plain lines anywhere else.

The one rule to keep: a release does not fail for want of an audience, so a stream that is gone is left alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from rich.console import Console

from workflows.reports.snapshot import ArmHealth, Snapshot
from workflows.reports.terminal import TerminalView
from workflows.reports.text import number, printable


class LiveView(Protocol):
    """Show people how a release goes; may be called from several threads, never raises for a lost stream."""

    def show(self, snapshot: Snapshot) -> None:
        """Show this moment."""
        ...

    def event(self, at: datetime, message: str, *, warning: bool = False) -> None:
        """Show one event or decision."""
        ...


class PlainView:
    """Write a line for each event and for each snapshot in which something moved."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: tuple[object, ...] = ()
        self._gone = False

    def show(self, snapshot: Snapshot) -> None:
        """Write one line when the weight, the phase, a hook or the failed checks changed."""
        if snapshot.milestone != self._last:
            self._last = snapshot.milestone
            self._write(snapshot.at, describe(snapshot))

    def event(self, at: datetime, message: str, *, warning: bool = False) -> None:
        """Write one line."""
        self._write(at, f"{'Warning ' if warning else ''}{message}")

    def _write(self, at: datetime, message: str) -> None:
        if self._gone:
            return
        try:
            # Not through the console, which would end the process when the reader of a pipe has gone.
            print(f"{at:%H:%M:%S} {self._encodable(message)}", file=self._console.file, flush=True)
        except (OSError, ValueError):
            self._gone = True

    def _encodable(self, message: str) -> str:
        encoding = self._console.encoding
        return printable(message).encode(encoding, "replace").decode(encoding)


@contextmanager
def open_view(console: Console | None = None) -> Iterator[LiveView]:
    """Choose the view that fits the console and close it at the end of the block."""
    console = console or Console()
    if console.is_terminal and not console.is_dumb_terminal and console.encoding.startswith("utf"):
        with TerminalView(console) as view:
            yield view
    else:
        yield PlainView(console)


def describe(snapshot: Snapshot) -> str:
    """Say a snapshot in one line."""
    parts = [
        f"{snapshot.release}: {snapshot.phase.value}, canary weight {snapshot.canary_percent}%",
        f"primary {_health(snapshot.primary)}",
        f"canary {_health(snapshot.canary)}",
        f"failed checks {snapshot.failed_checks}/{snapshot.threshold}",
        *(f"{name} {state}" for name, state in snapshot.hooks),
        f"users {snapshot.user_requests} requests, {snapshot.user_failures} failed",
    ]
    return "; ".join(parts)


def _health(health: ArmHealth) -> str:
    if health.success_percent is None:
        return "no data"
    return f"{number(health.success_percent, '%', 2)} p99 {number(health.p99_ms, 'ms')}"
