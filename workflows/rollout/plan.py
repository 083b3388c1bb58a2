"""Carry what the owner of a canary asked for, after every default has been filled in.

A plan is valid once it is built: `workflows.canary` reads it from Flagger's YAML, the machine follows it.
Shares of traffic are whole percents, durations are timedeltas, limits are in the unit of their check.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from webhooks.protocol import HookType
from workflows.rollout.terms import Mode

SUCCESS_RATE = "request-success-rate"
DURATION = "request-duration"
BUILT_IN_CHECKS = frozenset({SUCCESS_RATE, DURATION})


class Strategy(enum.Enum):
    """Name the ways to move to a new version (Flagger: `DeploymentStrategy()`)."""

    CANARY = "canary"
    AB_TESTING = "ab-testing"
    BLUE_GREEN = "blue-green"


class NoDataPolicy(enum.Enum):
    """Say how a check without data counts (annotation `penstock.dev/no-data`)."""

    FAIL = "fail"
    HOLD = "hold"


class Judge(enum.Enum):
    """Name the ways to judge a canary (annotation `penstock.dev/judge`): by thresholds, or by evidence in a mode."""

    THRESHOLD = "threshold"
    EVIDENCE = "evidence"
    EVIDENCE_STRICT = "evidence-strict"

    @property
    def mode(self) -> Mode | None:
        """Give the mode of the evidence judge; None for thresholds."""
        return _MODES.get(self)


_MODES = MappingProxyType({Judge.EVIDENCE: Mode.NORMAL, Judge.EVIDENCE_STRICT: Mode.STRICT})


class Severity(enum.IntEnum):
    """Rank alerts; an alert provider gets those of its own severity and above."""

    INFO = 1
    WARN = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Reference:
    """Name another object."""

    kind: str
    name: str
    api_version: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """Name the target's autoscaler; `None` and an absent query mean that the primary's has the same."""

    kind: str
    name: str
    api_version: str = ""
    min_replicas: int | None = None
    max_replicas: int | None = None
    queries: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Limits:
    """Bound a measured value; both bounds are inclusive, None is no bound."""

    minimum: float | None = None
    maximum: float | None = None

    def admit(self, value: float) -> bool:
        """Tell whether the value lies within the bounds."""
        above = self.minimum is None or value >= self.minimum
        return above and (self.maximum is None or value <= self.maximum)


@dataclass(frozen=True, slots=True)
class Check:
    """Describe one metric check: a built-in one by its name, any other by its query or template.

    `request-success-rate` is in percent, `request-duration` is the p99 in milliseconds.
    """

    name: str
    limits: Limits
    interval: timedelta = timedelta(minutes=1)
    query: str = ""
    template: Reference | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def built_in(self) -> bool:
        """Tell whether the traffic counters serve this check."""
        return self.name in BUILT_IN_CHECKS


@dataclass(frozen=True, slots=True)
class Hook:
    """Describe one webhook; `timeout` is for each attempt, `retries` are extra attempts."""

    name: str
    url: str
    type: HookType = HookType.ROLLOUT
    timeout: timedelta = timedelta(seconds=10)
    retries: int = 0
    verify_tls: bool = True
    mute_alert: bool = False
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Alerting:
    """Say who is told: an alert provider and the least severity it gets."""

    name: str
    provider: Reference
    severity: Severity = Severity.INFO


@dataclass(frozen=True, slots=True)
class StringMatch:
    """Match a text in one way: exact, prefix, suffix or regex (Istio's StringMatch)."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class RequestMatch:
    """Pick the requests of an A/B test: every header and query parameter named must match."""

    headers: Mapping[str, StringMatch] = field(default_factory=lambda: MappingProxyType({}))
    query_params: Mapping[str, StringMatch] = field(default_factory=lambda: MappingProxyType({}))
    source_labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class SessionAffinity:
    """Keep a user on the arm that served it first, by cookie."""

    cookie_name: str
    primary_cookie_name: str = ""
    max_age: timedelta = timedelta(days=1)
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class Load(enum.Enum):
    """Say where synthetic load goes, if its requests are counted at all (annotation `penstock.dev/load`)."""

    UNCOUNTED = "uncounted"
    BOTH_ARMS = "both-arms"
    ONE_ARM = "one-arm"


@dataclass(frozen=True, slots=True)
class Service:
    """Describe the service whose traffic is moved; `settings` keeps what only some routers use, as it was written."""

    name: str
    port: int
    target_port: int | str = 0
    port_name: str = "http"
    settings: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Analysis:
    """Describe how a new revision is tried: how often, how far, judged by what.

    `weights` is the whole ladder of canary percents, rising, without the 0 it starts from; empty unless the
    strategy is canary. `mirror_percent` is 0 when nothing is mirrored.
    """

    interval: timedelta
    threshold: int
    weights: tuple[int, ...] = ()
    iterations: int = 0
    promotion_step: int = 0
    mirror_percent: float = 0
    primary_ready_percent: int = 100
    canary_ready_percent: int = 100
    match: tuple[RequestMatch, ...] = ()
    affinity: SessionAffinity | None = None
    checks: tuple[Check, ...] = ()
    hooks: tuple[Hook, ...] = ()
    alerts: tuple[Alerting, ...] = ()

    def hooks_of(self, hook_type: HookType) -> tuple[Hook, ...]:
        """List the hooks of one type, in the order of the file."""
        return tuple(hook for hook in self.hooks if hook.type is hook_type)


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """Describe the release of one canary.

    `load` is what other tests and loads do to the counts. `top_up` is the path that both arms are asked for when users
    send too little for the evidence, empty for nothing.
    """

    name: str
    namespace: str
    target: Reference
    service: Service
    analysis: Analysis
    strategy: Strategy = Strategy.CANARY
    provider: str = ""
    metrics_server: str = ""
    progress_deadline: timedelta = timedelta(minutes=10)
    approval_deadline: timedelta = timedelta(days=1)
    no_data: NoDataPolicy = NoDataPolicy.FAIL
    judge: Judge = Judge.THRESHOLD
    load: Load = Load.UNCOUNTED
    top_up: str = ""
    autoscaler: Autoscaler | None = None
    references: Mapping[str, Reference] = field(default_factory=lambda: MappingProxyType({}))
    skip_analysis: bool = False
    suspend: bool = False
    revert_on_deletion: bool = False
    annotations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def key(self) -> str:
        """Name the canary as Flagger's events do: `name.namespace`."""
        return f"{self.name}.{self.namespace}"
