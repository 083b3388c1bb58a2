"""Carry what the store keeps: runs, gates, epochs and events.

Values only; who may change them and when is said by `runs`, `gates` and `hooks`. Times are unix seconds.
"""

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True, order=True)
class CanaryName:
    """Name a canary."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """Write it as Flagger's events do: name.namespace."""
        return f"{self.name}.{self.namespace}"


class RunState(enum.Enum):
    """Name where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    CANCELLED = "cancelled"
    LOST = "lost"

    @property
    def ended(self) -> bool:
        """Tell whether nothing more will happen."""
        return self not in UNDER_WAY


UNDER_WAY = frozenset({RunState.QUEUED, RunState.RUNNING})
"""States in which a run still has something to do."""


@dataclass(frozen=True, slots=True)
class LoadWatch:
    """Remember what has been asked of a load that is kept alive by calls.

    The load ends when nobody called until `lease_until`. `judged` is the report (JSON) when it was last judged, from
    which the next window counts; `verdict` and `reason` are what was answered then.
    """

    lease_until: float
    called_at: float
    judged_at: float
    judged: str = ""
    verdict: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RunOrder:
    """Say what is to be run: `definition` is the test as the catalog had it (JSON), so that a reload changes nothing.

    Equal orders have equal keys and join one run. `connect` is the host:port to connect to in place of the target's.
    """

    key: str
    canary: CanaryName
    epoch: int
    hook: str
    test: str
    definition: str
    target: str
    connect: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Name the kind of the test, `unknown` where the definition cannot be read."""
        try:
            return str(json.loads(self.definition)["kind"])
        except (ValueError, LookupError, TypeError):
            return "unknown"


@dataclass(frozen=True, slots=True)
class Run:
    """Carry one run of one test.

    `standing` is true while equal calls join this run rather than start another. `starts` counts how often it was
    begun: a run whose owner died is begun again once. `report` is JSON.
    `owner` works on it until `lease_until`, which it moves on while it lives. `log` is the end of what the test wrote.
    `version` is the store's: a save of an older version is refused.
    """

    id: str
    order: RunOrder
    created_at: float
    state: RunState = RunState.QUEUED
    standing: bool = True
    starts: int = 0
    started_at: float = 0.0
    ended_at: float = 0.0
    owner: str = ""
    lease_until: float = 0.0
    cancel: str = ""
    watch: LoadWatch | None = None
    report: str = ""
    reason: str = ""
    log: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Say which runs a page is about; `before` is the creation time and id of the last run of the page before."""

    canary: CanaryName | None = None
    test: str = ""
    state: RunState | None = None
    before: tuple[float, str] | None = None
    limit: int = 50


class GateState(enum.Enum):
    """Name what was last said about a gate."""

    WAITING = "waiting"
    OPEN = "open"
    CLOSED = "closed"


EVERY_EPOCH = 0
"""The epoch of a gate that is bound to none, as the gates of Flagger's loadtester are."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Carry the last word on one gate of one canary in one epoch: what, who, why and when.

    `approvals` names those who approved so far, of whom `needed` are needed. The word holds until `expires_at` (0: for
    good); then the gate is closed, and the rollback gate opens where `rolls_back` says so. `template` names what was
    asked about, where that is known: the word is about nothing else.
    """

    canary: CanaryName
    gate: str
    epoch: int
    state: GateState
    at: float
    who: str = ""
    why: str = ""
    checksum: str = ""
    approvals: tuple[str, ...] = ()
    needed: int = 1
    expires_at: float = 0.0
    rolls_back: bool = False
    template: str = ""


@dataclass(frozen=True, slots=True)
class Epoch:
    """Carry one analysis of one revision of one canary.

    `checksum` is empty until a hook has told it: that of confirm-rollout lags one revision (Flagger). `advanced` is
    true once a hook was called that only follows the first weight. `step` counts the weight steps that we heard of.
    `held` are the ids of the runs for which confirm-traffic-increase holds the traffic. `template` names what
    confirm-rollout admitted last, perhaps in an epoch before: a canary that starts over asks it no second time.
    """

    canary: CanaryName
    number: int
    began_at: float
    seen_at: float
    checksum: str = ""
    advanced: bool = False
    ended: bool = False
    step: int = 0
    held: tuple[str, ...] = ()
    template: str = ""


@dataclass(frozen=True, slots=True)
class HookEvent:
    """Carry one `event` hook."""

    canary: CanaryName
    checksum: str
    phase: str
    at: float
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
