"""Join names to adapters: one file for each platform, the only places that know its adapters.

A platform's file is loaded only when it is asked for, so that no command pays for what it does not use. An unknown name
is an error that lists the known ones; there is no default in silence.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from workflows.cluster.client import Cluster
from workflows.errors import ConfigurationError
from workflows.notifiers.console import ConsoleEvents
from workflows.ports import EventSink, Platform, StateStore
from workflows.rollout.plan import RolloutPlan
from workflows.states.place import Place

LOCAL_DIRECTORY = Path(".penstock/local")
"""Where the local platform keeps its files, unless told otherwise."""

_BUILDERS: Mapping[str, str] = MappingProxyType(
    {
        "kubernetes": "workflows.wiring.kubernetes",
        "local": "workflows.wiring.local",
        "memory": "workflows.wiring.memory",
    }
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """Hold what a command asks of a platform.

    `directory` is the local platform's folder, `canary` the plan's file; `cluster` is the connection to Kubernetes and
    `source` the text of the Canary that is kept there beside the release's state. `notify` are the Apprise URLs that
    hear of every release.
    """

    directory: Path = LOCAL_DIRECTORY
    canary: Path | None = None
    prometheus: str = ""
    resolve: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    events: EventSink = field(default_factory=ConsoleEvents)
    cluster: Cluster | None = None
    source: str = ""
    notify: tuple[str, ...] = ()


def build(name: str, plan: RolloutPlan, wishes: Wishes) -> Platform:
    """Give the adapters of a platform; raises ConfigurationError for an unknown or incomplete one."""
    platform: Platform = _load(name).build(plan, wishes)
    return platform


def open_states(name: str, place: Place, wishes: Wishes) -> StateStore:
    """Give where a platform keeps the state of one canary, for who has no plan of it."""
    states: StateStore = _load(name).open_states(place, wishes)
    return states


def _load(name: str) -> Any:
    module = _BUILDERS.get(name)
    if module is None:
        raise ConfigurationError(f"unknown platform {name!r}; known: {', '.join(_BUILDERS)}")
    return importlib.import_module(module)
