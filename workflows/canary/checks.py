"""Read `spec.analysis.metrics`: what is measured, and within which limits it must stay.

One entry is one check, but for an entry that has several sources: as with Flagger each of them is asked, so each
becomes a check of its own. Flagger's older `threshold` is a minimum for the success rate and a maximum elsewhere.
"""

from collections.abc import Iterator
from datetime import timedelta

from workflows.canary.findings import did_you_mean
from workflows.canary.hooks import warn_of_other_namespace
from workflows.canary.limits import note_limits, read_limits
from workflows.canary.section import Section
from workflows.canary.templates import KIND, Query, Templates, check_query
from workflows.rollout.plan import BUILT_IN_CHECKS, DURATION, SUCCESS_RATE, Check, Reference

_MINUTE = timedelta(minutes=1)
_FORMER_NAMES = {
    "istio_requests_total": SUCCESS_RATE,
    "envoy_cluster_upstream_rq": SUCCESS_RATE,
    "istio_request_duration_seconds_bucket": DURATION,
    "envoy_cluster_upstream_rq_time_bucket": DURATION,
}


def read_checks(analysis: Section, templates: Templates, namespace: str) -> tuple[Check, ...]:
    """Give the checks in the order of the file."""
    return tuple(
        check for metric in analysis.sections("metrics") for check in _read_metric(metric, templates, namespace)
    )


def _read_metric(metric: Section, templates: Templates, namespace: str) -> Iterator[Check]:
    name = metric.get("name", "")
    sources = [source for source in ("query", "templateRef") if metric.wrote(source)]
    note_limits(metric, name)
    if name in BUILT_IN_CHECKS:
        yield Check(name, read_limits(metric, name), metric.get("interval", _MINUTE))
        if sources:
            metric.warn("name", f"is a built-in check, and {' and '.join(sources)} is asked besides; use another name")
    elif len(sources) > 1:
        metric.warn("", "has a query and a templateRef, so both are asked; give them an entry each")
    elif not sources and name:
        _refuse_unknown(metric, name)
    _warn_of_idle_variables(metric, sources)
    for index, source in enumerate(sources):
        alone = index == 0 and name not in BUILT_IN_CHECKS
        yield _custom(metric, name if alone else f"{name} ({source})", _source(metric, source, templates, namespace))


def _refuse_unknown(metric: Section, name: str) -> None:
    known = sorted(BUILT_IN_CHECKS)
    former = _FORMER_NAMES.get(name)
    hint = f"older files call {former} so; use that name" if former else did_you_mean(name, known)
    metric.error("name", f"is no built-in check ({', '.join(known)}) and has neither a query nor a templateRef", hint)


def _warn_of_idle_variables(metric: Section, sources: list[str]) -> None:
    if metric.wrote("templateVariables") and not sources:
        metric.warn("templateVariables", "is ignored, since a built-in check has no query to fill in")


def _source(metric: Section, source: str, templates: Templates, namespace: str) -> tuple[str, Reference | None]:
    """Give the text of a query and the template it comes from; a template outside of the file has no text."""
    if source == "query":
        query = metric.get("query", "")
        check_query(Query(query, metric, "query"), metric.texts("templateVariables"))
        return query, None
    reference = metric.section("templateRef")
    warn_of_other_namespace(reference, namespace)
    place = reference.get("namespace", namespace), reference.get("name", "")
    query = templates.get(place, "")
    check_query(Query(query, metric, "templateRef"), metric.texts("templateVariables"))
    return query, Reference(KIND, place[1], "flagger.app/v1beta1", place[0])


def _custom(metric: Section, name: str, source: tuple[str, Reference | None]) -> Check:
    query, template = source
    return Check(
        name=name,
        limits=read_limits(metric, name),
        interval=metric.get("interval", _MINUTE),
        query=query,
        template=template,
        variables=metric.texts("templateVariables"),
    )
