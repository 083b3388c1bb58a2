"""Carry what each kind of test needs; a value here has passed all checks of the catalog."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


class InconclusivePolicy(enum.Enum):
    """Say how a load without enough requests counts."""

    PASS = "pass"  # noqa: S105 - the word of the catalog, not a password
    FAIL = "fail"


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
class CommandSpec:
    """Describe a command: a list of arguments that no shell reads.

    `${name}` stands for a parameter, `${folder}` for the folder of the catalog, `${target}` for the URL to test. It
    runs in an empty folder; a JUnit file that it leaves there is read back. `pass_on` names variables of the service
    that it may see, `*` all of them. A `verbatim` command has no placeholders. `needs` names a program that must be
    there, where it is not the first argument.
    """

    argv: tuple[str, ...]
    junit: str = "junit.xml"
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    pass_on: tuple[str, ...] = ()
    folder: str = ""
    log_output: bool = False
    verbatim: bool = False
    needs: str = ""


@dataclass(frozen=True, slots=True)
class HelmTestSpec:
    """Describe `helm test` of a release; {name} and {namespace} stand for the canary's."""

    release: str = "{name}"
    namespace: str = "{namespace}"
    filter: str = ""


@dataclass(frozen=True, slots=True)
class KubernetesJobSpec:
    """Describe a container of the user's own image; its exit code is the verdict."""

    argv: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Secret:
    """Name a secret and where its value is: a variable, a file, or a key of a Kubernetes Secret.

    The last is for tests that run as Kubernetes Jobs, and the only one for them.
    """

    name: str
    variable: str = ""
    file: str = ""
    secret: str = ""
    key: str = ""


Spec = HttpSpec | PytestSpec | LoadSpec | CommandSpec | HelmTestSpec | KubernetesJobSpec
"""What a kind of test needs."""
