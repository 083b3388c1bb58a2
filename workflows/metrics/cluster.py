"""Measure the releases of a cluster: counters by Prometheus, checks by MetricTemplates and inline queries.

The rule to keep: a check that cannot be asked is a gap with the words that say why, never an error that ends a
release; and no value of a Secret stands in those words.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workflows.cluster.client import Cluster
from workflows.cluster.kinds import Kind
from workflows.cluster.refusals import NotServedError
from workflows.errors import ConfigurationError, TemporaryError
from workflows.metrics import endpoint, template
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.counter import PrometheusCounter
from workflows.metrics.endpoint import Endpoint
from workflows.metrics.metric_template import read_template
from workflows.metrics.providers import open_provider
from workflows.metrics.queries import Revisions
from workflows.rollout.plan import Check, RolloutPlan
from workflows.rollout.samples import Gap, Measurement

METRICS_SERVER = "http://prometheus:9090"
"""Where Prometheus is asked when neither a flag nor `spec.metricsServer` says so (Flagger's default)."""

_KNATIVE_SERVICE = Kind("serving.knative.dev/v1", "Service", "services")
_PRIMARY_REVISION = "flagger.app/primary-revision"
_KNATIVE = "knative"
_ODD_SHAPE = (TypeError, ValueError, LookupError, AttributeError)


def build_counter(cluster: Cluster, plan: RolloutPlan, metrics_server: str = "") -> PrometheusCounter:
    """Count a plan's traffic by its Prometheus; raises ConfigurationError for a provider that nobody counts for."""
    where = endpoint.at("prometheus", metrics_server or plan.metrics_server or METRICS_SERVER)
    if plan.provider == _KNATIVE:
        return PrometheusCounter(where, plan, lambda: read_revisions(cluster, plan))
    return PrometheusCounter(where, plan)


def read_revisions(cluster: Cluster, plan: RolloutPlan) -> Revisions:
    """Give the revisions of a Knative service that are the two arms, empty while there are none."""
    found = cluster.get(_KNATIVE_SERVICE, plan.namespace, plan.target.name) or {}
    annotations: Mapping[str, Any] = found.get("metadata", {}).get("annotations") or {}
    latest = (found.get("status") or {}).get("latestCreatedRevisionName")
    return Revisions(primary=str(annotations.get(_PRIMARY_REVISION) or ""), canary=str(latest or ""))


class ClusterMetrics:
    """Answer checks: an inline query is asked of the metrics server, a template of the provider that it names.

    `metrics_server` overrides `spec.metricsServer`. Templates and Secrets are read again at each check, so that a
    change of theirs takes effect at once.
    """

    def __init__(self, cluster: Cluster, metrics_server: str = "") -> None:
        self._cluster = cluster
        self._metrics_server = metrics_server

    def measure(self, check: Check, plan: RolloutPlan) -> Measurement:
        """Give the number a check's query or template yields now, or the gap in its place."""
        where = Endpoint("", "")
        try:
            where, query = self._find(check, plan)
            rendered = template.render(replace(check, query=query), plan)
            return Measurement(value=open_provider(where, self._cluster).ask(rendered))
        except (NoAnswerError, ConfigurationError, TemporaryError, *_ODD_SHAPE) as error:
            gap, detail = _explain(error)
            return Measurement(gap=gap, detail=where.mask(detail))

    def _find(self, check: Check, plan: RolloutPlan) -> tuple[Endpoint, str]:
        found = self._find_template(check)
        if found:
            return found
        if not check.query:
            named = check.template and f"MetricTemplate {check.template.name} in {check.template.namespace}: not found"
            raise ConfigurationError(named or "it has neither a query nor a templateRef")
        return self._server(plan), check.query

    def _find_template(self, check: Check) -> tuple[Endpoint, str] | None:
        try:
            return read_template(self._cluster, check.template, check) if check.template else None
        except NotServedError:
            # A cluster without Flagger's CRDs: a template beside the Canary in its file is all there is.
            if check.query:
                return None
            raise

    def _server(self, plan: RolloutPlan) -> Endpoint:
        return endpoint.at("prometheus", self._metrics_server or plan.metrics_server or METRICS_SERVER)


def _explain(error: Exception) -> tuple[Gap, str]:
    match error:
        case NoAnswerError():
            return error.gap, error.detail
        case ConfigurationError():
            return Gap.REFUSED, str(error)
        case TemporaryError():
            return Gap.UNREACHABLE, str(error)
        case _:
            return Gap.NOT_A_NUMBER, f"an answer of an unknown shape ({type(error).__name__}: {error})"
