"""Read the limits of a check: `thresholdRange`, or the older `threshold`, whose meaning depends on the check.

The range wins over the threshold, and a threshold of 0 is none, both as in Flagger.
"""

from workflows.canary.section import Section
from workflows.rollout.plan import BUILT_IN_CHECKS, DURATION, SUCCESS_RATE, Limits

_ALL_PERCENT = 100
_UNITS = {SUCCESS_RATE: "percent", DURATION: "milliseconds"}


def read_limits(metric: Section, name: str) -> Limits:
    """Give the limits under which the check of this name admits a value."""
    if metric.wrote("thresholdRange"):
        bounds = metric.section("thresholdRange")
        return Limits(bounds.number("min"), bounds.number("max"))
    threshold = metric.number("threshold")
    if name == SUCCESS_RATE:
        return Limits(minimum=threshold or None)
    return Limits(maximum=threshold or 0.0)


def note_limits(metric: Section, name: str) -> None:
    """Note limits that cannot be meant, once for each entry."""
    bounds = metric.section("thresholdRange")
    if metric.wrote("thresholdRange"):
        _note_range(metric, bounds)
    elif not metric.wrote("threshold") or metric.number("threshold") == 0:
        passes = "always passes" if name == SUCCESS_RATE else "fails on any value above 0"
        metric.warn("", f"has no limit, so the check {passes}; give a thresholdRange with min or max")
    for place, field in ((metric, "threshold"), (bounds, "min"), (bounds, "max")):
        value = place.number(field)
        if value is not None and name in BUILT_IN_CHECKS:
            _note_unit(place, field, value, name)


def _note_range(metric: Section, bounds: Section) -> None:
    low, high = bounds.number("min"), bounds.number("max")
    if metric.wrote("threshold"):
        metric.warn("threshold", "is ignored, since there is a thresholdRange")
    if low is not None and high is not None and low > high:
        metric.error("thresholdRange", f"has min {low:g} above max {high:g}, which no value satisfies")
    if metric.written["thresholdRange"] == {}:
        metric.warn("thresholdRange", "has neither min nor max, so the check always passes")


def _note_unit(place: Section, field: str, value: float, name: str) -> None:
    unit = _UNITS[name]
    if value < 0 or (name == SUCCESS_RATE and value > _ALL_PERCENT):
        allowed = "0 to 100" if name == SUCCESS_RATE else "0 up"
        place.error(field, f"is out of range; {name} is in {unit}, allowed: {allowed}")
    elif 0 < value < 1 or (name == SUCCESS_RATE and value == 1):
        scale = 1000 if name == DURATION else _ALL_PERCENT
        place.warn(field, f"is very little, {name} is in {unit}", f"did you mean {value * scale:g}?")
