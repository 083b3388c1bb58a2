"""Judge a simulated release by Flagger's rule, as pkg/controller/scheduler.go and its metrics do.

A failed check is counted and holds the weight; the count is compared with the threshold at the start of the next
interval, so a rollback takes threshold + 1 intervals. Every check sees the last minute, whatever the interval is. No
data is a failed check. The p99 is interpolated within its bucket, as histogram_quantile does.
"""

from collections import deque
from dataclasses import dataclass
from random import Random

from workflows.foresight.traffic import TICK_S, Traffic, draw_canary
from workflows.rollout.samples import ArmCounts

WINDOW_TICKS = 6
THRESHOLD = 3
P99_LIMIT_MS = 500.0
LONGEST_S = 3600.0


@dataclass(frozen=True, slots=True)
class Rule:
    """Hold a canary's analysis: the least success rate in percent and the interval in seconds."""

    success_percent: float
    interval_s: float

    @property
    def name(self) -> str:
        """Name the rule, as F99-60."""
        return f"F{self.success_percent:g}-{self.interval_s:g}"

    def admits(self, window: ArmCounts) -> bool:
        """Tell whether both of the built-in checks pass."""
        success, p99 = window.success_percent(), window.quantile_ms(0.99)
        return success is not None and success >= self.success_percent and p99 is not None and p99 <= P99_LIMIT_MS


@dataclass(frozen=True, slots=True)
class Run:
    """Carry how a simulated release ended: "promoted", "rolled back" or "paused", when, and what the canary failed."""

    ending: str
    seconds: float
    failed: int
    requests: int


def release(random: Random, traffic: Traffic, weights: tuple[int, ...], rule: Rule) -> Run:
    """Run one release under Flagger's rule."""
    recent: deque[ArmCounts] = deque(maxlen=WINDOW_TICKS)
    at, step, failures, failed, requests = 0.0, 0, 0, 0, 0
    due = rule.interval_s
    while at < LONGEST_S:
        window = draw_canary(random, traffic, weights[step], at)
        at += TICK_S
        recent.append(window)
        failed, requests = failed + window.errors, requests + window.total
        if at < due:
            continue
        due += rule.interval_s
        if failures >= THRESHOLD:
            return Run("rolled back", at, failed, requests)
        if not rule.admits(join(recent)):
            failures += 1
        elif step + 1 == len(weights):
            return Run("promoted", at, failed, requests)
        else:
            step += 1
    return Run("paused", at, failed, requests)


def join(windows: deque[ArmCounts]) -> ArmCounts:
    """Add up windows of one arm."""
    responses = {"2xx": sum(w.total - w.errors for w in windows), "5xx": sum(w.errors for w in windows)}
    measured = [window.latency for window in windows if window.latency]
    if not measured:
        return ArmCounts(responses)
    counts = (sum(column) for column in zip(*([count for _, count in latency] for latency in measured), strict=True))
    return ArmCounts(responses, tuple(zip((bound for bound, _ in measured[0]), counts, strict=True)))
