"""Show people at a terminal how far a long command has come; in a pipe or a log nothing is shown.

Bars are drawn on stderr and vanish at the end; colours come from rich, which honours NO_COLOR.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, TypeVar

Thing = TypeVar("Thing")


def track(things: Iterable[Thing], total: int, label: str) -> Iterator[Thing]:
    """Give the things one by one while a bar shows how many of them are done."""
    if not sys.stderr.isatty():
        yield from things
        return
    with _open_bar() as bar:
        task = bar.add_task(label, total=total)
        for thing in things:
            yield thing
            bar.advance(task)


def _open_bar() -> Any:
    # Loaded at a terminal alone: it takes a while.
    console = import_module("rich.console").Console(stderr=True)
    progress = import_module("rich.progress")
    columns = (*progress.Progress.get_default_columns(), progress.TimeElapsedColumn())
    return progress.Progress(*columns, console=console, transient=True)


@contextmanager
def waiting(label: str) -> Iterator[Callable[[str], None]]:
    """Show that something goes on, and what; the function that is given tells it anew.

    A terminal that is gone is no reason to stop what goes on.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    console = import_module("rich.console").Console(stderr=True)
    text = import_module("rich.text").Text
    status = console.status(text(label))

    def tell(told: str) -> None:
        with suppress(OSError, ValueError):
            status.update(text(f"{label}: {told}"))

    with suppress(OSError, ValueError):
        status.start()
    try:
        yield tell
    finally:
        with suppress(OSError, ValueError):
            status.stop()
