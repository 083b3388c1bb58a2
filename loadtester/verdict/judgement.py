"""Judge a report by its thresholds and by the generator's own health."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from loadtester.report import Histogram, LoadReport, NameReport
from loadtester.verdict.threshold import DURATIONS, Threshold

_SATURATED_CPU_SHARE = 0.9
_SATURATED_LAG_MS = 100.0
_DROPPED_SHARE = 0.01
_NO_WINDOWS: Mapping[float, LoadReport] = MappingProxyType({})


class LoadOutcome(enum.Enum):
    """Name what a verdict can be."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class ThresholdResult:
    """Hold how one threshold did: what it says, its value (None without data) and one line of why."""

    text: str
    outcome: LoadOutcome
    value: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class LoadVerdict:
    """Hold the verdict of a run or a window: its outcome, the reasons for it, and each threshold's result."""

    outcome: LoadOutcome
    reasons: tuple[str, ...]
    results: tuple[ThresholdResult, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Write it as JSON values."""
        results = [
            {"threshold": item.text, "outcome": item.outcome.value, "value": item.value, "reason": item.reason}
            for item in self.results
        ]
        return {"outcome": self.outcome.value, "reasons": list(self.reasons), "thresholds": results}


def judge(
    thresholds: Sequence[Threshold],
    report: LoadReport,
    *,
    minimum_requests: int = 1,
    windows: Mapping[float, LoadReport] = _NO_WINDOWS,
) -> LoadVerdict:
    """Judge a report: failed when a threshold is seen to break, inconclusive when it cannot be known, else passed.

    `windows` holds the report of the last N seconds for thresholds with a window; without one the whole is judged.
    """
    results = tuple(_judge_one(item, windows.get(item.window_s, report)) for item in thresholds)
    doubts = _doubts(report, minimum_requests)
    failed = tuple(item.reason for item in results if item.outcome is LoadOutcome.FAILED)
    unknown = tuple(item.reason for item in results if item.outcome is LoadOutcome.INCONCLUSIVE)
    if doubts:
        return LoadVerdict(LoadOutcome.INCONCLUSIVE, (*doubts, *failed), results)
    if failed:
        return LoadVerdict(LoadOutcome.FAILED, failed, results)
    unknown = (*unknown, *_gaps(thresholds, report))
    if unknown:
        return LoadVerdict(LoadOutcome.INCONCLUSIVE, unknown, results)
    held = tuple(item.reason for item in results) or (f"{report.requests} requests ended, no threshold asked for",)
    return LoadVerdict(LoadOutcome.PASSED, held, results)


def _doubts(report: LoadReport, minimum_requests: int) -> tuple[str, ...]:
    doubts = []
    if report.requests == 0:
        doubts.append(f"no request ended in {report.elapsed_s:.1f} s ({report.dropped} dropped)")
    elif report.requests < minimum_requests:
        doubts.append(f"only {report.requests} requests ended, at least {minimum_requests} are needed")
    if report.health.workers_lost:
        doubts.append(f"{report.health.workers_lost} load worker(s) lost, their counts are missing")
    if report.health.script_errors:
        doubts.append(f"the script raised {report.health.script_errors} time(s), so not all of it ran")
    return tuple(doubts)


def _gaps(thresholds: Sequence[Threshold], report: LoadReport) -> tuple[str, ...]:
    share = report.dropped / report.scheduled if report.scheduled else 0.0
    if share <= _DROPPED_SHARE or any(item.metric == "dropped" for item in thresholds):
        return ()
    return (f"{report.dropped} of {report.scheduled} arrivals were dropped, the latencies are those of the others",)


def _judge_one(threshold: Threshold, report: LoadReport) -> ThresholdResult:
    fault = threshold.fault or _unknown_name(threshold, report)
    if fault:
        return ThresholdResult(threshold.text, LoadOutcome.FAILED, None, fault)
    samples = _samples(threshold, report)
    if samples < max(threshold.minimum_samples, 1):
        reason = f"{threshold.subject}: {samples} samples, at least {max(threshold.minimum_samples, 1)} are needed"
        return ThresholdResult(threshold.text, LoadOutcome.INCONCLUSIVE, None, reason)
    value = _measure(threshold, report)
    limit = _limit(threshold, report)
    held = threshold.comparison.holds(value, limit)
    reason = f"{threshold.subject} = {_show(threshold, value)}, wanted {threshold.comparison.value} "
    reason += f"{_show(threshold, limit)} ({samples} samples)"
    return _weigh(threshold, report, ThresholdResult(threshold.text, _outcome(held=held), value, reason))


def _outcome(*, held: bool) -> LoadOutcome:
    return LoadOutcome.PASSED if held else LoadOutcome.FAILED


def _weigh(threshold: Threshold, report: LoadReport, result: ThresholdResult) -> ThresholdResult:
    """Doubt a broken time or rate when the generator itself was the slow one; errors are never its doing."""
    blames_target = threshold.metric not in DURATIONS and threshold.metric not in ("http_reqs", "dropped")
    saturated = saturation(report)
    if result.outcome is not LoadOutcome.FAILED or blames_target or not saturated:
        return result
    reason = f"{result.reason}, but the generator was saturated ({saturated})"
    return ThresholdResult(result.text, LoadOutcome.INCONCLUSIVE, result.value, reason)


def saturation(report: LoadReport) -> str:
    """Say in what way the generator was too slow for its plan, empty when it was not."""
    if report.cpu_share > _SATURATED_CPU_SHARE:
        return f"CPU {report.cpu_share:.0%} of a core"
    lag_ms = report.lag.percentile_ms(0.99) or 0.0
    return f"schedule lag p99 {lag_ms:.0f} ms" if lag_ms > _SATURATED_LAG_MS else ""


def _unknown_name(threshold: Threshold, report: LoadReport) -> str:
    if threshold.name is None or not report.names or threshold.name in report.names:
        return ""
    return f"{threshold.subject}: no request is named {threshold.name!r}; known: {', '.join(sorted(report.names))}"


def _samples(threshold: Threshold, report: LoadReport) -> int:
    counts = report.named(threshold.name)
    match threshold.metric:
        case "schedule_lag":
            return report.lag.count
        case "dropped":
            return max(report.scheduled, report.requests)
        case "checks":
            return counts.checks_passed + counts.checks_failed
        case _:
            return counts.requests


def _measure(threshold: Threshold, report: LoadReport) -> float:
    counts = report.named(threshold.name)
    if threshold.metric in DURATIONS:
        return _summarise(threshold, _histogram(threshold, report, counts))
    amount, whole = _amounts(threshold, report, counts)
    if threshold.aggregation == "count":
        return float(amount)
    return amount / whole if whole else 0.0


def _amounts(threshold: Threshold, report: LoadReport, counts: NameReport) -> tuple[int, float]:
    match threshold.metric:
        case "http_req_failed":
            return counts.failures, counts.requests
        case "dropped":
            return report.dropped, max(report.scheduled, report.requests)
        case "checks":
            return counts.checks_passed, counts.checks_passed + counts.checks_failed
        case "data_received":
            return counts.received_bytes, report.elapsed_s
        case _:
            return counts.requests, report.elapsed_s


def _histogram(threshold: Threshold, report: LoadReport, counts: NameReport) -> Histogram:
    match threshold.metric:
        case "http_req_service":
            return counts.service
        case "schedule_lag":
            return report.lag
        case _:
            return counts.response


def _summarise(threshold: Threshold, histogram: Histogram) -> float:
    match threshold.aggregation:
        case "avg":
            return histogram.mean_ms
        case "max":
            return histogram.max_us / 1000
        case "min":
            share = 0.0
        case "med":
            share = 0.5
        case _:
            share = threshold.percent / 100
    return histogram.percentile_ms(share) or 0.0


def _limit(threshold: Threshold, report: LoadReport) -> float:
    if not threshold.of_target:
        return threshold.limit
    return threshold.limit * report.scheduled / report.elapsed_s if report.elapsed_s > 0 else 0.0


def _show(threshold: Threshold, value: float) -> str:
    if threshold.metric in DURATIONS:
        return f"{value:.4g} ms" if value < 1000 else f"{value:.0f} ms"  # noqa: PLR2004 - four digits are enough
    if threshold.aggregation == "count":
        return f"{value:.0f}"
    return f"{value:.4g}/s" if threshold.metric in ("http_reqs", "data_received") else f"{value:.4g}"
