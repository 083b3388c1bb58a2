"""Say by what terms the evidence judge judges; every number has its unit in its name or here."""

import enum
from dataclasses import dataclass


class Mode(enum.Enum):
    """Name how the judge treats too little evidence: NORMAL goes on after a dwell, STRICT never does."""

    NORMAL = "evidence"
    STRICT = "evidence-strict"


@dataclass(frozen=True, slots=True)
class Terms:
    """Hold the judge's parameters.

    `weights` is the plan's ladder of canary percents, `interval_s` the time between two looks. `allowed_errors` is
    the error share the owner's check allows (0 when there is none), `slow_limit_ms` the latency above which a request
    is slow. `alpha` bounds the chance to roll a good version back. Evidence of `doubt` or more keeps the weight;
    health is in nats; below `least_health`, or `least_slow_health` for latency, a dwell does not step. An excess of
    error share below `least_excess` is no reason to roll back.
    """

    weights: tuple[int, ...]
    mode: Mode = Mode.NORMAL
    interval_s: float = 10.0
    allowed_errors: float = 0.0
    slow_limit_ms: float | None = None
    alpha: float = 0.05
    doubt: float = 3.0
    health: float = 3.0
    least_health: float = -1.0
    least_slow_health: float = -0.5
    least_excess: float = 0.0005
    dwell_s: float = 60.0
    hold_s: float = 360.0
    strict_hold_s: float = 600.0
    bake_s: float = 120.0

    def __post_init__(self) -> None:
        """Refuse terms under which nothing could be decided."""
        rising = all(low < high for low, high in zip(self.weights, self.weights[1:], strict=False))
        if not self.weights or not rising or not 0 < self.weights[0] <= self.weights[-1] <= 100:  # noqa: PLR2004 - all traffic
            raise ValueError(f"weights: {list(self.weights)} do not rise within 1 to 100")
        if not 0 < self.alpha < 1 or not 0 <= self.allowed_errors <= 1:
            raise ValueError(f"alpha: {self.alpha} and allowed_errors: {self.allowed_errors} must be shares")
        times = (self.interval_s, self.dwell_s, self.hold_s, self.strict_hold_s, self.bake_s)
        if not all(0 <= seconds < float("inf") for seconds in times) or not self.interval_s:
            raise ValueError(f"times: {times} must be finite seconds, the interval more than 0")

    @property
    def limit(self) -> float:
        """Give the evidence that rolls back, 1/alpha."""
        return 1 / self.alpha

    @property
    def patience_s(self) -> float:
        """Give how long a rung may last before the judge says that it will not come to a verdict by itself."""
        return self.hold_s if self.mode is Mode.NORMAL else self.strict_hold_s
