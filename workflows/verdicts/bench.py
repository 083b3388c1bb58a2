"""Answer questions: read the record of a release, or the metrics of a stretch, and give the verdict.

The rules to keep: every call to a server has a deadline; one that is away is a TemporaryError, not a verdict. What
strangers may write (a spec in a request) chooses no query and no server.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from workflows import canary
from workflows.canary.loads import with_counted_load
from workflows.canary.override import with_judge
from workflows.cluster.client import Cluster
from workflows.cluster.guard import driven_by_flagger, find_canary
from workflows.cluster.kinds import Manifest
from workflows.errors import ConfigurationError, UnavailableError
from workflows.metrics import endpoint
from workflows.metrics.cluster import ClusterMetrics, read_revisions
from workflows.metrics.history import look_back
from workflows.metrics.lens import Lens, look_by_hashes, look_by_names
from workflows.metrics.prometheus import PrometheusMetrics, Span
from workflows.ports import Clock, MetricSource
from workflows.rollout import trial
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.samples import Gap, Measurement
from workflows.states.kubernetes import KubernetesStateStore
from workflows.states.place import Place
from workflows.verdicts import judgement, standing
from workflows.verdicts.assessment import Assessment
from workflows.verdicts.judgement import Stretch
from workflows.verdicts.question import Question

TIMEOUT_S = 5.0
"""How long one query may take."""

_AWAY = frozenset({Gap.UNREACHABLE, Gap.TIMED_OUT})
_KNATIVE = "knative"


class UnknownCanaryError(ConfigurationError):
    """Say that nobody knows the canary that was asked about."""


def recall_nothing(_: Place) -> Assessment | None:
    """Know of no release."""
    return None


@dataclass(frozen=True, slots=True)
class Bench:
    """Hold where answers come from: a Prometheus (empty for none), a cluster (None for none), and the time.

    `recall` tells of releases that nobody finds in a cluster, as far as somebody has told of them.
    """

    prometheus: str
    cluster: Cluster | None
    clock: Clock
    recall: Callable[[Place], Assessment | None] = recall_nothing

    def answer(self, question: Question) -> Assessment:
        """Answer a stranger's question; raises ConfigurationError for one that cannot be answered as it is."""
        if question.window is None:
            return self.stand(question.place)
        return self.measure(self._find_plan(question), question, question.window)

    def stand(self, place: Place) -> Assessment:
        """Tell how the last release of a canary stands."""
        known = (self._find_release(self.cluster, place) if self.cluster else None) or self.recall(place)
        if known is None:
            where = "in the cluster" if self.cluster else "here, where no cluster is asked"
            raise UnknownCanaryError(
                f"no release of canary {place.key} is known {where}; look at the name, start the service with "
                "--prometheus URL or --watchdog NS, or have the release tell of itself with --report-to"
            )
        return known

    def _find_release(self, cluster: Cluster, place: Place) -> Assessment | None:
        found = find_canary(cluster, place.namespace, place.name)
        states = KubernetesStateStore(cluster, place, self.clock)
        state = None if found and driven_by_flagger(found) else states.load()
        if state is None:
            return standing.of_status(found) if found else None
        source = states.source()
        return standing.of_state(state, canary.parse(source, str(place)) if source else None)

    def measure(self, plan: RolloutPlan, question: Question, window: timedelta) -> Assessment:
        """Judge the metrics of a stretch that ends now; raises UnavailableError when they cannot be read."""
        if not self.prometheus:
            raise ConfigurationError("window: no metrics can be judged here; name their server with --prometheus URL")
        judged = with_counted_load(with_judge(plan, question.judge) if question.judge else plan)
        if trial.write_terms(judged) is None and not plan.analysis.checks:
            raise ConfigurationError(
                f"{plan.key}: spec.analysis.metrics is empty, so there is no limit to judge by; "
                "add some, or ask with judge=evidence"
            )
        return judgement.judge(judged, self._look(judged, question, window))

    def _look(self, plan: RolloutPlan, question: Question, window: timedelta) -> Stretch:
        step_s = window.total_seconds() / judgement.count_looks(plan, window)
        now_s = self.clock.now().timestamp()
        begin_s = now_s - window.total_seconds()
        where = endpoint.at("prometheus", self.prometheus)
        span = Span(begin_s - window.total_seconds(), now_s, step_s)
        readings = look_back(where, self._open_lens(plan, question), span, TIMEOUT_S)
        before, judged = judgement.cut(readings, begin_s + step_s / 2)
        return Stretch(before, judged, self._ask(plan), step_s, question.weight)

    def _open_lens(self, plan: RolloutPlan, question: Question) -> Lens:
        if question.hashes:
            return look_by_hashes(plan, question.hashes)
        if plan.provider == _KNATIVE:
            return look_by_names(plan, read_revisions(self._need_cluster(), plan))
        return look_by_names(plan)

    def _ask(self, plan: RolloutPlan) -> dict[str, Measurement]:
        metrics = self._open_metrics()
        answers: dict[str, Measurement] = {}
        for check in plan.analysis.checks:
            if not check.built_in:
                answers[check.name] = answer = metrics.measure(check, plan)
                if answer.gap in _AWAY:
                    raise UnavailableError(f"metric {check.name}: {answer.gap.value}: {answer.detail}")
        return answers

    def _open_metrics(self) -> MetricSource:
        if self.cluster:
            return ClusterMetrics(self.cluster, self.prometheus)
        return PrometheusMetrics(self.prometheus, timeout_s=TIMEOUT_S)

    def _find_plan(self, question: Question) -> RolloutPlan:
        if question.spec is not None:
            return _parse_spec(question)
        place = question.place
        found = find_canary(self._need_cluster(), place.namespace, place.name)
        if found is None:
            raise UnknownCanaryError(f"canary {place.key} is not in the cluster; send its spec with POST")
        return _parse(found, place)

    def _need_cluster(self) -> Cluster:
        if self.cluster is None:
            raise ConfigurationError(
                "canary: no cluster is asked here; start the service with --prometheus URL or --watchdog NS, "
                "or send the spec of the canary"
            )
        return self.cluster


def _parse(found: Manifest, place: Place) -> RolloutPlan:
    described = {key: found.get(key) for key in ("apiVersion", "kind", "metadata", "spec")}
    return canary.parse(json.dumps(described), str(place))


def _parse_spec(question: Question) -> RolloutPlan:
    place = question.place
    document = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": place.name, "namespace": place.namespace},
        "spec": question.spec,
    }
    plan = replace(canary.parse(json.dumps(document), "spec"), metrics_server="")
    for check in plan.analysis.checks:
        if not check.built_in:
            raise ConfigurationError(
                f"spec.analysis.metrics: {check.name!r} asks a query of its own, which a service takes from Canaries "
                "of its cluster alone; leave it out, or run penstock verdict with --prometheus"
            )
    return plan
