"""Say what load to make: where, how much, for how long, and what must hold at the end.

Pure and published: the standard library only, no clock, no I/O. The one rule to keep: a plan is valid once it is
built; a fault raises PlanError with the field's path. Times are seconds, rates are arrivals per second.
"""

from loadtester.plan.course import Segment, Stage, StageKind
from loadtester.plan.load_plan import (
    DEFAULT_THRESHOLD,
    MAXIMUM_DURATION_S,
    SYNTHETIC_HEADER,
    HttpOptions,
    Limits,
    LoadPlan,
    Mode,
    Spacing,
)
from loadtester.plan.request import Capture, CaptureSource, Expectation, RequestPlan

__all__ = [
    "DEFAULT_THRESHOLD",
    "MAXIMUM_DURATION_S",
    "SYNTHETIC_HEADER",
    "Capture",
    "CaptureSource",
    "Expectation",
    "HttpOptions",
    "Limits",
    "LoadPlan",
    "Mode",
    "RequestPlan",
    "Segment",
    "Spacing",
    "Stage",
    "StageKind",
]
