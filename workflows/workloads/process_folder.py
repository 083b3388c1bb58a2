"""Keep what is asked of the local platform's processes and what was last seen of them, in two files.

Whoever changes a release writes the wish; the supervisor alone starts and stops processes and writes the sighting.
The rule to keep: a wish is absolute and replaced by rename under a lock, so a writer that dies leaves a whole one.
"""

import fcntl
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from workflows.errors import ConfigurationError, UnavailableError
from workflows.rollout.traffic import Arm
from workflows.workloads.deployment import Deployment, Probe, Template

_WAY_OUT = "is the platform up? See `penstock local status`, start it with `penstock local up`"


@dataclass(frozen=True, slots=True)
class Wish:
    """Say what should run: the target's and the primary's Deployments, and which arm is scaled up.

    Until a release has `adopted` the platform, the primary follows the target at once, as a plain Deployment does.
    """

    target: Deployment
    primary: Deployment
    adopted: bool = False
    primary_up: bool = True
    canary_up: bool = False

    def template(self, arm: Arm) -> Template:
        """Give the template that an arm's processes are made from."""
        return self.primary.template if arm is Arm.PRIMARY else self.target.template

    def replicas(self, arm: Arm) -> int:
        """Give how many processes an arm should have; both arms have as many as the primary's Deployment says."""
        up = self.primary_up if arm is Arm.PRIMARY else self.canary_up
        return self.primary.replicas if up else 0


@dataclass(frozen=True, slots=True)
class Replica:
    """Tell of one process: `serving` is true once Envoy sends requests to it."""

    pid: int
    port: int
    revision: str
    serving: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ArmSighting:
    """Tell of one arm's processes, and for how long it has missed its number without progress."""

    replicas: tuple[Replica, ...] = ()
    unready_for_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Tell of all processes at one moment."""

    supervisor: int
    heartbeat: datetime
    primary: ArmSighting
    canary: ArmSighting

    def of(self, arm: Arm) -> ArmSighting:
        """Give one arm's part."""
        return self.primary if arm is Arm.PRIMARY else self.canary


def wish_file(directory: Path) -> Path:
    """Name the file of the wish."""
    return directory / "workload" / "wish.json"


def read_wish(directory: Path) -> Wish:
    """Read what is asked for; raises UnavailableError when nobody has asked yet."""
    document = _read(wish_file(directory))
    try:
        target, primary = (_decode_deployment(document[name]) for name in ("target", "primary"))
        flags = {name: bool(document[name]) for name in ("adopted", "primary_up", "canary_up")}
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{wish_file(directory)}: not a wish ({error!r}); start the platform anew") from error
    return Wish(target, primary, **flags)


def change_wish(directory: Path, change: Callable[[Wish | None], Wish]) -> Wish:
    """Replace the wish by what `change` makes of it, alone among all writers."""
    file = wish_file(directory)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = read_wish(directory) if file.exists() else None
            after = change(before)
            if after != before:
                _write(file, _encode_wish(after))
            return after
    except OSError as error:
        raise UnavailableError(f"{file}: {error.strerror}; {_WAY_OUT}") from error


def apply(directory: Path, deployment: Deployment) -> Wish:
    """Ask for another Deployment, as `kubectl apply` does."""

    def change(before: Wish | None) -> Wish:
        if before is None:
            return Wish(target=deployment, primary=deployment)
        if before.adopted:
            return replace(before, target=deployment)
        return replace(before, target=deployment, primary=deployment)

    return change_wish(directory, change)


def read_sighting(directory: Path) -> Sighting:
    """Read what the supervisor saw last; raises UnavailableError when there is nothing."""
    file = _sighting_file(directory)
    document = _read(file)
    try:
        primary, canary = (_decode_arm(document[name]) for name in ("primary", "canary"))
        return Sighting(int(document["supervisor"]), datetime.fromisoformat(document["heartbeat"]), primary, canary)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{file}: not a sighting ({error!r}); start the platform anew") from error


def write_sighting(directory: Path, sighting: Sighting) -> None:
    """Tell what is seen."""
    _write(_sighting_file(directory), {**asdict(sighting), "heartbeat": sighting.heartbeat.isoformat()})


def _sighting_file(directory: Path) -> Path:
    return directory / "workload" / "sighting.json"


def _read(file: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(file.read_text())
    except OSError as error:
        raise UnavailableError(f"{file}: {error.strerror}; {_WAY_OUT}") from error
    except ValueError as error:
        raise ConfigurationError(f"{file}: not JSON ({error}); start the platform anew") from error
    return document if isinstance(document, dict) else {}


def _write(file: Path, document: object) -> None:
    temporary = file.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(document))
    temporary.replace(file)


def _encode_wish(wish: Wish) -> dict[str, object]:
    return {
        "target": _encode_deployment(wish.target),
        "primary": _encode_deployment(wish.primary),
        "adopted": wish.adopted,
        "primary_up": wish.primary_up,
        "canary_up": wish.canary_up,
    }


def _encode_deployment(deployment: Deployment) -> dict[str, object]:
    template = deployment.template
    return {
        "name": deployment.name,
        "namespace": deployment.namespace,
        "replicas": deployment.replicas,
        "template": {
            "revision": template.revision,
            "command": list(template.command),
            "environment": dict(template.environment),
            "folder": template.folder,
            "probe": asdict(template.probe),
            "grace_s": template.grace_s,
        },
    }


def _decode_deployment(document: Mapping[str, Any]) -> Deployment:
    template = dict(document["template"])
    template["command"] = tuple(template["command"])
    template["environment"] = MappingProxyType(template["environment"])
    template["probe"] = Probe(**template["probe"])
    return Deployment(
        str(document["name"]), str(document["namespace"]), int(document["replicas"]), Template(**template)
    )


def _decode_arm(document: Mapping[str, Any]) -> ArmSighting:
    replicas = tuple(Replica(**replica) for replica in document["replicas"])
    return ArmSighting(replicas, float(document["unready_for_s"]), str(document["reason"]))
