"""Wire the platform of this machine: processes behind Envoy, files for the state."""

import os
from functools import partial
from pathlib import Path

from workflows.clocks import SystemClock
from workflows.errors import ConfigurationError
from workflows.hooks.http import HttpHookCaller
from workflows.loads.processes import ProcessLoad, read_arms
from workflows.metrics.envoy import EnvoyCounter
from workflows.metrics.memory import MemoryMetrics
from workflows.metrics.prometheus import PrometheusMetrics
from workflows.notifiers.alerts import AlertNotifier
from workflows.ports import MetricSource, Platform
from workflows.rollout.plan import RolloutPlan
from workflows.routers.envoy import EnvoyRouter
from workflows.states import files
from workflows.states.files import FileStateStore
from workflows.states.place import Place
from workflows.wiring import Wishes
from workflows.workloads.processes import ProcessWorkload


def build(plan: RolloutPlan, wishes: Wishes) -> Platform:
    """Give the adapters of the local platform; one that is not up is an error now, not after a deadline."""
    clock, directory = SystemClock(), wishes.directory
    workload = ProcessWorkload(
        directory,
        clock,
        primary_ready_percent=plan.analysis.primary_ready_percent,
        canary_ready_percent=plan.analysis.canary_ready_percent,
    )
    if wishes.canary:
        # A platform that is not there gets no files.
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
        notifier=AlertNotifier(None, wishes.notify),
        load=ProcessLoad(partial(read_arms, directory)),
    )


def open_states(place: Place, wishes: Wishes) -> FileStateStore:
    """Give the store of one canary."""
    return FileStateStore(wishes.directory, place.key, SystemClock())


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
