"""Turn records into JSON and back, for adapters that keep text."""

import enum
import json
from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

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


def write_run(run: Run) -> str:
    """Write a run as JSON."""
    return json.dumps({**asdict(run), "state": run.state.value})


def read_run(document: str, version: int) -> Run:
    """Read a run that the store keeps at a version."""
    values: dict[str, Any] = json.loads(document)
    watch = values.pop("watch")
    return Run(
        **values
        | {
            "order": RunOrder(**values["order"] | {"canary": CanaryName(**values["order"]["canary"])}),
            "state": RunState(values["state"]),
            "watch": None if watch is None else LoadWatch(**watch),
            "version": version,
        }
    )


def write_gate(gate: Gate) -> str:
    """Write a gate as JSON."""
    return json.dumps({**asdict(gate), "state": gate.state.value})


def read_gate(document: str) -> Gate:
    """Read a gate."""
    values: dict[str, Any] = json.loads(document)
    return Gate(
        **values
        | {
            "canary": CanaryName(**values["canary"]),
            "state": GateState(values["state"]),
            "approvals": tuple(values.get("approvals", ())),
        }
    )


def write_epoch(epoch: Epoch) -> str:
    """Write an epoch as JSON."""
    return json.dumps(asdict(epoch))


def read_epoch(document: str) -> Epoch:
    """Read an epoch."""
    values: dict[str, Any] = json.loads(document)
    held = tuple(values.get("held", ()))
    return Epoch(**values | {"canary": CanaryName(**values["canary"]), "held": held})


def write_event(event: HookEvent) -> str:
    """Write an event as JSON."""
    metadata: Mapping[str, str] = dict(event.metadata)
    return json.dumps({"checksum": event.checksum, "phase": event.phase, "at": event.at, "metadata": metadata})


def read_event(canary: CanaryName, document: str) -> HookEvent:
    """Read an event of a canary."""
    values: dict[str, Any] = json.loads(document)
    return HookEvent(canary, **values | {"metadata": MappingProxyType(values["metadata"])})


def write_release(release: Release) -> str:
    """Write a release as JSON."""
    ending = release.ending and release.ending.value
    return json.dumps({**asdict(release), "teller": release.teller.value, "ending": ending})


def read_release(document: str) -> Release:
    """Read a release."""
    values: dict[str, Any] = json.loads(document)
    plan = values["plan"]
    return Release(
        **values
        | {
            "canary": CanaryName(**values["canary"]),
            "teller": Teller(values["teller"]),
            "plan": ReleasePlan(**plan | {"weights": tuple(plan["weights"])}),
            "ending": values["ending"] and Ending(values["ending"]),
        }
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
    checks = (CheckFigure(**check | {"verdict": Opinion(check["verdict"])}) for check in values["checks"])
    return Report(
        **values
        | {
            "kind": ReportKind(values["kind"]),
            "verdict": values["verdict"] and Opinion(values["verdict"]),
            "checks": tuple(checks),
            "primary": ArmFigures(**values["primary"]),
            "canary": ArmFigures(**values["canary"]),
            "ending": values["ending"] and Ending(values["ending"]),
        }
    )


def write_canary(canary: CanaryName) -> str:
    """Write the name of a canary as one key."""
    # A slash is in no Kubernetes name, so two canaries never share a key.
    return f"{canary.namespace}/{canary.name}"
