"""List the rights that each part needs in a cluster: one table, from which roles and the page about them are written.

The rule to keep: a row is what the code asks for and nothing more; the tests run the whole story under an account that
has just these, and fail for a row that nothing used.
"""

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from workflows.cluster.kinds import (
    ALERT_PROVIDER,
    AUTOSCALER,
    CANARY,
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    EVENT,
    JOB,
    KNATIVE_REVISION,
    LEASE,
    METRIC_TEMPLATE,
    POD,
    SCALED_OBJECT,
    SECRET,
    SERVICE,
    Kind,
)
from workflows.cluster.targets import kind_of
from workflows.rollout.plan import RolloutPlan
from workflows.routers.kubernetes import gloo, istio, kuma
from workflows.routers.kubernetes.table import DEFAULT, find_dialect

_KEEP = ("get", "create", "update")


class Part(enum.Enum):
    """Name what somebody runs."""

    RELEASE = "release"
    WATCHDOG = "watchdog"
    WAIT = "wait"
    VERDICT = "verdict"
    ORDER = "order"
    REVERT = "revert"
    ADOPT = "adopt"
    READ_BACK = "read-back"
    JOBS = "jobs"
    EXECUTOR = "executor"

    @property
    def summary(self) -> str:
        """Say which commands need the rights of this part."""
        return _SUMMARIES[self]


_SUMMARIES: Mapping[Part, str] = MappingProxyType(
    {
        Part.RELEASE: "`penstock run` and `penstock stage`",
        Part.WATCHDOG: "`penstock watchdog`, besides the rights of a release",
        Part.WAIT: "`penstock wait` and `penstock stage status`",
        Part.VERDICT: "`penstock verdict`, and `penstock serve` where it is asked for verdicts",
        Part.ORDER: "`penstock pause`, `resume`, `abort`, `retry` and `promote`",
        Part.REVERT: "`penstock revert`, besides the rights of a release",
        Part.ADOPT: "`penstock adopt` and `penstock hand-back`",
        Part.READ_BACK: "`penstock serve --verify-hooks enforce`, or `warn`",
        Part.JOBS: "`penstock serve`, or `penstock runner`, for tests that run as Kubernetes Jobs",
        Part.EXECUTOR: "Argo's executor, in every pod of a workflow, besides what the pod itself needs",
    }
)


@dataclass(frozen=True, slots=True)
class Right:
    """Name what may be done with one kind of object, and what for."""

    kind: Kind
    verbs: tuple[str, ...]
    reason: str
    subresource: str = ""

    @property
    def resource(self) -> str:
        """Name the resource as rules of roles do."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural


_COMPANIONS: Mapping[str, tuple[Kind, ...]] = MappingProxyType(
    {"istio": (istio.DESTINATION_RULE,), "gloo": (gloo.UPSTREAM,)}
)
"""The objects that a router writes beside the one that holds the split."""

CLUSTER_WIDE = frozenset({kuma.TRAFFIC_ROUTE})
"""The kinds whose objects lie in no namespace, so that no Role can give a right to them."""

_WITH_PODS = frozenset({DEPLOYMENT.kind, DAEMON_SET.kind})
"""The targets whose pods we copy to a primary."""

_TASK_RESULT = Kind("argoproj.io/v1alpha1", "WorkflowTaskResult", "workflowtaskresults")
"""How Argo's executor tells its controller what a pod left; we read and write none."""


def list_rights(plan: RolloutPlan, part: Part) -> tuple[Right, ...]:
    """List what one part needs for the release of one canary, in its namespace."""
    return tuple(_ROWS[part](plan))


def _list_release(plan: RolloutPlan) -> Iterator[Right]:
    yield Right(CANARY, ("get",), "read the plan, and see whether Flagger drives")
    yield Right(CANARY, ("patch",), "show phase and weight", "status")
    yield Right(LEASE, _KEEP, "own the release")
    yield Right(CONFIG_MAP, _KEEP, "keep the state; copy what the pods use")
    yield Right(SECRET, _KEEP, "copy what the pods use; leave it out where they use none")
    yield Right(EVENT, ("create", "patch"), "tell what happens")
    yield Right(SERVICE, _KEEP, "name the two arms and the service before them")
    yield Right(ENDPOINT_SLICE, ("list",), "see which arm can serve")
    yield from _list_target(plan)
    yield from _list_router(plan)
    if plan.autoscaler:
        yield Right(_autoscaler(plan), _KEEP, "scale the primary as the target is scaled")
    if any(check.template for check in plan.analysis.checks):
        yield Right(METRIC_TEMPLATE, ("get",), "ask the queries of spec.analysis.metrics")
    if plan.analysis.alerts:
        yield Right(ALERT_PROVIDER, ("get",), "tell the providers of spec.analysis.alerts")


def _list_target(plan: RolloutPlan) -> Iterator[Right]:
    if plan.target.kind in _WITH_PODS:
        yield Right(kind_of(plan), _KEEP, "copy the target to the primary, and scale it")
        yield Right(POD, ("list",), "say why an arm is not ready")


