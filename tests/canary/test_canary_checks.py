"""Metric checks: sources, limits and templates."""

from datetime import timedelta
from typing import Any

import pytest
import yaml
from canary_files import BASE, errors, only, plan_of, read_analysis, vary, warnings

from workflows.canary import Reading, read
from workflows.rollout.plan import Check, Limits, Reference

QUERY = "sum(rate(istio_requests_total[1m]))"
TEMPLATE: dict[str, Any] = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "MetricTemplate",
    "metadata": {"name": "t", "namespace": "weather"},
    "spec": {"provider": {"type": "prometheus"}, "query": "{{ variables.a }}"},
}


def read_metric(**metric: Any) -> Reading:
    return read_analysis(metrics=[metric])


def read_files(*documents: Any) -> Reading:
    return read(yaml.safe_dump_all(documents))


@pytest.mark.parametrize(
    ("metric", "limits"),
    [
        ({"name": "request-success-rate", "threshold": 99}, Limits(minimum=99)),
        ({"name": "request-duration", "threshold": 500}, Limits(maximum=500)),
        ({"name": "x", "query": QUERY, "threshold": 5}, Limits(maximum=5)),
        ({"name": "x", "query": QUERY, "thresholdRange": {"min": 1, "max": 2.5}}, Limits(1, 2.5)),
        ({"name": "request-duration", "thresholdRange": {"max": 500}}, Limits(maximum=500)),
    ],
)
def test_a_threshold_means_what_it_means_to_flagger(metric: dict[str, Any], limits: Limits) -> None:
    reading = read_metric(**metric)

    assert plan_of(reading).analysis.checks[0].limits == limits
    assert not reading.findings


@pytest.mark.parametrize(
    ("metric", "limits", "warning"),
    [
        ({"name": "request-success-rate"}, Limits(), "has no limit, so the check always passes"),
        ({"name": "request-success-rate", "threshold": 0}, Limits(), "has no limit, so the check always passes"),
        ({"name": "request-duration"}, Limits(maximum=0), "has no limit, so the check fails on any value above 0"),
        ({"name": "x", "query": QUERY}, Limits(maximum=0), "has no limit, so the check fails on any value above 0"),
        ({"name": "x", "query": QUERY, "thresholdRange": {}}, Limits(), "has neither min nor max"),
        ({"name": "x", "query": QUERY, "threshold": 9, "thresholdRange": {"max": 5}}, Limits(maximum=5), "is ignored"),
        ({"name": "request-success-rate", "thresholdRange": {"min": 0.95}}, Limits(0.95), "did you mean 95?"),
        ({"name": "request-success-rate", "threshold": 1}, Limits(1), "did you mean 100?"),
        ({"name": "request-duration", "thresholdRange": {"max": 0.5}}, Limits(maximum=0.5), "did you mean 500?"),
    ],
)
def test_limits_that_are_probably_not_meant_are_a_warning(metric: dict[str, Any], limits: Limits, warning: str) -> None:
    reading = read_metric(**metric)

    assert warning in str(only(reading))
    assert plan_of(reading).analysis.checks[0].limits == limits


@pytest.mark.parametrize(
    ("metric", "line"),
    [
        (
            {"name": "x", "query": QUERY, "thresholdRange": {"min": 2, "max": 1}},
            "thresholdRange: has min 2 above max 1, which no value satisfies",
        ),
        (
            {"name": "request-success-rate", "thresholdRange": {"min": 101}},
            "thresholdRange.min: 101 is out of range; request-success-rate is in percent, allowed: 0 to 100",
        ),
        (
            {"name": "request-duration", "threshold": -1},
            "threshold: -1 is out of range; request-duration is in milliseconds, allowed: 0 up",
        ),
        ({"name": "x", "query": " ", "threshold": 1}, 'query: " " is not a query'),
        ({"query": QUERY, "threshold": 1}, "name: is required and missing"),
        ({"name": "x", "templateRef": {}, "threshold": 1}, "templateRef.name: is required and missing"),
        (
            {"name": "x", "query": QUERY, "threshold": "5"},
            'threshold: "5" is a string, not a number; write it without quotes',
        ),
        ({"name": "x", "query": QUERY, "threshold": 1, "interval": "1h"}, 'interval: "1h" is refused by Flagger\'s'),
    ],
)
def test_a_fault_of_a_check_is_one_error(metric: dict[str, Any], line: str) -> None:
    (error,) = errors(read_metric(**metric))

    assert error.startswith(f"spec.analysis.metrics[0].{line}")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("request-sucess-rate", 'did you mean "request-success-rate"?'),
        ("istio_requests_total", "older files call request-success-rate so; use that name"),
        ("istio_request_duration_seconds_bucket", "older files call request-duration so; use that name"),
        ("zzz", ""),
    ],
)
def test_a_check_that_nothing_measures_is_an_error(name: str, hint: str) -> None:
    finding = only(read_metric(name=name, thresholdRange={"max": 1}))

    assert "has neither a query nor a templateRef" in finding.message
    assert finding.hint == hint


