"""Draw lines and bars as inline SVG: no scripts, no styles from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 720, 180, 56, 22
_PLOT_WIDTH, _PLOT_HEIGHT = _WIDTH - _LEFT - 8, _HEIGHT - _BOTTOM - 8


@dataclass(frozen=True, slots=True)
class Series:
    """Hold one line: its name, colour and a value for each moment, None where there is none."""

    name: str
    colour: str
    values: tuple[float | None, ...]


def line_chart(title: str, unit: str, times_s: Sequence[float], series: Sequence[Series]) -> str:
    """Draw some lines over time."""
    top = max((value for item in series for value in item.values if value is not None), default=0.0) or 1.0
    end_s = max(times_s, default=0.0) or 1.0
    lines = "".join(_polyline(item, times_s, top, end_s) for item in series)
    legend = "".join(_legend(item, index) for index, item in enumerate(series))
    return _frame(title, lines + legend + _axes(f"{top:.4g} {unit}", f"{end_s:.0f} s"))


def bar_chart(title: str, labels: tuple[str, str], counts: Sequence[int]) -> str:
    """Draw a histogram whose first and last bar bear labels."""
    top = max(counts, default=0) or 1
    width = _PLOT_WIDTH / max(len(counts), 1)
    bars = "".join(
        f'<rect x="{_LEFT + index * width:.1f}" y="{8 + _PLOT_HEIGHT * (1 - count / top):.1f}" '
        f'width="{max(width - 1, 0.5):.1f}" height="{_PLOT_HEIGHT * count / top:.1f}" fill="#3b6ea5"/>'
        for index, count in enumerate(counts)
    )
    return _frame(title, bars + _axes(str(top), labels[1], labels[0]))


def _polyline(series: Series, times_s: Sequence[float], top: float, end_s: float) -> str:
    points = " ".join(
        f"{_LEFT + _PLOT_WIDTH * at / end_s:.1f},{8 + _PLOT_HEIGHT * (1 - value / top):.1f}"
        for at, value in zip(times_s, series.values, strict=True)
        if value is not None
    )
    return f'<polyline points="{points}" fill="none" stroke="{series.colour}" stroke-width="1.5"/>'


def _legend(series: Series, index: int) -> str:
    x = _LEFT + 8 + index * 90
    return f'<text x="{x}" y="20" fill="{series.colour}" font-size="11">{escape(series.name)}</text>'


def _axes(top: str, end: str, start: str = "0") -> str:
    bottom = 8 + _PLOT_HEIGHT
    return (
        f'<path d="M{_LEFT} 8V{bottom}H{_WIDTH - 8}" fill="none" stroke="#888"/>'
        f'<text x="{_LEFT - 4}" y="16" font-size="10" text-anchor="end">{escape(top)}</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 6}" font-size="10">{escape(start)}</text>'
        f'<text x="{_WIDTH - 8}" y="{_HEIGHT - 6}" font-size="10" text-anchor="end">{escape(end)}</text>'
    )


def _frame(title: str, content: str) -> str:
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title)}" font-family="sans-serif">{content}</svg></figure>'
    )
