"""Wire a rehearsal: a good release on paper, which moves nothing and takes no time."""

from dataclasses import replace

from workflows import stages
from workflows.clocks import MemoryClock
from workflows.custody import let_go
from workflows.errors import ConfigurationError
from workflows.hooks.memory import MemoryHookCaller
from workflows.loads.memory import MemoryLoad
from workflows.metrics.memory import MemoryMetrics, MemoryTraffic
from workflows.notifiers.memory import MemoryEvents, MemoryNotifier
from workflows.ports import Platform
from workflows.release import Release
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.samples import Measurement
from workflows.routers.memory import MemoryRouter
from workflows.states.memory import MemoryStateStore
from workflows.states.place import Place
from workflows.wiring import Wishes
from workflows.workloads.memory import MemoryWorkload


def build(plan: RolloutPlan, wishes: Wishes) -> Platform:
    """Rehearse: the first revision is deployed, a healthy second one waits to be released, time passes at once."""
    clock, router = MemoryClock(), MemoryRouter()
    workload = MemoryWorkload(clock)
    platform = Platform(
        clock=clock,
        router=router,
        workload=workload,
        counter=MemoryTraffic(clock, router),
        metrics=_healthy_metrics(plan),
        hooks=MemoryHookCaller(),
        states=MemoryStateStore(plan.key, clock),
        events=MemoryEvents(),
        notifier=MemoryNotifier(),
        load=MemoryLoad(),
    )
    rehearsal = Release(platform, plan, "rehearsal")
    stages.initialise(rehearsal)
    let_go(rehearsal)
    workload.deploy("v2")
    return replace(platform, events=wishes.events)


def open_states(place: Place, wishes: Wishes) -> MemoryStateStore:
    """Refuse: what is rehearsed is over when its command is."""
    _ = wishes
    raise ConfigurationError(f"{place.key}: the platform 'memory' keeps nothing between two commands")


def _healthy_metrics(plan: RolloutPlan) -> MemoryMetrics:
    metrics = MemoryMetrics()
    for check in plan.analysis.checks:
        bound = next((bound for bound in (check.limits.minimum, check.limits.maximum) if bound is not None), 0.0)
        metrics.answer(check.name, [Measurement(bound)])
    return metrics
