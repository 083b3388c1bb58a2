"""Carry the operator's tests: what can be run, how it is judged, and which parameters a hook may pass.

A payload picks one of these by name and passes parameters; it never brings a command (rule: no shell from a payload).
"""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


class Kind(enum.Enum):
    """Name the kinds of tests."""

    HTTP = "http"
    PYTEST = "pytest"
    LOAD = "load"


class InconclusivePolicy(enum.Enum):
    """Say how a load without enough requests counts."""

    PASS = "pass"  # noqa: S105 - the word of the catalog, not a password
    FAIL = "fail"


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
class Expectation:
    """Say what an answer must be: `json` maps paths to values, `has` are paths that must be there."""

    statuses: tuple[str, ...] = ("200",)
    json: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    has: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    max_latency_s: float = 0.0


@dataclass(frozen=True, slots=True)
class RequestStep:
    """Describe one request of a sequence; `capture` maps names to JSON paths, later steps use the values as ${name}."""

    name: str
    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    body: str = ""
    expect: Expectation = field(default_factory=Expectation)
    capture: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class HttpSpec:
    """Describe requests that are sent one after another and must all be answered as expected."""

    requests: tuple[RequestStep, ...]


@dataclass(frozen=True, slots=True)
class PytestSpec:
    """Describe a pytest suite: where it is, which of its tests, and the plugins it needs."""

    path: str
    keyword: str = ""
    plugins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadSpec:
    """Describe a load: the plan (as the file of loadtester has it, without target), its limits and what too little is.

    `lease_s` is how long the load of a rollout hook goes on after the first call; 0 is the default.
    """

    plan: Mapping[str, object]
    thresholds: tuple[str, ...] = ()
    minimum_requests: int = 10
    inconclusive: InconclusivePolicy = InconclusivePolicy.FAIL
    lease_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CatalogTest:
    """Describe one named test. `target` is a URL in which {name}, {namespace} and {port} stand for the canary's.

    `definition` is the test as JSON, complete in itself, from which `read_definition` makes it again.
    """

    name: str
    kind: Kind
    spec: HttpSpec | PytestSpec | LoadSpec
    target: str
    port: int
    timeout_s: float = 60.0
    attempts: int = 1
    parameters: tuple[Parameter, ...] = ()
    definition: str = ""

    @property
    def targets_canary(self) -> bool:
        """Tell whether the test needs the canary's pods."""
        return "{name}-canary" in self.target


@dataclass(frozen=True, slots=True)
class Catalog:
    """Hold the operator's tests by name."""

    tests: Mapping[str, CatalogTest] = field(default_factory=lambda: MappingProxyType({}))


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