def _list_router(plan: RolloutPlan) -> Iterator[Right]:
    provider = plan.provider or DEFAULT
    dialect = find_dialect(plan)
    for kind in (dialect.kind, *_COMPANIONS.get(provider, ())):
        if kind != SERVICE:
            yield Right(kind, _KEEP, f"split the traffic by {provider}")
    if dialect.is_target:
        yield Right(KNATIVE_REVISION, ("get",), "see which revision is ready")
    if dialect.source and dialect.source.kind not in {dialect.kind, *_COMPANIONS.get(provider, ())}:
        yield Right(dialect.source.kind, ("get",), f"read {dialect.source.field}")


def _autoscaler(plan: RolloutPlan) -> Kind:
    scaler = plan.autoscaler
    return SCALED_OBJECT if scaler and scaler.kind == SCALED_OBJECT.kind else AUTOSCALER


def _list_watchdog(_: RolloutPlan) -> Iterator[Right]:
    yield Right(LEASE, ("list",), "find releases whose owner is gone")
    yield Right(CONFIG_MAP, ("list",), "find releases under way whose Lease was deleted; show where they stand")


def _list_wait(plan: RolloutPlan) -> Iterator[Right]:
    yield Right(CANARY, ("get", "watch"), "see the phase, whoever drives")
    yield Right(CONFIG_MAP, ("get",), "see where our release stands, and what the pods use")
    yield from _list_revision(plan)


def _list_verdict(plan: RolloutPlan) -> Iterator[Right]:
    yield Right(CANARY, ("get",), "know its limits, and see whether Flagger drives")
    yield Right(CONFIG_MAP, ("get",), "see where our release stands")
    if any(check.template for check in plan.analysis.checks):
        yield Right(METRIC_TEMPLATE, ("get",), "ask the queries of spec.analysis.metrics")
    if find_dialect(plan).is_target:
        yield Right(kind_of(plan), ("get",), "know which revisions are the two arms")


def _list_revision(plan: RolloutPlan) -> Iterator[Right]:
    yield Right(kind_of(plan), ("get",), "know the revision that the target asks for")
    if plan.target.kind in _WITH_PODS:
        yield Right(SECRET, ("get",), "know the revision by what the pods use; leave it out where they use none")


def _list_order(_: RolloutPlan) -> Iterator[Right]:
    yield Right(CONFIG_MAP, ("get", "patch"), "leave the order beside the state")


def _list_revert(plan: RolloutPlan) -> Iterator[Right]:
    yield Right(LEASE, ("delete",), "forget the release")
    made = [CONFIG_MAP]
    if not find_dialect(plan).is_target:
        made += [SECRET, SERVICE]
        made += [right.kind for right in (*_list_target(plan), *_list_router(plan)) if "create" in right.verbs]
    if plan.autoscaler:
        made.append(_autoscaler(plan))
    for kind in dict.fromkeys(made):
        yield Right(kind, ("delete",), "take away what a release made")


def _list_adopt(plan: RolloutPlan) -> Iterator[Right]:
    yield Right(CANARY, ("get", "update"), "suspend it for Flagger, or let Flagger go on")
    yield Right(CANARY, ("patch",), "show phase and weight", "status")
    yield Right(LEASE, _KEEP, "own the release while its state is taken over")
    yield Right(CONFIG_MAP, _KEEP, "keep the state, and see what the pods use")
    yield from _list_revision(plan)


def _list_read_back(plan: RolloutPlan) -> Iterator[Right]:
    yield Right(CANARY, ("get", "list", "watch"), "see that a hook stands in its Canary")
    yield Right(kind_of(plan), ("get",), "bind approvals to the template that is to be released")
    if plan.target.kind in _WITH_PODS:
        yield Right(CONFIG_MAP, ("get",), "bind them to what the pods use; without it such a config counts by its name")
        yield Right(SECRET, ("get",), "bind them to what the pods use; without it such a config counts by its name")


def _list_jobs(_: RolloutPlan) -> Iterator[Right]:
    yield Right(JOB, ("create", "get", "delete"), "run a test, and take it away when it is cancelled")
    yield Right(POD, ("list",), "see how its pod is")
    yield Right(POD, ("get",), "read its output", "log")


def _list_executor(_: RolloutPlan) -> Iterator[Right]:
    yield Right(_TASK_RESULT, ("create", "patch"), "tell Argo's controller the outputs of a pod")


_ROWS = MappingProxyType(
    {
        Part.RELEASE: _list_release,
        Part.WATCHDOG: _list_watchdog,
        Part.WAIT: _list_wait,
        Part.VERDICT: _list_verdict,
        Part.ORDER: _list_order,
        Part.REVERT: _list_revert,
        Part.ADOPT: _list_adopt,
        Part.READ_BACK: _list_read_back,
        Part.JOBS: _list_jobs,
        Part.EXECUTOR: _list_executor,
    }
)


def write_rules(rights: Iterable[Right]) -> list[dict[str, Any]]:
    """Write rights as the rules of a Role, one for each resource."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for right in rights:
        known = verbs.setdefault((right.kind.group, right.resource), [])
        known += [verb for verb in right.verbs if verb not in known]
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": verbs} for (group, resource), verbs in verbs.items()
    ]
