"""Draw a release in place on a terminal; colours come from the console, which honours NO_COLOR.

The one rule to keep: text from elsewhere becomes a `Text` of printable signs, never markup.
"""

from collections import deque
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Self

from rich import box
from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from workflows.reports.snapshot import ArmHealth, ReleaseProgress, Snapshot
from workflows.reports.text import number, printable
from workflows.rollout.state import Outcome

_EVENTS = 8
_WHOLE = 100
_STATES = {"passed": "green", "open": "green", "failed": "red", "closed": "red"}
_OUTCOMES = {Outcome.PROMOTED: "green", Outcome.ROLLED_BACK: "red", Outcome.FAILED: "red"}


class TerminalView:
    """Redraw one panel at every snapshot and event; the last picture stays when the view is closed."""

    def __init__(self, console: Console) -> None:
        self._events: deque[tuple[datetime, str, bool]] = deque(maxlen=_EVENTS)
        self._snapshot: Snapshot | None = None
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")

    def __enter__(self) -> Self:
        """Hide the cursor and begin to draw."""
        with suppress(OSError):
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leave the last picture and give the cursor back."""
        with suppress(OSError):
            self._live.stop()

    def show(self, snapshot: Snapshot) -> None:
        """Draw this moment."""
        self._snapshot = snapshot
        self._draw()

    def event(self, at: datetime, message: str, *, warning: bool = False) -> None:
        """Add one event to the last ones shown."""
        self._events.append((at, printable(message), warning))
        self._draw()

    def _draw(self) -> None:
        parts: list[RenderableType] = [_picture(self._snapshot)] if self._snapshot else []
        with suppress(OSError):
            self._live.update(Group(*parts, _happenings(tuple(self._events))), refresh=True)


def _picture(snapshot: Snapshot) -> RenderableType:
    title = Text.assemble((printable(snapshot.release), "bold"), "  ", snapshot.phase.value)
    seconds = int(snapshot.elapsed.total_seconds())
    body = Group(
        _progress(snapshot.releases),
        Text(),
        _arms(snapshot),
        Text(),
        _checks(snapshot),
        _users(snapshot),
        _hooks(snapshot),
    )
    return Panel(
        body, title=title, subtitle=f"{seconds} s", box=box.ROUNDED, title_align="left", subtitle_align="right"
    )


def _progress(releases: tuple[ReleaseProgress, ...]) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    table.add_column(no_wrap=True, width=11)
    for release in releases:
        colour = _OUTCOMES[release.outcome] if release.outcome else "cyan"
        status = Text(release.outcome.value.replace("_", " ") if release.outcome else "", style=colour)
        bar = ProgressBar(total=1.0, completed=release.share, complete_style=colour, finished_style=colour)
        table.add_row(Text(printable(release.name)), bar, status)
    return table


def _arms(snapshot: Snapshot) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for _ in range(3):
        table.add_column(justify="right", no_wrap=True)
    table.add_row("", "", "weight", "success", "p99", style="dim")
    rows = (
        ("primary", _WHOLE - snapshot.canary_percent, snapshot.primary, "blue"),
        ("canary", snapshot.canary_percent, snapshot.canary, "yellow"),
    )
    for name, weight, health, style in rows:
        table.add_row(
            Text(name, style=f"bold {style}"), Bar(_WHOLE, 0, weight, color=style), f"{weight} %", *_health(health)
        )
    return table


def _health(health: ArmHealth) -> tuple[str, str]:
    return number(health.success_percent, " %", 2), number(health.p99_ms, " ms")


def _checks(snapshot: Snapshot) -> Text:
    style = "red" if snapshot.failed_checks else "green"
    return Text.assemble("failed checks  ", (f"{snapshot.failed_checks} of {snapshot.threshold}", style))


def _users(snapshot: Snapshot) -> Text:
    style = "red" if snapshot.user_failures else "green"
    sent = f"user requests  {number(snapshot.user_requests)}, "
    return Text.assemble(sent, (f"{number(snapshot.user_failures)} failed", style))


def _hooks(snapshot: Snapshot) -> Text:
    text = Text("hooks          ")
    for name, state in snapshot.hooks:
        text.append(f"{printable(name)} ")
        text.append(f"{printable(state)}   ", style=_STATES.get(state, "yellow"))
    return text


def _happenings(events: tuple[tuple[datetime, str, bool], ...]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, min_width=8, style="dim")
    table.add_column(overflow="ellipsis", no_wrap=True)
    for at, message, warning in events:
        table.add_row(f"{at:%H:%M:%S}", Text(message, style="red" if warning else ""))
    return table
