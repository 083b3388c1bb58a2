"""Wire a cluster: what Flagger's controller does, from outside of it and from the same Canary."""

from functools import partial

from workflows.clocks import SystemClock
from workflows.cluster.client import Cluster
from workflows.cluster.guard import Guard
from workflows.cluster.pen import Pen
from workflows.cluster.targets import kind_of
from workflows.errors import ConfigurationError
from workflows.hooks.http import HttpHookCaller
from workflows.metrics.cluster import ClusterMetrics, build_counter
from workflows.notifiers.alert_provider import read_provider
from workflows.notifiers.alerts import AlertNotifier
from workflows.notifiers.fanout import EventFanout
from workflows.notifiers.kubernetes import KubernetesEvents
from workflows.ports import Platform
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.traffic import Arm
from workflows.routers.kubernetes import build_router
from workflows.routers.paced import PacedRouter
from workflows.states.kubernetes import KubernetesStateStore
from workflows.states.place import Place
from workflows.wiring import Wishes
from workflows.workloads.kubernetes.choice import build_workload


def build(plan: RolloutPlan, wishes: Wishes) -> Platform:
    """Give the adapters of a cluster; a target that is not there is an error now, not after a deadline."""
    if plan.top_up:
        raise ConfigurationError(
            "penstock.dev/top-up: on the platform 'kubernetes' requests of our own cannot be told from the users'; "
            "remove the annotation"
        )
    clock, cluster = SystemClock(), _demand(wishes)
    states = KubernetesStateStore(cluster, Place(plan.namespace, plan.name), clock, wishes.source)
    pen = open_pen(states, plan, wishes)
    workload = build_workload(pen, plan, clock)
    return Platform(
        clock=clock,
        router=PacedRouter(
            build_router(pen, plan, clock), workload.capacity, lambda: workload.readiness(Arm.CANARY).serving, clock
        ),
        workload=workload,
        counter=build_counter(cluster, plan, wishes.prometheus),
        metrics=ClusterMetrics(cluster, wishes.prometheus),
        hooks=HttpHookCaller(wishes.resolve),
        states=states,
        events=EventFanout(wishes.events, KubernetesEvents(cluster, kind_of(plan))),
        notifier=AlertNotifier(partial(read_provider, cluster, plan.namespace), wishes.notify),
    )


def open_states(place: Place, wishes: Wishes) -> KubernetesStateStore:
    """Give the store of one canary."""
    return KubernetesStateStore(_demand(wishes), place, SystemClock())


def open_pen(states: KubernetesStateStore, plan: RolloutPlan, wishes: Wishes) -> Pen:
    """Give the pen of who holds the lease in these states."""
    cluster = _demand(wishes)
    return Pen(cluster, plan.namespace, states.fence, Guard(cluster, plan.namespace, plan.name))


def _demand(wishes: Wishes) -> Cluster:
    if wishes.cluster is None:
        raise ConfigurationError("platform 'kubernetes' needs a connection; name a cluster with --kubeconfig")
    return wishes.cluster
