from typing import Any

import pytest
from load_samples import report_of

from loadtester.errors import PlanError
from loadtester.report import Health, Histogram, LoadReport
from loadtester.verdict import LoadOutcome, judge, parse_threshold

PASSED, FAILED, INCONCLUSIVE = LoadOutcome.PASSED, LoadOutcome.FAILED, LoadOutcome.INCONCLUSIVE
FAST_BUT_ONE = report_of(*[10_000] * 99, 400_000, failures=1, elapsed_s=10.0, scheduled=100)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("http_req_duration: p(99)<500", PASSED),
        ("http_req_duration: p(99)<5", FAILED),
        ("http_req_duration{name=/ad}: p(99) < 0.5s", PASSED),
        ("http_req_duration: avg<14ms", PASSED),
        ("http_req_duration: max<300", FAILED),
        ("http_req_duration: med<=11", PASSED),
        ("http_req_duration: min>9000us", PASSED),
        ("http_req_service: p(50)<20", PASSED),
        ("http_req_failed: rate<0.02", PASSED),
        ("http_req_failed: rate<1%", FAILED),
        ("http_req_failed: count==1", PASSED),
        ("http_req_failed: count!=1", FAILED),
        ("http_reqs: rate>=0.95*target", PASSED),
        ("http_reqs: rate>10", FAILED),
        ("http_reqs: count>=100", PASSED),
        ("dropped: count==0", PASSED),
        ("dropped_iterations: rate<0.1", PASSED),
        ("data_received: rate>1", FAILED),
        ("http_req_duration{name=/nope}: p(99)<500", FAILED),
        ("latency: p(99)<500", FAILED),
        ("http_req_duration: rate<1", FAILED),
        ("http_req_duration: p(101)<1", FAILED),
        ("http_req_failed: rate<0.1*target", FAILED),
        ("checks: rate>0.99", INCONCLUSIVE),
        ("schedule_lag: p(99)<10", INCONCLUSIVE),
        ("http_req_duration: p(99)<500 minSamples=1000", INCONCLUSIVE),
    ],
)
def test_a_threshold_says_what_it_says(text: str, outcome: LoadOutcome) -> None:
    assert judge([parse_threshold(text)], FAST_BUT_ONE).outcome is outcome


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http_req_duration",
        "http_req_duration: p<5",
        "http_req_duration: avg(5)<5",
        "http_req_failed: rate<5ms",
        "http_req_duration: p(99)<5%",
        "http_req_duration: p(99)<5 often",
        "http_req_duration: p(99)<5 window=soon",
        "http_req_duration: p(99)<5 minSamples=x",
    ],
)
def test_what_is_no_threshold_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(PlanError, match="threshold"):
        parse_threshold(text)


def test_options_follow_the_expression() -> None:
    threshold = parse_threshold("http_req_failed: rate<0.1 window=30s, minSamples=5 abortOnFail delayAbortEval=1m")

    assert (threshold.window_s, threshold.minimum_samples) == (30, 5)
    assert (threshold.abort_on_fail, threshold.delay_abort_s) == (True, 60)


def test_reasons_carry_the_numbers() -> None:
    verdict = judge([parse_threshold("http_req_failed: rate<0.001")], FAST_BUT_ONE)

    assert verdict.reasons == ("http_req_failed rate = 0.01, wanted < 0.001 (100 samples)",)
    assert verdict.to_dict()["outcome"] == "failed"


def test_no_request_is_inconclusive() -> None:
    assert judge([parse_threshold("http_req_failed: rate<0.01")], LoadReport()).outcome is INCONCLUSIVE


def test_too_few_requests_are_inconclusive_even_when_they_failed() -> None:
    verdict = judge([parse_threshold("http_req_failed: rate<0.01")], report_of(1, failures=1), minimum_requests=10)

    assert verdict.outcome is INCONCLUSIVE
    assert "only 1 requests ended" in verdict.reasons[0]


@pytest.mark.parametrize("health", [Health(workers_lost=1), Health(script_errors=3)])
def test_a_lost_worker_or_a_raising_script_is_inconclusive(health: Health) -> None:
    assert judge([], report_of(1000, health=health)).outcome is INCONCLUSIVE


def test_requests_without_thresholds_pass() -> None:
    assert judge([], report_of(1000)).outcome is PASSED


SATURATED = {"elapsed_s": 1.0, "health": Health(cpu_s=0.99)}
LATE = {"elapsed_s": 1.0, "lag": Histogram.of([300_000])}


@pytest.mark.parametrize("generator", [SATURATED, LATE])
@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("http_req_duration: p(99)<1", INCONCLUSIVE),
        ("http_reqs: rate>100", INCONCLUSIVE),
        ("http_req_failed: rate<0.01", FAILED),
        ("http_req_duration: p(99)<100", PASSED),
    ],
)
def test_a_slow_generator_casts_doubt_on_times_but_not_on_errors(
    generator: dict[str, Any], text: str, outcome: LoadOutcome
) -> None:
    assert judge([parse_threshold(text)], report_of(50_000, failures=1, **generator)).outcome is outcome


def test_dropped_arrivals_are_inconclusive_unless_a_threshold_speaks_of_them() -> None:
    report = report_of(1000, dropped=5, scheduled=6)

    assert judge([parse_threshold("http_req_failed: rate<0.1")], report).outcome is INCONCLUSIVE
    assert judge([parse_threshold("dropped: count<10")], report).outcome is PASSED


def test_a_window_is_judged_by_its_own_report() -> None:
    threshold = parse_threshold("http_req_failed: rate<0.01 window=5s")

    verdict = judge([threshold], report_of(1000, failures=1), windows={5.0: report_of(1000)})

    assert verdict.outcome is PASSED
