"""Describe the panels of a Grafana dashboard, and write them in Grafana's JSON."""

import enum
from dataclasses import dataclass
from typing import Any

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
"""The data source that whoever looks has chosen."""


class Kind(enum.Enum):
    """Name the panels of Grafana that we use."""

    LINES = "timeseries"
    NUMBER = "stat"
    PHASES = "state-timeline"


class Unit(enum.Enum):
    """Name the units of Grafana that we use."""

    NONE = "short"
    PERCENT = "percent"
    SHARE = "percentunit"
    SECONDS = "s"
    BYTES = "bytes"
    PER_SECOND = "ops"
    REQUESTS_PER_SECOND = "reqps"


@dataclass(frozen=True, slots=True)
class Query:
    """Ask Prometheus for series and name them by their labels; `limit` draws them as a line not to be crossed."""

    expression: str
    legend: str = ""
    limit: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Show some queries; `width` of a row is 24, `top` bounds the axis, `logarithmic` is for what grows by factors."""

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: Unit = Unit.NONE
    kind: Kind = Kind.LINES
    width: int = 12
    top: float | None = None
    logarithmic: bool = False

    def write(self, number: int, place: dict[str, int]) -> dict[str, Any]:
        """Write it at a place of the grid."""
        return {
            "id": number,
            "type": self.kind.value,
            "title": self.title,
            "description": self.description,
            "datasource": SOURCE,
            "gridPos": place,
            "targets": [self._write_query(query, chr(ord("A") + index)) for index, query in enumerate(self.queries)],
            "fieldConfig": {"defaults": self._write_defaults(), "overrides": self._write_limits()},
            "options": _OPTIONS[self.kind],
        }

    def _write_query(self, query: Query, mark: str) -> dict[str, Any]:
        once = self.kind is Kind.NUMBER
        return {
            "refId": mark,
            "datasource": SOURCE,
            "expr": query.expression,
            "legendFormat": query.legend or "__auto",
            "instant": once,
            "range": not once,
        }

    def _write_defaults(self) -> dict[str, Any]:
        defaults: dict[str, Any] = {"unit": self.unit.value, "min": 0, "noValue": "not known"}
        if self.top is not None:
            defaults["max"] = self.top
        if self.kind is Kind.LINES:
            defaults["custom"] = {"drawStyle": "line", "lineWidth": 2, "showPoints": "never", "spanNulls": False}
        if self.logarithmic:
            del defaults["min"]
            defaults["custom"]["scaleDistribution"] = {"type": "log", "log": 10}
        return defaults

    def _write_limits(self) -> list[dict[str, Any]]:
        dashed = {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [10, 10]}}
        red = {"id": "color", "value": {"mode": "fixed", "fixedColor": "red"}}
        return [
            {
                "matcher": {"id": "byFrameRefID", "options": chr(ord("A") + index)},
                "properties": [dashed, red],
            }
            for index, query in enumerate(self.queries)
            if query.limit
        ]


_OPTIONS: dict[Kind, dict[str, Any]] = {
    Kind.LINES: {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
    Kind.NUMBER: {"reduceOptions": {"calcs": ["lastNotNull"]}, "textMode": "value_and_name", "colorMode": "none"},
    Kind.PHASES: {"mergeValues": True, "showValue": "never", "legend": {"displayMode": "list", "placement": "bottom"}},
}
