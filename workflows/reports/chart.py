"""Draw values over time as inline SVG.

The drawings stretch with the page and carry no text; all words stand beside them as HTML, so that they keep their
size on a phone. Coordinates run to 1000 across and 100 down.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from workflows.reports.text import number

WIDTH = 1000.0
HEIGHT = 100.0

Series = Sequence[tuple[float, float | None]]
"""Points of a line: where across, and the value there, None where nothing was measured."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Map values from `low` to `high` onto the height of a drawing, the highest at the top."""

    low: float
    high: float
    unit: str = ""

    def down(self, value: float) -> float:
        """Give the distance from the top; what lies outside is drawn at the edge."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return HEIGHT * (1 - share)

    def ticks(self) -> str:
        """Write the numbers at the bottom, middle and top of the axis."""
        values = (self.low, (self.low + self.high) / 2, self.high)
        return "".join(_tick(self.down(value), number(value, self.unit)) for value in values)


@dataclass(frozen=True, slots=True)
class Panel:
    """Hold one drawing with its words: `keys` explain the lines, `marks` lie over the drawing."""

    title: str
    axis: Axis
    drawing: str
    keys: tuple[tuple[str, str], ...]
    summary: str
    marks: str = ""

    def render(self) -> str:
        """Write the figure."""
        keys = "".join(f'<span class="key {kind}">{escape(words)}</span>' for kind, words in self.keys)
        return (
            f'<figure><figcaption><b>{escape(self.title)}</b>{keys}</figcaption><div class="plot">'
            f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" preserveAspectRatio="none" role="img" '
            f'aria-label="{escape(self.summary)}">{_GRID}{self.drawing}</svg>{self.axis.ticks()}{self.marks}</div></figure>'
        )


_GRID = '<path class="grid" d="M0 0H1000M0 50H1000M0 100H1000"/>'


def line(kind: str, axis: Axis, series: Series) -> str:
    """Draw a line through the values, broken where there are none; a value alone is a dot."""
    strokes = " ".join(_stroke(axis, run) for run in _runs(series))
    return f'<path class="line {kind}" d="{strokes}"/>' if strokes else ""


def level(axis: Axis, value: float) -> str:
    """Draw a limit."""
    return f'<path class="limit" d="M0 {axis.down(value):.1f}H{WIDTH:g}"/>'


def stairs(axis: Axis, steps: Sequence[tuple[float, float]]) -> str:
    """Give the path of values that stay until the next one."""
    path = ""
    for across, value in steps:
        path += f" H{across:.1f} V{axis.down(value):.1f}" if path else f"M{across:.1f} {axis.down(value):.1f}"
    return path


def bars(axis: Axis, series: Series) -> str:
    """Draw a bar up to each value that is not zero."""
    return "".join(
        f'<path class="bar" d="M{across:.1f} {HEIGHT:g}V{axis.down(value):.1f}"/>' for across, value in series if value
    )


def mark(kind: str, across: float, down: float, *, words: tuple[str, str], link: str) -> str:
    """Put a sign over the drawing that leads to its row in the table; `words` are the sign and what it says."""
    sign, title = words
    place = f"left:{across / WIDTH:.2%};top:{down / HEIGHT:.1%}"
    return f'<a class="mark {kind}" style="{place}" href="#{escape(link)}" title="{escape(title)}">{escape(sign)}</a>'


def ceiling(value: float) -> float:
    """Round up to 1, 2 or 5 times a power of ten, so that the numbers on an axis are round."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 5, 10) if power * step >= value)


def _tick(down: float, words: str) -> str:
    return f'<span class="tick" style="top:{down / HEIGHT:.0%}">{escape(words)}</span>'


def _runs(series: Series) -> Iterator[list[tuple[float, float]]]:
    run: list[tuple[float, float]] = []
    for across, value in series:
        if value is not None:
            run.append((across, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _stroke(axis: Axis, run: Iterable[tuple[float, float]]) -> str:
    points = [f"{across:.1f} {axis.down(value):.1f}" for across, value in run]
    return "M" + "L".join(points if len(points) > 1 else points * 2)
