"""Draw one release over time: weight, success rate, p99 and failed user requests, all on one scale of seconds."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from workflows.reports import chart
from workflows.reports.chart import WIDTH, Axis, Panel, Series
from workflows.reports.release import DecisionRecord, ReleaseReport, TimelinePoint
from workflows.reports.text import number, printable
from workflows.rollout.state import Verdict

SIGNS = {Verdict.PASSED: "\N{CHECK MARK}", Verdict.FAILED: "\N{MULTIPLICATION X}", Verdict.INCONCLUSIVE: "?"}
"""A verdict is told by a sign too, not by colour alone."""

_ARMS = (("primary", "primary"), ("canary", "canary"))
_WHOLE = 100.0
_FAR = 4.0
_TIMES = 6


@dataclass(frozen=True, slots=True)
class Timeline:
    """Draw the panels of a release; `anchor` begins the ids of its decisions in the table."""

    release: ReleaseReport
    anchor: str

    def render(self) -> str:
        """Write the figures, or say that there is nothing to draw."""
        if not self.release.timeline:
            return '<p class="note">No timeline was recorded.</p>'
        panels = (self._weight(), self._success(), self._latency(), self._failures())
        return "".join(panel.render() for panel in panels) + self._clock()

    def _across(self, at: datetime) -> float:
        return WIDTH * self.release.offset_s(at) / self.release.span_s

    def _series(self, value: Callable[[TimelinePoint], float | None]) -> Series:
        return [(self._across(point.at), value(point)) for point in self.release.timeline]

    def _weight(self) -> Panel:
        axis = Axis(0, _WHOLE, " %")
        path = chart.stairs(axis, [(self._across(point.at), point.canary_percent) for point in self.release.timeline])
        drawing = f'<path class="water" d="{path} V100 H0 Z"/><path class="line canary" d="{path}"/>'
        marks = "".join(self._mark(axis, row, decision) for row, decision in enumerate(self.release.decisions, 1))
        highest = max(point.canary_percent for point in self.release.timeline)
        summary = f"Canary weight over time, at most {highest} percent"
        keys = (("canary", "canary weight"), ("sign", "a decision, see the table"))
        return Panel("User traffic on the canary", axis, drawing, keys, summary, marks)

    def _mark(self, axis: Axis, row: int, decision: DecisionRecord) -> str:
        kind = decision.verdict.value if decision.verdict else "none"
        sign = SIGNS[decision.verdict] if decision.verdict else "\N{MIDDLE DOT}"
        title = f"{row}: {printable(decision.reason)}"
        place = (self._across(decision.at), axis.down(decision.weight))
        return chart.mark(kind, *place, words=(sign, title), link=f"{self.anchor}-{row}")

    def _success(self) -> Panel:
        primary = self._series(lambda point: point.primary_success_percent)
        canary = self._series(lambda point: point.canary_success_percent)
        limit = self.release.minimum_success_percent
        lowest = min((*_values(primary), *_values(canary), limit or _WHOLE))
        axis = Axis(max(0.0, 10 * math.floor((lowest - 1) / 10)), _WHOLE, " %")
        drawing = (chart.level(axis, limit) if limit is not None else "") + _lines(axis, primary, canary)
        keys = (*_ARMS, *([("limit", f"at least {number(limit, ' %')}")] if limit is not None else []))
        summary = f"Success rate over time, at the lowest {number(lowest)} percent"
        return Panel("Requests that succeeded", axis, drawing, keys, summary)

    def _latency(self) -> Panel:
        primary = self._series(lambda point: point.primary_p99_ms)
        canary = self._series(lambda point: point.canary_p99_ms)
        limit = self.release.maximum_p99_ms
        highest = max((value for value in (*_values(primary), *_values(canary)) if math.isfinite(value)), default=0.0)
        near = limit is not None and limit <= _FAR * max(highest, 1.0)
        axis = Axis(0, chart.ceiling(max(highest, limit or 0.0) if near else highest), " ms")
        drawing = (chart.level(axis, limit) if limit is not None and near else "") + _lines(axis, primary, canary)
        words = f"at most {number(limit, ' ms')}" + ("" if near else ", far above")
        keys = (*_ARMS, *([("limit", words)] if limit is not None else []))
        return Panel("99 of 100 answered within", axis, drawing, keys, f"p99 latency, at most {number(highest)} ms")

    def _failures(self) -> Panel:
        counts = [point.user_failures for point in self.release.timeline]
        added = [0, *(max(0, later - earlier) for earlier, later in pairwise(counts))]
        series = [
            (self._across(point.at), float(count)) for point, count in zip(self.release.timeline, added, strict=True)
        ]
        axis = Axis(0, chart.ceiling(max(*added, 2)))
        failed, sent = self.release.user_failures, self.release.user_requests
        words = f"{number(failed)} of {number(sent)} requests"
        return Panel(
            "User requests that failed", axis, chart.bars(axis, series), (("failed", words),), f"{words} failed"
        )

    def _clock(self) -> str:
        length = self.release.span_s
        step = chart.ceiling(length / _TIMES)
        times = (step * place for place in range(int(length / step) + 1))
        spans = (f'<span style="left:{time / length:.2%}">{number(time, " s")}</span>' for time in times)
        return f'<div class="clock">{"".join(spans)}</div>'


def _values(series: Series) -> Iterable[float]:
    return [value for _, value in series if value is not None]


def _lines(axis: Axis, primary: Series, canary: Series) -> str:
    return chart.line("primary", axis, primary) + chart.line("canary", axis, canary)
