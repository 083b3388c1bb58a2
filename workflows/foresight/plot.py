"""Draw a forecast as an SVG that stands alone: for each kind of canary, the share stopped so far over time."""

from collections.abc import Iterator, Sequence
from html import escape

from workflows.foresight.forecast import Row

_WIDTH, _HEIGHT, _LEFT, _TOP, _FOOT, _LEGEND = 640, 220, 48, 28, 34, 200
_COLOURS = ("#2a7f62", "#d98e04", "#c2410c", "#9f1239", "#4f46e5")
_STEPS = 60
_STYLE = "text{font:12px system-ui,sans-serif;fill:#333}.axis{stroke:#999;fill:none}.line{fill:none;stroke-width:2}"


def draw(rows: Sequence[Row]) -> str:
    """Draw one panel for each judge, one below the other."""
    judges = list(dict.fromkeys(row.judge for row in rows))
    longest = max(row.slow_s for row in rows) or 1.0
    panels = "".join(
        _draw_panel(judge, [row for row in rows if row.judge == judge], longest, number)
        for number, judge in enumerate(judges)
    )
    size = f'width="{_WIDTH + _LEGEND}" height="{_HEIGHT * len(judges)}"'
    box = f'viewBox="0 0 {_WIDTH + _LEGEND} {_HEIGHT * len(judges)}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box}><style>{_STYLE}</style>{panels}</svg>\n'


def _draw_panel(judge: str, rows: Sequence[Row], longest: float, number: int) -> str:
    lines = "".join(_draw_line(row, longest, colour) for row, colour in zip(rows, _COLOURS, strict=False))
    return f'<g transform="translate(0 {number * _HEIGHT})">{"".join(_draw_frame(judge, longest))}{lines}' + (
        "".join(_draw_legend(rows)) + "</g>"
    )


def _draw_frame(judge: str, longest: float) -> Iterator[str]:
    yield f'<text x="{_LEFT}" y="16">{escape(judge)}: share of releases stopped so far</text>'
    yield f'<path class="axis" d="M{_LEFT} {_TOP}V{_HEIGHT - _FOOT}H{_WIDTH - 10}"/>'
    for percent in (0, 50, 100):
        yield f'<text x="{_LEFT - 6}" y="{_down(percent / 100) + 4:.1f}" text-anchor="end">{percent} %</text>'
    for part in (0, 0.5, 1):
        minutes = part * longest / 60
        yield f'<text x="{_across(part):.1f}" y="{_HEIGHT - 14}" text-anchor="middle">{minutes:.1f} min</text>'


def _draw_line(row: Row, longest: float, colour: str) -> str:
    points = (step / _STEPS for step in range(_STEPS + 1))
    path = "L".join(f"{_across(part):.1f} {_down(row.stopped_by(part * longest)):.1f}" for part in points)
    return f'<path class="line" stroke="{colour}" d="M{path}"/>'


def _draw_legend(rows: Sequence[Row]) -> Iterator[str]:
    for number, (row, colour) in enumerate(zip(rows, _COLOURS, strict=False)):
        down = _TOP + 18 * number
        yield f'<path class="line" stroke="{colour}" d="M{_WIDTH} {down}h18"/>'
        yield f'<text x="{_WIDTH + 24}" y="{down + 4}">{escape(row.kind.name)}</text>'


def _across(part: float) -> float:
    return _LEFT + part * (_WIDTH - 10 - _LEFT)


def _down(share: float) -> float:
    return _TOP + (1 - share) * (_HEIGHT - _FOOT - _TOP)
