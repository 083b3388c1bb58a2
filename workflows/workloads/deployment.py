"""Read a Kubernetes Deployment as something that can be started as processes.

Pure but for `load`. The rule to keep: a file that Kubernetes takes and we cannot honour is refused with the field's
path, never half obeyed.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import yaml

from workflows.errors import ConfigurationError

_REFERENCE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")
_CONTAINER = "spec.template.spec.containers[0]"
_MAX_REPLICAS = 50

Document = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Probe:
    """Say how a process shows that it is ready: by an answer to `path`, or by accepting a connection without one."""

    path: str = ""
    period_s: float = 10.0
    timeout_s: float = 1.0
    failure_threshold: int = 3


@dataclass(frozen=True, slots=True)
class Template:
    """Describe the processes of one version; `revision` changes whenever the Deployment's template does."""

    revision: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    folder: str = "."
    probe: Probe = field(default_factory=Probe)
    grace_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Deployment:
    """Describe what runs: a name, how many, and which template."""

    name: str
    namespace: str
    replicas: int
    template: Template


def _explain(error: Exception) -> str:
    match error:
        case OSError():
            return str(error.strerror)
        case UnicodeDecodeError():
            return "it is not UTF-8 text"
        case _:
            return " ".join(str(error).split())


def load(file: Path) -> Deployment:
    """Read a Deployment's file; raises ConfigurationError with one line per fault."""
    try:
        documents = [document for document in yaml.safe_load_all(file.read_text()) if document is not None]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = _explain(error)
        raise ConfigurationError(f"{file}: cannot be read as YAML ({reason}); name a file with a Deployment") from error
    found = [item for item in documents if isinstance(item, dict) and item.get("kind") == "Deployment"]
    if len(found) != 1:
        raise ConfigurationError(f"{file}: {len(found)} Deployments; give a file with exactly one (apps/v1)")
    return read(found[0], folder=file.resolve().parent, source=str(file))


def read(document: Document, *, folder: Path, source: str) -> Deployment:
    """Read a Deployment's document; its processes are to run in `folder`."""
    faults = list(_faults(document))
    if faults:
        raise ConfigurationError("\n".join(f"{source}: {fault}" for fault in faults))
    metadata, spec = _map(document, "metadata"), _map(document, "spec")
    replicas = spec.get("replicas", 1)
    return Deployment(
        name=str(metadata["name"]),
        namespace=str(metadata.get("namespace") or "default"),
        replicas=replicas if isinstance(replicas, int) else 1,
        template=_template(_map(spec, "template"), folder),
    )


def expand(text: str, environment: Mapping[str, str]) -> str:
    """Put variables in for `$(NAME)`, as Kubernetes does; an unknown name stays as it is written."""
    return _REFERENCE.sub(lambda found: environment.get(found[1], found[0]), text)


def _template(template: Document, folder: Path) -> Template:
    container = _first_container(template)
    grace = _map(template, "spec").get("terminationGracePeriodSeconds", 30)
    canonical = json.dumps(template, sort_keys=True, default=str)
    return Template(
        revision=hashlib.sha256(canonical.encode()).hexdigest()[:10],
        command=tuple(str(word) for word in (*_list(container, "command"), *_list(container, "args"))),
        environment=MappingProxyType(dict(_environment(container))),
        folder=str(folder),
        probe=_probe(_map(container, "readinessProbe")),
        grace_s=float(str(grace)),
    )


def _environment(container: Document) -> Iterator[tuple[str, str]]:
    for entry in _list(container, "env"):
        if isinstance(entry, dict):
            yield str(entry["name"]), str(entry.get("value") or "")


def _probe(probe: Document) -> Probe:
    number = {name: float(str(probe[name])) for name in probe if name.endswith(("Seconds", "Threshold"))}
    return Probe(
        path=str(_map(probe, "httpGet").get("path", "/")) if "httpGet" in probe else "",
        period_s=number.get("periodSeconds", 10.0),
        timeout_s=number.get("timeoutSeconds", 1.0),
        failure_threshold=int(number.get("failureThreshold", 3)),
    )


def _faults(document: Document) -> Iterator[str]:
    metadata, spec = _map(document, "metadata"), _map(document, "spec")
    if document.get("apiVersion") != "apps/v1":
        yield f"apiVersion: {document.get('apiVersion')!r} is not 'apps/v1'"
    if not isinstance(metadata.get("name"), str) or not metadata.get("name"):
        yield f"metadata.name: {metadata.get('name')!r} is not a name"
    replicas = spec.get("replicas", 1)
    if not isinstance(replicas, int) or isinstance(replicas, bool) or not 1 <= replicas <= _MAX_REPLICAS:
        yield f"spec.replicas: {replicas!r} is not a whole number within 1 to {_MAX_REPLICAS}"
    containers = _list(_map(_map(spec, "template"), "spec"), "containers")
    if len(containers) != 1 or not isinstance(containers[0], dict):
        yield f"spec.template.spec.containers: {len(containers)} containers; the local platform runs exactly one"
        return
    yield from _container_faults(containers[0])
    grace = _map(_map(spec, "template"), "spec").get("terminationGracePeriodSeconds", 30)
    if not _is_number(grace):
        yield f"spec.template.spec.terminationGracePeriodSeconds: {grace!r} is not a number of seconds"


def _container_faults(container: Document) -> Iterator[str]:
    words = _list(container, "command")
    if not words or not all(isinstance(word, str) for word in words):
        yield f"{_CONTAINER}.command: {container.get('command')!r}; a process needs its command, an image has none here"
    if not isinstance(container.get("args", []), list) or "envFrom" in container:
        yield f"{_CONTAINER}: args must be a list, and envFrom needs a cluster; give args as a list and env as values"
    yield from _environment_faults(_list(container, "env"))
    yield from _probe_faults(_map(container, "readinessProbe"))


def _environment_faults(entries: list[object]) -> Iterator[str]:
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or "valueFrom" in entry:
            yield f"{_CONTAINER}.env[{index}]: {entry!r}; give a name and a value, valueFrom needs a cluster"
        elif not isinstance(entry.get("value", ""), str):
            yield f"{_CONTAINER}.env[{index}].value: {entry['value']!r} is not a string; put it in quotes"


def _probe_faults(probe: Document) -> Iterator[str]:
    for name in sorted({"exec", "grpc"} & probe.keys()):
        yield f"{_CONTAINER}.readinessProbe.{name}: not known to the local platform; use httpGet or tcpSocket"
    for name in ("periodSeconds", "timeoutSeconds", "failureThreshold"):
        if name in probe and not _is_number(probe[name]):
            yield f"{_CONTAINER}.readinessProbe.{name}: {probe[name]!r} is not a positive number"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0 and math.isfinite(value)


def _first_container(template: Document) -> Document:
    first = _list(_map(template, "spec"), "containers")[0]
    return first if isinstance(first, dict) else {}


def _map(document: Document, name: str) -> Document:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _list(document: Document, name: str) -> list[object]:
    value = document.get(name)
    return value if isinstance(value, list) else []