@pytest.mark.parametrize("source", [{"query": QUERY}, {"templateRef": {"name": "t"}}])
def test_a_check_is_asked_over_a_minute_unless_told_otherwise(source: dict[str, Any]) -> None:
    plan = plan_of(read_metric(name="x", threshold=1, **source))

    assert plan.analysis.checks[0].interval == timedelta(minutes=1)


def test_a_check_is_read_in_full() -> None:
    metric = {"name": "x", "query": QUERY, "threshold": 1, "interval": "90s", "templateVariables": {"a": "b"}}

    plan = plan_of(read_metric(**metric))

    assert plan.analysis.checks == (Check("x", Limits(maximum=1), timedelta(seconds=90), QUERY, variables={"a": "b"}),)


def test_a_template_of_the_same_file_brings_its_query() -> None:
    metric = {"name": "x", "threshold": 1, "templateRef": {"name": "t"}, "templateVariables": {"a": "b"}}

    plan = plan_of(read_files(TEMPLATE, vary("spec.analysis", {"metrics": [metric]})))

    (check,) = plan.analysis.checks
    assert check.query == "{{ variables.a }}"
    assert check.template == Reference("MetricTemplate", "t", "flagger.app/v1beta1", "weather")


@pytest.mark.parametrize("reference", [{"name": "other"}, {"name": "t", "namespace": "shop"}])
def test_a_template_of_another_file_stays_a_reference(reference: dict[str, Any]) -> None:
    metric = {"name": "x", "threshold": 1, "templateRef": reference}

    plan = plan_of(read_files(TEMPLATE, vary("spec.analysis", {"metrics": [metric]})))

    assert plan.analysis.checks[0].query == ""


def test_a_template_for_another_provider_keeps_its_query_to_itself() -> None:
    datadog = TEMPLATE | {"spec": {"provider": {"type": "datadog"}, "query": "avg:x"}}
    metric = {"name": "x", "threshold": 1, "templateRef": {"name": "t"}}

    plan = plan_of(read_files(datadog, vary("spec.analysis", {"metrics": [metric]})))

    assert plan.analysis.checks[0].query == ""


def test_a_broken_template_keeps_the_file_from_a_plan() -> None:
    reading = read_files(BASE, TEMPLATE | {"spec": {"provider": {"type": "promethus"}}})

    assert len(errors(reading)) == 2
    assert 'did you mean "prometheus"?' in "".join(errors(reading))
    assert reading.plan is None


def test_a_template_of_another_namespace_is_a_warning() -> None:
    reading = read_metric(name="x", threshold=1, templateRef={"name": "t", "namespace": "other"})

    assert only(reading).path == "spec.analysis.metrics[0].templateRef.namespace"


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("{{ variables.reporter }}", "uses {{ variables.reporter }}, which templateVariables does not set"),
        ("{{- variables.reportr -}}", "uses {{ variables.reportr }}, which templateVariables does not set"),
        ("{{ nmspc }}", "uses {{ nmspc }}, which is not known"),
    ],
)
def test_a_query_that_cannot_be_filled_in_is_an_error(query: str, error: str) -> None:
    finding = only(read_metric(name="x", threshold=1, query=query))

    assert error in finding.message


def test_a_query_may_use_every_function_of_flaggers_templates() -> None:
    names = ("name", "namespace", "target", "service", "ingress", "route", "interval", "variables.a", "end", "else")
    query = " ".join(f"{{{{ {name} }}}}" for name in names)

    reading = read_metric(name="x", threshold=1, query=query, templateVariables={"a": "b"})

    assert not reading.findings


def test_a_built_in_name_with_a_query_asks_both() -> None:
    reading = read_metric(name="request-success-rate", threshold=99, query=QUERY)

    built_in, custom = plan_of(reading).analysis.checks
    assert (built_in.built_in, built_in.query, built_in.limits) == (True, "", Limits(minimum=99))
    assert (custom.built_in, custom.query, custom.limits) == (False, QUERY, Limits(maximum=99))
    assert "is asked besides" in only(reading).message


def test_a_query_beside_a_template_asks_both() -> None:
    reading = read_metric(name="x", threshold=1, query=QUERY, templateRef={"name": "t"})

    assert [check.name for check in plan_of(reading).analysis.checks] == ["x", "x (templateRef)"]
    assert "so both are asked" in only(reading).message


def test_variables_without_a_query_are_a_warning() -> None:
    reading = read_metric(name="request-duration", threshold=1, templateVariables={"a": "b"})

    assert warnings(reading) == [
        "spec.analysis.metrics[0].templateVariables: is ignored, since a built-in check has no query to fill in"
    ]
