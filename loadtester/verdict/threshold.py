"""Read thresholds in k6's words, such as `http_req_duration{name=/ad}: p(99)<300`.

    metric[{name=NAME}]: aggregation operator limit [option ...]

A limit on a duration is milliseconds unless it says `us`, `ms` or `s`; a limit on a rate may be a per cent or a share
of the planned rate (`0.95*target`). Options: `window=30s` (judge the last seconds only), `minSamples=50`,
`abortOnFail`, `delayAbortEval=10s`.
"""

import enum
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loadtester.errors import PlanError

METRICS = {
    "http_req_duration": ("p", "avg", "med", "min", "max"),
    "http_req_service": ("p", "avg", "med", "min", "max"),
    "schedule_lag": ("p", "avg", "med", "min", "max"),
    "http_req_failed": ("rate", "count"),
    "http_reqs": ("rate", "count"),
    "dropped": ("rate", "count"),
    "checks": ("rate", "count"),
    "data_received": ("rate", "count"),
}
"""The metrics and how each can be summed up; durations first."""

DURATIONS = frozenset({"http_req_duration", "http_req_service", "schedule_lag"})
"""The metrics whose limits are times."""

_EXPRESSION = re.compile(
    r"""\s*(?P<metric>\w+)\s*(?:\{\s*name\s*[=:]\s*(?P<name>[^}]+?)\s*\}\s*)?:\s*
    (?P<aggregation>[a-z]+)\s*(?:\(\s*(?P<percent>\d+(?:\.\d+)?)\s*\))?\s*
    (?P<operator><=|>=|==|!=|<|>)\s*(?P<limit>\d+(?:\.\d+)?)\s*(?P<unit>us|ms|s|%|\*\s*target)?
    (?P<options>(?:[\s,]+[A-Za-z]+(?:=[\w.]+)?)*)\s*\Z""",
    re.VERBOSE,
)
_EXAMPLE = "http_req_duration: p(99)<500"
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?\Z")
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0}
_UNIT_FACTOR = {None: 1.0, "ms": 1.0, "us": 0.001, "s": 1000.0, "%": 0.01}


class Comparison(enum.Enum):
    """Name the comparisons of a threshold."""

    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    EQUAL = "=="
    UNEQUAL = "!="

    def holds(self, value: float, limit: float) -> bool:
        """Tell whether a value is on the right side of a limit."""
        return _COMPARE[self](value, limit)


_COMPARE: dict[Comparison, Callable[[float, float], bool]] = {
    Comparison.LESS: operator.lt,
    Comparison.LESS_OR_EQUAL: operator.le,
    Comparison.GREATER: operator.gt,
    Comparison.GREATER_OR_EQUAL: operator.ge,
    Comparison.EQUAL: operator.eq,
    Comparison.UNEQUAL: operator.ne,
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """Hold one threshold; `limit` is milliseconds for durations, a share (0..1) or a number otherwise."""

    text: str
    metric: str
    aggregation: str
    comparison: Comparison
    limit: float
    percent: float = 0.0
    name: str | None = None
    of_target: bool = False
    window_s: float = 0.0
    minimum_samples: int = 0
    abort_on_fail: bool = False
    delay_abort_s: float = 0.0

    @property
    def fault(self) -> str:
        """Say why it can never hold, empty when it can."""
        known = METRICS.get(self.metric)
        if known is None:
            return f"unknown metric {self.metric!r}; known: {', '.join(METRICS)}"
        if self.aggregation not in known:
            return f"{self.metric} has no {self.aggregation!r}; known: {', '.join(known)}"
        if self.aggregation == "p" and not 0 < self.percent <= 100:  # noqa: PLR2004 - per cent
            return f"p({self.percent:g}) is not a percentile; say p(0.1) to p(100)"
        if self.of_target and (self.metric, self.aggregation) != ("http_reqs", "rate"):
            return "only http_reqs: rate can be a share of target"
        return ""

    @property
    def subject(self) -> str:
        """Name what is measured, as people read it."""
        selector = f"{{name={self.name}}}" if self.name else ""
        percent = f"({self.percent:g})" if self.aggregation == "p" else ""
        return f"{self.metric}{selector} {self.aggregation}{percent}"


def parse_threshold(text: str) -> Threshold:
    """Read one threshold; raises PlanError for what is not one, an unknown metric is told by `fault`."""
    match = _EXPRESSION.match(text)
    if match is None:
        raise PlanError(f"threshold {text!r} is not readable; say it like {_EXAMPLE!r}")
    parts = match.groupdict()
    unit = parts["unit"]
    _refuse_odd(text, parts)
    return Threshold(
        text=" ".join(text.split()),
        metric="dropped" if parts["metric"] == "dropped_iterations" else parts["metric"],
        aggregation=parts["aggregation"],
        comparison=Comparison(parts["operator"]),
        limit=float(parts["limit"]) * _UNIT_FACTOR.get(unit, 1.0),
        percent=float(parts["percent"] or 0),
        name=parts["name"],
        of_target=bool(unit) and unit.startswith("*"),
        **_options(text, parts["options"]),
    )


def _refuse_odd(text: str, parts: dict[str, str]) -> None:
    if bool(parts["percent"]) != (parts["aggregation"] == "p"):
        raise PlanError(f"threshold {text!r}: a percentile is p(NUMBER), and only p takes one")
    timed = parts["unit"] in ("us", "ms", "s")
    if timed and parts["metric"] not in DURATIONS:
        raise PlanError(f"threshold {text!r}: {parts['metric']} is not a time, so its limit has no unit")
    if parts["unit"] == "%" and parts["metric"] in DURATIONS:
        raise PlanError(f"threshold {text!r}: {parts['metric']} is a time; say ms or s")


def _options(text: str, words: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for word in words.replace(",", " ").split():
        key, _, value = word.partition("=")
        match key:
            case "window":
                options["window_s"] = _seconds(text, key, value)
            case "delayAbortEval":
                options["delay_abort_s"] = _seconds(text, key, value)
            case "minSamples" if value.isdigit():
                options["minimum_samples"] = int(value)
            case "abortOnFail" if not value:
                options["abort_on_fail"] = True
            case _:
                known = "window=30s, minSamples=50, abortOnFail, delayAbortEval=10s"
                raise PlanError(f"threshold {text!r}: unknown option {word!r}; known: {known}")
    return options


def _seconds(text: str, key: str, value: str) -> float:
    match = _SECONDS.match(value)
    if match is None:
        raise PlanError(f"threshold {text!r}: {key}={value!r} is not a duration; say {key}=30s")
    return float(match[1]) * _UNIT_SECONDS[match[2]]
