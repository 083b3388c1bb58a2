"""Judge metric checks: numbers and limits in, verdicts with reasons out.

The one rule to keep: no data is not zero. A check without a number is inconclusive, never passed.
"""

import math
from collections.abc import Mapping, Sequence

from workflows.rollout.plan import DURATION, SUCCESS_RATE, Check
from workflows.rollout.samples import ArmCounts, Measurement
from workflows.rollout.state import CheckResult, Verdict

P99 = 0.99


def judge(
    checks: Sequence[Check], canary: ArmCounts, measurements: Mapping[str, Measurement]
) -> tuple[CheckResult, ...]:
    """Judge every check of a plan by what the canary answered in the window, and by the answers to its queries.

    A gap under the name of a built-in check says why the counters could not be read.
    All checks are judged, also after a failed one, so that the reason is whole (Flagger stops at the first).
    """
    return tuple(_judge_one(check, canary, measurements) for check in checks)


def _judge_one(check: Check, canary: ArmCounts, measurements: Mapping[str, Measurement]) -> CheckResult:
    unread = measurements.get(check.name)
    if check.name == SUCCESS_RATE:
        return _judge_success(check, canary, unread)
    if check.name == DURATION:
        return _judge_duration(check, canary, unread)
    return _judge_measurement(check, measurements[check.name])


def _judge_success(check: Check, canary: ArmCounts, unread: Measurement | None) -> CheckResult:
    value = canary.success_percent()
    if value is None:
        return _without_data(check, "%", unread)
    return _judge_value(check, value, f"success rate {value:.2f}%", "%", f" ({canary.errors} of {canary.total} failed)")


def _judge_duration(check: Check, canary: ArmCounts, unread: Measurement | None) -> CheckResult:
    value = canary.quantile_ms(P99)
    if value is None:
        return _without_data(check, "ms", unread)
    # Flagger compares whole milliseconds; an infinite p99 would pass there as 0 ms and fails here.
    whole = value if math.isinf(value) else float(int(value))
    shown = f"above {canary.latency[-2][0]:g}" if math.isinf(value) and len(canary.latency) > 1 else f"{whole:g}"
    return _judge_value(check, whole, f"request duration p99 {shown}ms", "ms", f" ({canary.total} requests)")


def _judge_measurement(check: Check, measurement: Measurement) -> CheckResult:
    if measurement.value is None:
        gap = measurement.gap.value if measurement.gap else ""
        why = f"{gap} for metric {check.name}" + (f": {measurement.detail}" if measurement.detail else "")
        return CheckResult(check.name, Verdict.INCONCLUSIVE, None, _limit(check, ""), why)
    return _judge_value(check, measurement.value, f"{check.name} {measurement.value:.2f}", "", "")


def _judge_value(check: Check, value: float, shown: str, unit: str, evidence: str) -> CheckResult:
    limits = check.limits
    if limits.admit(value):
        return CheckResult(check.name, Verdict.PASSED, value, _limit(check, unit), f"{shown}{evidence}")
    below = limits.minimum is not None and value < limits.minimum
    bound = f"< {limits.minimum:g}{unit}" if below else f"> {limits.maximum:g}{unit}"
    return CheckResult(check.name, Verdict.FAILED, value, _limit(check, unit), f"{shown} {bound}{evidence}")


def _without_data(check: Check, unit: str, unread: Measurement | None) -> CheckResult:
    why = (
        f"no values found for metric {check.name}: {unread.detail if unread else 'the canary is not receiving traffic'}"
    )
    return CheckResult(check.name, Verdict.INCONCLUSIVE, None, _limit(check, unit), why)


def _limit(check: Check, unit: str) -> str:
    bounds = ((">=", check.limits.minimum), ("<=", check.limits.maximum))
    return " and ".join(f"{sign} {bound:g}{unit}" for sign, bound in bounds if bound is not None) or "none"


def combine(results: Sequence[CheckResult]) -> Verdict:
    """Tell what all checks say together: one that failed decides, then one that could not tell."""
    verdicts = {result.verdict for result in results}
    return next((worst for worst in (Verdict.FAILED, Verdict.INCONCLUSIVE) if worst in verdicts), Verdict.PASSED)


def explain(results: Sequence[CheckResult], verdict: Verdict) -> str:
    """Join the reasons of the checks that came to a verdict."""
    return "; ".join(result.reason for result in results if result.verdict is verdict)
