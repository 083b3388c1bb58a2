"""List what a journal can hold, one kind of line each, and turn it into JSON and back.

The one rule to keep: fields are only ever added, with defaults; anything else is a new VERSION.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from workflows.errors import ConfigurationError
from workflows.journal import codec
from workflows.journal.chain import RESUMED, Line, Torn
from workflows.journal.codec import DocumentError
from workflows.journal.masking import mask_texts, mask_values
from workflows.records import Evidence, TickRecord
from workflows.rollout import trial
from workflows.rollout.decision import Decision
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.stage import StageDecider
from workflows.rollout.state import Cause, RolloutState, World
from workflows.rollout.tick import deliberate
from workflows.stages import Ending

VERSION = 1
"""The version of the lines; a reader refuses any other."""

WHOLE = "release"
"""The decider that follows a whole release."""

STAGE = "stage"
"""The decider that carries out one stage of a pipeline."""

ENDING = "ending"
"""The decider that ends a release for a cause from outside."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Name the rule that judges, and its version."""

    name: str = "threshold"
    version: int = 1


def name_rule(plan: RolloutPlan) -> Rule:
    """Name the rule by which this program judges a plan."""
    return Rule(trial.choose_judge(plan).judge.value)


@dataclass(frozen=True, slots=True)
class Origin:
    """Say what a run began with: the program, the rule, the file's SHA-256, the owner and fence, the plan as read."""

    program: str
    file: str
    file_sha256: str
    owner: str
    fence: int
    plan: RolloutPlan
    rule: Rule = field(default_factory=Rule)


@dataclass(frozen=True, slots=True)
class Head:
    """Begin a journal."""

    origin: Origin
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Resumed:
    """Go on after a run that did not end; `torn` are the unfinished lines it left."""

    origin: Origin
    torn: tuple[Torn, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanChange:
    """Say by which plan the next ticks are decided; a run that is stopped hurries."""

    plan: RolloutPlan


@dataclass(frozen=True, slots=True)
class Decider:
    """Name who decided a tick, with the order from outside or the stage where there was one."""

    name: str
    cause: Cause | None = None
    reason: str = ""
    stage: StageDecider | None = None


@dataclass(frozen=True, slots=True)
class TickEntry:
    """Keep one tick, before its decision was put in force."""

    at: datetime
    owner: str
    fence: int
    decider: Decider
    before: RolloutState
    world: World
    evidence: Evidence
    decision: Decision


@dataclass(frozen=True, slots=True)
class Full:
    """Say that the journal has reached its bound, and that ticks are no longer kept."""

    limit_bytes: int


@dataclass(frozen=True, slots=True)
class End:
    """Say how the release ended; `unrecorded` ticks came after the journal was full."""

    at: datetime
    state: RolloutState
    unrecorded: int = 0


Entry = Head | Resumed | PlanChange | TickEntry | Full | End

KINDS: Mapping[str, type[Entry]] = MappingProxyType(
    {"head": Head, RESUMED: Resumed, "plan": PlanChange, "tick": TickEntry, "full": Full, "end": End}
)
"""The kinds of lines, by the word that stands in them."""

_OF_CHAIN = frozenset({"line", "prev", "kind"})


def write_entry(entry: Entry) -> dict[str, object]:
    """Write an entry as the document of its line, without secrets."""
    kind = next(name for name, of in KINDS.items() if type(entry) is of)
    document = codec.encode(type(entry), entry)
    masked = mask_values(document) if isinstance(entry, Head | Resumed | PlanChange) else mask_texts(document)
    return {"kind": kind, **masked}


def read_entry(line: Line) -> Entry:
    """Read the entry of a line; raises DocumentError for another shape, ConfigurationError for another version."""
    kind = line.document.get("kind")
    if kind not in KINDS:
        raise DocumentError(f"kind: {kind!r} is not known; known: {', '.join(KINDS)}")
    version = line.document.get("version", VERSION)
    if kind == "head" and version != VERSION:
        raise ConfigurationError(
            f"version {version!r} is not {VERSION}, the one that this program reads; use the penstock that wrote it"
        )
    entry: Entry = codec.decode(
        KINDS[str(kind)], {name: value for name, value in line.document.items() if name not in _OF_CHAIN}
    )
    return entry


def describe_tick(record: TickRecord) -> TickEntry:
    """Turn the record of a tick into what is kept of it; the plan is kept apart, since it rarely changes."""
    return TickEntry(
        at=record.at,
        owner=record.lease.owner,
        fence=record.lease.fence,
        decider=_name(record),
        before=record.before,
        world=record.world,
        evidence=record.evidence,
        decision=record.decision,
    )


def _name(record: TickRecord) -> Decider:
    decide = record.decide
    if isinstance(decide, Ending):
        return Decider(ENDING, decide.cause, decide.reason)
    if isinstance(decide, StageDecider):
        return Decider(STAGE, stage=decide)
    return Decider(WHOLE if decide is deliberate else getattr(decide, "__name__", type(decide).__name__))
