"""Join names to adapters: the only place that knows them all.

An unknown name is an error that lists the known ones; there is no default in silence.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from workflows import stages
from workflows.clocks import MemoryClock, SystemClock
from workflows.errors import ConfigurationError
from workflows.hooks.http import HttpHookCaller
from workflows.hooks.memory import MemoryHookCaller
from workflows.metrics.envoy import EnvoyCounter
from workflows.metrics.memory import MemoryMetrics, MemoryTraffic
from workflows.metrics.prometheus import PrometheusMetrics
from workflows.notifiers.console import ConsoleEvents
from workflows.notifiers.memory import MemoryEvents, MemoryNotifier
from workflows.ports import EventSink, MetricSource, Platform
from workflows.release import Release, let_go
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.samples import Measurement
from workflows.routers.envoy import EnvoyRouter
from workflows.routers.memory import MemoryRouter
from workflows.states import files
from workflows.states.files import FileStateStore
from workflows.states.memory import MemoryStateStore
from workflows.workloads.memory import MemoryWorkload
from workflows.workloads.processes import ProcessWorkload

LOCAL_DIRECTORY = Path(".penstock/local")
"""Where the local platform keeps its files, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """Hold what a command asks of a platform; `directory` is the local platform's folder, `canary` the plan's file."""

    directory: Path = LOCAL_DIRECTORY
    canary: Path | None = None
    prometheus: str = ""
    resolve: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    events: EventSink = field(default_factory=ConsoleEvents)


def build(name: str, plan: RolloutPlan, wishes: Wishes) -> Platform:
    """Give the adapters of a platform; raises ConfigurationError for an unknown or incomplete one."""
    builder = _BUILDERS.get(name)
    if builder is None:
        raise ConfigurationError(f"unknown platform {name!r}; known: {', '.join(sorted(_BUILDERS))}")
    return builder(plan, wishes)


def _build_local(plan: RolloutPlan, wishes: Wishes) -> Platform:
    clock, directory = SystemClock(), wishes.directory
    workload = ProcessWorkload(
        directory,
        clock,
        primary_ready_percent=plan.analysis.primary_ready_percent,
        canary_ready_percent=plan.analysis.canary_ready_percent,
    )
    if wishes.canary:
        # A platform that is not there is said now, not after a deadline, and gets no files.
        workload.revision()
        _keep_canary(wishes.canary, files.canary_file(directory, plan.key))
    return Platform(
        clock=clock,
        router=EnvoyRouter(directory, plan.analysis),
        workload=workload,
        counter=EnvoyCounter(directory, mirrored=plan.analysis.mirror_percent > 0),
        metrics=_choose_metrics(plan, wishes),
        hooks=HttpHookCaller(wishes.resolve),
        states=FileStateStore(directory, plan.key, clock),
        events=wishes.events,
        notifier=MemoryNotifier(),
    )


def _keep_canary(source: Path, kept: Path) -> None:
    """Keep the file beside the platform's state, as a cluster keeps the object: the watchdog ends releases by it."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(f".{os.getpid()}")
        draft.write_bytes(source.read_bytes())
        draft.replace(kept)
    except OSError as error:
        raise ConfigurationError(f"{kept}: {error.strerror}; name another folder with --dir") from error


def _choose_metrics(plan: RolloutPlan, wishes: Wishes) -> MetricSource:
    url = wishes.prometheus or plan.metrics_server
    custom = [check.name for check in plan.analysis.checks if not check.built_in]
    if custom and not url:
        raise ConfigurationError(
            f"spec.analysis.metrics: {', '.join(custom)} is a query, and queries need Prometheus; "
            "name one with --prometheus URL or in spec.metricsServer"
        )
    return PrometheusMetrics(url) if url else MemoryMetrics()


def _build_memory(plan: RolloutPlan, wishes: Wishes) -> Platform:
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
    )
    rehearsal = Release(platform, plan, "rehearsal")
    stages.initialise(rehearsal)
    let_go(rehearsal)
    workload.deploy("v2")
    return replace(platform, events=wishes.events)


def _healthy_metrics(plan: RolloutPlan) -> MemoryMetrics:
    metrics = MemoryMetrics()
    for check in plan.analysis.checks:
        bound = next((bound for bound in (check.limits.minimum, check.limits.maximum) if bound is not None), 0.0)
        metrics.answer(check.name, [Measurement(bound)])
    return metrics


def _refuse_kubernetes(plan: RolloutPlan, wishes: Wishes) -> Platform:
    _ = (plan, wishes)
    raise ConfigurationError(
        "platform 'kubernetes' is not built yet; it comes with a later release. Use local or memory"
    )


_BUILDERS: Mapping[str, Callable[[RolloutPlan, Wishes], Platform]] = MappingProxyType(
    {"local": _build_local, "memory": _build_memory, "kubernetes": _refuse_kubernetes}
)
