"""Make windows of traffic for the judge's tests, and show them to a judge one after another."""

import math
from dataclasses import replace

from workflows.rollout.case import Case, Look
from workflows.rollout.evidence import observe
from workflows.rollout.finding import Finding
from workflows.rollout.samples import ArmCounts, TrafficCounts
from workflows.rollout.terms import Mode, Terms

BOUNDS = (50.0, 100.0, 250.0, 500.0, 1000.0)
USUAL = (0.9, 0.5, 0.06, 0.005, 0.0)
TERMS = Terms((20, 40, 60, 80), slow_limit_ms=500)
STRICT = replace(TERMS, mode=Mode.STRICT)
NOTHING = ArmCounts()


def make_arm(requests: int, errors: int = 0, slow: tuple[float, ...] | None = USUAL) -> ArmCounts:
    """Make one arm's counts; `slow` are the shares slower than 50, 100, 250, 500 and 1000 ms, None without latency."""
    if slow is None or not requests:
        return ArmCounts({"2xx": requests - errors, "5xx": errors})
    fast = ((bound, round(requests * (1 - share))) for bound, share in zip(BOUNDS, slow, strict=True))
    return ArmCounts({"2xx": requests - errors, "5xx": errors}, (*fast, (math.inf, requests)))


class Bench:
    """Hold a judge with its case and a clock that advances ten seconds at a look."""

    def __init__(self, terms: Terms = TERMS) -> None:
        self.terms = terms
        self.case = Case()
        self.at_s = 0.0

    def learn(self, primary: ArmCounts, ticks: int = 30, pods: tuple[ArmCounts, ...] = ()) -> None:
        for _ in range(ticks):
            self.look(0, NOTHING, primary, pods)

    def look(self, weight: int, canary: ArmCounts, primary: ArmCounts, pods: tuple[ArmCounts, ...] = ()) -> Finding:
        self.at_s += 10
        told_apart = replace(primary, parts={f"pod-{place}": pod for place, pod in enumerate(pods)})
        finding = observe(self.terms, self.case, Look(self.at_s, weight, TrafficCounts(told_apart, canary)))
        self.case = finding.case
        return finding

    def dwell(self, weight: int, canary: ArmCounts, primary: ArmCounts, ticks: int = 6) -> Finding:
        findings = [self.look(weight, canary, primary) for _ in range(ticks)]
        return findings[-1]
