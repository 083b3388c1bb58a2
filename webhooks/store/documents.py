"""Turn records into JSON and back, for adapters that keep text.

The rule to keep: a field that is new has a default, and one that nobody knows is passed over, so that two versions can
work on one store while replicas are replaced.
"""

import enum
import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from types import MappingProxyType
from typing import Any, TypeVar

from webhooks.store.records import CanaryName, Epoch, Gate, GateState, HookEvent, LoadWatch, Run, RunOrder, RunState
from webhooks.store.releases import (
    ArmFigures,
    CheckFigure,
    Ending,
    Opinion,
    Release,
    ReleasePlan,
    Report,
    ReportKind,
    Teller,
)

Record = TypeVar("Record")


@functools.cache
def _names(kind: Any) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind))


def _make(kind: Callable[..., Record], values: Mapping[str, Any]) -> Record:
    known = _names(kind)
    if values.keys() <= known:
        return kind(**values)
    return kind(**{name: value for name, value in values.items() if name in known})


def write_run(run: Run) -> str:
    """Write a run as JSON."""
    return json.dumps({**asdict(run), "state": run.state.value})


def read_run(document: str, version: int) -> Run:
    """Read a run that the store keeps at a version."""
    values: dict[str, Any] = json.loads(document)
    watch = values.pop("watch")
    order = values["order"] | {"canary": _make(CanaryName, values["order"]["canary"])}
    return _make(
        Run,
        values
        | {
            "order": _make(RunOrder, order),
            "state": RunState(values["state"]),
            "watch": None if watch is None else _make(LoadWatch, watch),
            "version": version,
        },
    )


def write_gate(gate: Gate) -> str:
    """Write a gate as JSON."""
    return json.dumps({**asdict(gate), "state": gate.state.value})


def read_gate(document: str) -> Gate:
    """Read a gate."""
    values: dict[str, Any] = json.loads(document)
    return _make(
        Gate,
        values
        | {
            "canary": _make(CanaryName, values["canary"]),
            "state": GateState(values["state"]),
            "approvals": tuple(values.get("approvals", ())),
        },
    )


def write_epoch(epoch: Epoch) -> str:
    """Write an epoch as JSON."""
    return json.dumps(asdict(epoch))


def read_epoch(document: str) -> Epoch:
    """Read an epoch."""
    values: dict[str, Any] = json.loads(document)
    held = tuple(values.get("held", ()))
    return _make(Epoch, values | {"canary": _make(CanaryName, values["canary"]), "held": held})


def write_event(event: HookEvent) -> str:
    """Write an event as JSON."""
    metadata: Mapping[str, str] = dict(event.metadata)
    return json.dumps({"checksum": event.checksum, "phase": event.phase, "at": event.at, "metadata": metadata})


def read_event(canary: CanaryName, document: str) -> HookEvent:
    """Read an event of a canary."""
    values: dict[str, Any] = json.loads(document)
    return _make(HookEvent, values | {"canary": canary, "metadata": MappingProxyType(values["metadata"])})


def write_release(release: Release) -> str:
    """Write a release as JSON."""
    ending = release.ending and release.ending.value
    return json.dumps({**asdict(release), "teller": release.teller.value, "ending": ending})


def read_release(document: str) -> Release:
    """Read a release."""
    values: dict[str, Any] = json.loads(document)
    plan = values["plan"]
    return _make(
        Release,
        values
        | {
            "canary": _make(CanaryName, values["canary"]),
            "teller": Teller(values["teller"]),
            "plan": _make(ReleasePlan, plan | {"weights": tuple(plan["weights"])}),
            "ending": values["ending"] and Ending(values["ending"]),
        },
    )


def write_report(report: Report) -> str:
    """Write a report as JSON."""
    return json.dumps(asdict(report), default=_write_word)


def _write_word(word: object) -> object:
    if isinstance(word, enum.Enum):
        return word.value
    raise TypeError(f"{type(word).__name__} is not written")


def read_report(document: str) -> Report:
    """Read a report."""
    values: dict[str, Any] = json.loads(document)
    checks = (_make(CheckFigure, check | {"verdict": Opinion(check["verdict"])}) for check in values["checks"])
    return _make(
        Report,
        values
        | {
            "kind": ReportKind(values["kind"]),
            "verdict": values["verdict"] and Opinion(values["verdict"]),
            "checks": tuple(checks),
            "primary": _make(ArmFigures, values["primary"]),
            "canary": _make(ArmFigures, values["canary"]),
            "ending": values["ending"] and Ending(values["ending"]),
        },
    )


def write_canary(canary: CanaryName) -> str:
    """Write the name of a canary as one key."""
    # A slash is in no Kubernetes name, so two canaries never share a key.
    return f"{canary.namespace}/{canary.name}"
