"""Carry the operator's tests: what can be run, how it is judged, and which parameters a hook may pass.

A payload picks one of these by name and passes parameters; it never brings a command (rule: no shell from a payload).
"""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType

from webhooks.catalog.gates import GateRule
from webhooks.catalog.specs import Secret, Spec


class Kind(enum.Enum):
    """Name the kinds of tests."""

    HTTP = "http"
    PYTEST = "pytest"
    LOAD = "load"
    COMMAND = "command"
    HELM_TEST = "helm-test"
    KUBERNETES_JOB = "kubernetes-job"


class Every(enum.Enum):
    """Say how long a pass of a rollout hook's test is kept: for the weight step, not at all, or for the analysis."""

    STEP = "step"
    CALL = "call"
    EPOCH = "epoch"


class OnFailure(enum.Enum):
    """Say what a failed confirm-promotion test does besides holding the promotion."""

    HOLD = "hold"
    ROLLBACK = "rollback"


class Where(enum.Enum):
    """Name where a test runs: in the service's runner, or as a Kubernetes Job of our own image."""

    SERVICE = "service"
    JOB = "job"


class ParameterType(enum.Enum):
    """Name the types of parameters."""

    STRING = "string"
    INTEGER = "integer"
    DURATION = "duration"
    ENUM = "enum"
    URL = "url"


@dataclass(frozen=True, slots=True)
class Parameter:
    """Describe a value that a hook may pass in its metadata; without a default it must."""

    name: str
    type: ParameterType = ParameterType.STRING
    pattern: str = ""
    values: tuple[str, ...] = ()
    default: str | None = None


@dataclass(frozen=True, slots=True)
class JobPlace:
    """Say with which image and in which namespace a Kubernetes Job runs; {namespace} is the canary's.

    `user` is the number of the user that its container has, 0 for the one that the image names.
    """

    image: str = ""
    namespace: str = "{namespace}"
    user: int = 0


@dataclass(frozen=True, slots=True)
class Keeping:
    """Say how long a verdict is kept and what a failure does."""

    every: Every = Every.STEP
    final: bool = False
    on_failure: OnFailure = OnFailure.HOLD


@dataclass(frozen=True, slots=True)
class CatalogTest:
    """Describe one named test. `target` is a URL in which {name}, {namespace} and {port} stand for the canary's.

    `definition` is the test as JSON, complete in itself, from which `read_definition` makes it again.
    """

    name: str
    kind: Kind
    spec: Spec
    target: str
    port: int
    timeout_s: float = 60.0
    attempts: int = 1
    parameters: tuple[Parameter, ...] = ()
    definition: str = ""
    keeping: Keeping = field(default_factory=Keeping)
    where: Where = Where.SERVICE
    job: JobPlace = field(default_factory=JobPlace)
    namespaces: tuple[str, ...] = ()
    secrets: tuple[Secret, ...] = ()

    @property
    def in_cluster(self) -> bool:
        """Tell whether the test runs as a Kubernetes Job."""
        return self.where is Where.JOB or self.kind is Kind.KUBERNETES_JOB

    @property
    def stops_gently(self) -> bool:
        """Tell whether the test has something to put away when it is told to stop."""
        return self.kind is Kind.LOAD or self.in_cluster

    @property
    def longest_s(self) -> float:
        """Give how long all attempts may take."""
        return self.timeout_s * self.attempts

    def serves(self, namespace: str) -> bool:
        """Tell whether canaries of a namespace may use the test."""
        return not self.namespaces or any(fnmatchcase(namespace, pattern) for pattern in self.namespaces)

    @property
    def targets_canary(self) -> bool:
        """Tell whether the test needs the canary's pods."""
        return "{name}-canary" in self.target


RESERVED = frozenset({"gate", "hold", "retries", "test", "tests", "type", "wait"})
"""The keys of metadata that are ours, so that no parameter has such a name."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """Hold the operator's tests by name, and the rules of gates."""

    tests: Mapping[str, CatalogTest] = field(default_factory=lambda: MappingProxyType({}))
    gates: Mapping[str, GateRule] = field(default_factory=lambda: MappingProxyType({}))


def accept(parameter: Parameter, text: str) -> bool:
    """Tell whether a text is of a parameter's type and pattern."""
    match parameter.type:
        case ParameterType.STRING:
            fits = text.isprintable()
        case ParameterType.INTEGER:
            fits = bool(re.fullmatch(r"-?[0-9]{1,18}", text))
        case ParameterType.DURATION:
            fits = bool(re.fullmatch(r"([0-9]+(ms|s|m|h))+", text))
        case ParameterType.ENUM:
            fits = text in parameter.values
        case ParameterType.URL:
            fits = bool(re.fullmatch(r"https?://[^\s/?#@]+([/?#]\S*)?", text))
    return fits and (not parameter.pattern or bool(re.fullmatch(parameter.pattern, text)))
