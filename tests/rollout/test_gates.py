"""Metric checks: numbers and limits in, verdicts with reasons out."""

import math

import pytest

from workflows.rollout import gates
from workflows.rollout.plan import Check, Limits
from workflows.rollout.samples import ArmCounts, Gap, Measurement
from workflows.rollout.state import CheckResult, Verdict

SUCCESS = Check("request-success-rate", Limits(minimum=99))
LATENCY = Check("request-duration", Limits(maximum=500))
QUEUE = Check("queue", Limits(1, 10), query="queue_length")


def judge(check: Check, canary: ArmCounts = ArmCounts(), measured: Measurement | None = None) -> CheckResult:  # noqa: B008 - frozen
    (result,) = gates.judge([check], canary, {check.name: measured} if measured else {})
    return result


@pytest.mark.parametrize(
    ("failed", "verdict", "reason"),
    [
        (0, Verdict.PASSED, "success rate 100.00% (0 of 1000 failed)"),
        (10, Verdict.PASSED, "success rate 99.00% (10 of 1000 failed)"),
        (11, Verdict.FAILED, "success rate 98.90% < 99% (11 of 1000 failed)"),
    ],
)
def test_the_success_rate_may_be_exactly_its_limit(failed: int, verdict: Verdict, reason: str) -> None:
    result = judge(SUCCESS, ArmCounts({"2xx": 1000 - failed, "5xx": failed}))

    assert (result.verdict, result.reason, result.limit) == (verdict, reason, ">= 99%")


@pytest.mark.parametrize(
    ("p99", "verdict"), [(500.0, Verdict.PASSED), (500.9, Verdict.PASSED), (501.0, Verdict.FAILED)]
)
def test_latency_is_compared_in_whole_milliseconds(p99: float, verdict: Verdict) -> None:
    # Of 100 requests, 99 are at most as slow as the p99 and none is faster than the bucket below it.
    canary = ArmCounts({"2xx": 100}, ((p99 - 100, 0), (p99, 99), (p99 + 100, 100), (math.inf, 100)))

    result = judge(LATENCY, canary)

    assert (result.verdict, result.value) == (verdict, float(int(p99)))


def test_a_latency_above_every_bucket_fails_and_names_the_last_bound() -> None:
    result = judge(LATENCY, ArmCounts({"2xx": 10}, ((250.0, 1), (math.inf, 10))))

    assert (result.verdict, result.value) == (Verdict.FAILED, math.inf)
    assert result.reason == "request duration p99 above 250ms > 500ms (10 requests)"


def test_a_histogram_of_one_endless_bucket_says_so() -> None:
    assert judge(LATENCY, ArmCounts({"2xx": 1}, ((math.inf, 1),))).reason.startswith(
        "request duration p99 infms > 500ms"
    )


@pytest.mark.parametrize("check", [SUCCESS, LATENCY])
def test_no_traffic_is_inconclusive(check: Check) -> None:
    result = judge(check)

    assert (result.verdict, result.value) == (Verdict.INCONCLUSIVE, None)
    assert result.reason == f"no values found for metric {check.name}: the canary is not receiving traffic"


@pytest.mark.parametrize("check", [SUCCESS, LATENCY])
def test_without_data_the_reason_says_why_the_counters_were_not_read(check: Check) -> None:
    result = judge(check, measured=Measurement(gap=Gap.UNREACHABLE, detail="prometheus is away"))

    assert result.reason == f"no values found for metric {check.name}: prometheus is away"


@pytest.mark.parametrize(
    ("value", "verdict", "reason"),
    [
        (0.5, Verdict.FAILED, "queue 0.50 < 1"),
        (1.0, Verdict.PASSED, "queue 1.00"),
        (10.0, Verdict.PASSED, "queue 10.00"),
        (10.5, Verdict.FAILED, "queue 10.50 > 10"),
    ],
)
def test_a_measured_value_is_held_to_both_bounds(value: float, verdict: Verdict, reason: str) -> None:
    result = judge(QUEUE, measured=Measurement(value))

    assert (result.verdict, result.reason, result.limit) == (verdict, reason, ">= 1 and <= 10")


@pytest.mark.parametrize("gap", list(Gap))
@pytest.mark.parametrize(("detail", "tail"), [("", ""), ("3 series", ": 3 series")])
def test_a_gap_is_inconclusive_and_says_why(gap: Gap, detail: str, tail: str) -> None:
    result = judge(QUEUE, measured=Measurement(gap=gap, detail=detail))

    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, f"{gap.value} for metric queue{tail}")


def test_a_check_without_limits_passes_any_value() -> None:
    result = judge(Check("queue", Limits(), query="q"), measured=Measurement(7.0))

    assert (result.verdict, result.limit) == (Verdict.PASSED, "none")


def test_every_check_is_judged_also_after_a_failed_one() -> None:
    canary = ArmCounts({"5xx": 10}, ((900.0, 10), (math.inf, 10)))

    results = gates.judge([SUCCESS, LATENCY], canary, {})

    assert [result.verdict for result in results] == [Verdict.FAILED, Verdict.FAILED]
    assert gates.explain(results, Verdict.FAILED).count(";") == 1


def result(verdict: Verdict) -> CheckResult:
    return CheckResult("queue", verdict, None, "none", verdict.value)


@pytest.mark.parametrize(
    ("verdicts", "together"),
    [
        ([], Verdict.PASSED),
        ([Verdict.PASSED, Verdict.PASSED], Verdict.PASSED),
        ([Verdict.PASSED, Verdict.INCONCLUSIVE], Verdict.INCONCLUSIVE),
        ([Verdict.INCONCLUSIVE, Verdict.FAILED, Verdict.PASSED], Verdict.FAILED),
    ],
)
def test_the_worst_verdict_decides(verdicts: list[Verdict], together: Verdict) -> None:
    assert gates.combine([result(verdict) for verdict in verdicts]) is together


def test_the_reasons_told_are_those_of_the_verdict() -> None:
    results = [result(Verdict.PASSED), result(Verdict.FAILED)]

    assert gates.explain(results, Verdict.FAILED) == "failed"
