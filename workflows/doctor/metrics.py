"""Examine the metrics server, and whether each check of the canary is answered with a number."""

from collections.abc import Iterator

from workflows.cluster.client import Cluster
from workflows.doctor.finding import Finding, failed, ok, warning
from workflows.errors import TemporaryError
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.cluster import ClusterMetrics, build_counter
from workflows.metrics.counter import PrometheusCounter
from workflows.metrics.endpoint import Endpoint
from workflows.metrics.prometheus import Prometheus, PrometheusMetrics
from workflows.rollout.plan import BUILT_IN_CHECKS, Check, RolloutPlan
from workflows.rollout.samples import Gap
from workflows.rollout.trial import choose_judge

_ELSEWHERE = "name it with --prometheus URL; from outside of the cluster, forward its port first: kubectl port-forward"


def look_at_prometheus(where: Endpoint) -> Iterator[Finding]:
    """See whether the metrics server answers, and scrapes anything."""
    try:
        targets = Prometheus(where).series("up")
    except NoAnswerError as none:
        yield failed("prometheus", where.mask(f"{none.gap.value}: {none.detail}"), _ELSEWHERE)
        return
    down = sum(not sample.value for sample in targets)
    said = f"{where.address} answers; {len(targets)} targets, {down} of them down"
    if targets:
        yield ok("prometheus", said)
    else:
        yield warning("prometheus", said, "let it scrape something: no check can be answered from nothing")


def are_needed(plan: RolloutPlan) -> bool:
    """Tell whether a release of the plan asks a metrics server for anything."""
    return bool(plan.analysis.checks or choose_judge(plan).judge.mode)


def look_at_checks(where: Endpoint, plan: RolloutPlan, cluster: Cluster | None) -> Iterator[Finding]:
    """Ask what a release would ask, once for each check."""
    built_in = [check for check in plan.analysis.checks if check.name in BUILT_IN_CHECKS and not _has_query(check)]
    if built_in or not plan.analysis.checks:
        yield _count(where, plan, cluster, ", ".join(check.name for check in built_in) or "user traffic")
    source = ClusterMetrics(cluster, where.address) if cluster else PrometheusMetrics(where.address)
    for check in plan.analysis.checks:
        if check in built_in:
            continue
        found = source.measure(check, plan)
        if found.value is not None:
            yield ok("metrics", f"{check.name}: {found.value:g}")
        else:
            yield _explain_gap(check, found.gap, found.detail)


def _has_query(check: Check) -> bool:
    return bool(check.query or check.template)


def _count(where: Endpoint, plan: RolloutPlan, cluster: Cluster | None, names: str) -> Finding:
    try:
        counter = build_counter(cluster, plan, where.address) if cluster else PrometheusCounter(where, plan)
        counts = counter.read()
    except TemporaryError as error:
        return failed(
            "metrics", f"{names}: {error}", "look at spec.provider, and at what Prometheus scrapes of the mesh"
        )
    seen = f"{names}: {counts.primary.total} requests of the primary, {counts.canary.total} of the canary counted"
    if counts.primary.total or counts.canary.total:
        return ok("metrics", seen)
    mend = "send the service some traffic, and look at spec.provider and at what Prometheus scrapes of the mesh"
    return warning("metrics", f"{seen}; a check without requests does not pass", mend)


def _explain_gap(check: Check, gap: Gap | None, detail: str) -> Finding:
    said = f"{check.name}: {gap.value if gap else 'no number'}{f' ({detail})' if detail else ''}"
    if gap is Gap.NO_DATA:
        return warning("metrics", said, "no harm where it counts a canary that has no traffic now; else mend the query")
    return failed("metrics", said, "mend the query, or the provider of its MetricTemplate")
