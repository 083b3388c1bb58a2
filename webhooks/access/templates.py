"""Know what a release would bring: a hash of the target's pod template and of the configs it refers to.

Read anew at each question, since an approval is bound to the answer. Configs are those that Flagger tracks.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from webhooks.access.cluster_api import ClusterApi, ForbiddenError
from webhooks.access.entries import TargetRef

HASH_LENGTH = 12
"""How many characters name a template."""

_PLURALS = {"Deployment": "deployments", "DaemonSet": "daemonsets", "Service": "services"}
_API_VERSIONS = {"Deployment": "apps/v1", "DaemonSet": "apps/v1", "Service": "serving.knative.dev/v1"}
_SCALED_TO_ZERO = "flagger.app/scale-to-zero"
_TRACKING = "flagger.app/config-tracking"
_MOST_CONFIGS = 50
_ABSENT, _UNREADABLE = "absent", "unreadable"


class Templates:
    """Read templates from the cluster."""

    def __init__(self, api: ClusterApi) -> None:
        self._api = api

    def find(self, namespace: str, target: TargetRef | None) -> str:
        """Give the hash of a target's template, empty where there is none; raises ClusterError."""
        if target is None or target.kind not in _PLURALS:
            return ""
        version = target.api_version or _API_VERSIONS[target.kind]
        document = self._api.read(_path(version, namespace, _PLURALS[target.kind], target.name))
        template = ((document or {}).get("spec") or {}).get("template")
        if not isinstance(template, Mapping):
            return ""
        configs = list(dict.fromkeys(list_configs(template)))[:_MOST_CONFIGS]
        return hash_template(template, {f"{kind}/{name}": self._read(namespace, kind, name) for kind, name in configs})

    def _read(self, namespace: str, kind: str, name: str) -> object:
        try:
            document = self._api.read(_path("v1", namespace, kind, name))
        except ForbiddenError:
            # Without the right to see it, a config counts by its name.
            return _UNREADABLE
        if document is None:
            return _ABSENT
        annotations = (document.get("metadata") or {}).get("annotations") or {}
        if str(annotations.get(_TRACKING, "")).startswith("disabled"):
            return None
        return {key: document.get(key) for key in ("data", "binaryData")}


def _path(version: str, namespace: str, plural: str, name: str) -> str:
    group = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return f"{group}/namespaces/{quote(namespace, safe='')}/{plural}/{quote(name, safe='')}"


def hash_template(template: Mapping[str, Any], configs: Mapping[str, object]) -> str:
    """Name a template with its configs; a config that is None is not tracked."""
    spec = dict(template.get("spec") or {})
    # Flagger writes this into the template of a DaemonSet to stop it: no revision of its own.
    selector = {key: value for key, value in (spec.pop("nodeSelector", None) or {}).items() if key != _SCALED_TO_ZERO}
    tracked = {name: config for name, config in configs.items() if config is not None}
    text = json.dumps([{**template, "spec": spec}, selector, tracked], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]


def list_configs(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """List the ConfigMaps and Secrets that a template cannot do without, as (plural, name)."""
    spec = template.get("spec") or {}
    for volume in spec.get("volumes") or []:
        yield from _of_volume(volume)
        for source in (volume.get("projected") or {}).get("sources") or []:
            yield from _of_source(source)
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        for source in container.get("envFrom") or []:
            yield from _named("configmaps", source.get("configMapRef"))
            yield from _named("secrets", source.get("secretRef"))
        for variable in container.get("env") or []:
            value = variable.get("valueFrom") or {}
            yield from _named("configmaps", value.get("configMapKeyRef"))
            yield from _named("secrets", value.get("secretKeyRef"))


def _of_volume(volume: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _named("configmaps", volume.get("configMap"))
    secret = volume.get("secret") or {}
    yield from _named("secrets", {**secret, "name": secret.get("secretName")})


def _of_source(source: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _named("configmaps", source.get("configMap"))
    yield from _named("secrets", source.get("secret"))


def _named(plural: str, reference: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if reference and reference.get("name") and not reference.get("optional"):
        yield plural, str(reference["name"])
