"""Find the ConfigMaps and Secrets that pods use, and make them use the primary's copies instead.

Pure. The rule to keep: only what was read and may be copied is renamed; everything else both arms share.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from workflows.cluster.kinds import CONFIG_MAP, SECRET, Kind, Manifest

OPT_OUT = ("penstock.dev/config-tracking", "flagger.app/config-tracking")
"""Annotations that share a config between the arms; a value that begins with `disable` does it."""

_COPIED_SECRETS = frozenset(
    {"Opaque", "kubernetes.io/basic-auth", "kubernetes.io/ssh-auth", "kubernetes.io/tls"},
)


@dataclass(frozen=True, slots=True, order=True)
class Config:
    """Name a ConfigMap or a Secret as Flagger's status does: `configmap` or `secret`, and its name."""

    sort: str
    name: str

    @property
    def kind(self) -> Kind:
        """Give the kind to read it by."""
        return SECRET if self.sort == "secret" else CONFIG_MAP

    @property
    def primary_name(self) -> str:
        """Name the copy that the primary's pods use."""
        return f"{self.name}-primary"

    def __str__(self) -> str:
        """Name it as people do: `ConfigMap settings`."""
        return f"{self.kind.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class _Place:
    sort: str
    holder: Manifest
    field: str = "name"

    @property
    def config(self) -> Config:
        return Config(self.sort, self.holder.get(self.field, ""))


def find_configs(pod: Manifest) -> Mapping[Config, bool]:
    """List the configs that a pod's spec names, each with whether its pods cannot start without it."""
    found: dict[Config, bool] = {}
    for place in _places(pod):
        needed = not place.holder.get("optional", False)
        found[place.config] = found.get(place.config, False) or needed
    return found


def use_copies(pod: Manifest, copied: Collection[Config]) -> None:
    """Make a pod's spec use the primary's copies."""
    for place in _places(pod):
        if place.config in copied:
            place.holder[place.field] = place.config.primary_name


def tracked(config: Config, manifest: Manifest) -> bool:
    """Tell whether a change of a config is a new revision: unless its owner says no, or it is a kind of credential."""
    annotations = manifest["metadata"].get("annotations") or {}
    if any(str(annotations.get(name, "")).lower().startswith("disable") for name in OPT_OUT):
        return False
    return config.kind is not SECRET or manifest.get("type", "Opaque") in _COPIED_SECRETS


def digest(manifest: Manifest) -> str:
    """Identify what a config says."""
    said = {part: manifest.get(part) or {} for part in ("data", "binaryData")}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


def _places(pod: Manifest) -> Iterator[_Place]:
    for volume in pod.get("volumes") or []:
        yield from _volume_places(volume)
    for container in [*(pod.get("initContainers") or []), *(pod.get("containers") or [])]:
        yield from _container_places(container)


def _volume_places(volume: Manifest) -> Iterator[_Place]:
    if "configMap" in volume:
        yield _Place("configmap", volume["configMap"])
    if "secret" in volume:
        yield _Place("secret", volume["secret"], "secretName")
    for source in (volume.get("projected") or {}).get("sources") or []:
        yield from (_Place(part.lower(), source[part]) for part in ("configMap", "secret") if part in source)


def _container_places(container: Manifest) -> Iterator[_Place]:
    for entry in container.get("env") or []:
        origin = entry.get("valueFrom") or {}
        yield from _named(origin, {"configMapKeyRef": "configmap", "secretKeyRef": "secret"})
    for origin in container.get("envFrom") or []:
        yield from _named(origin, {"configMapRef": "configmap", "secretRef": "secret"})


def _named(origin: Manifest, sorts: Mapping[str, str]) -> Iterator[_Place]:
    yield from (_Place(sort, origin[part]) for part, sort in sorts.items() if part in origin)
