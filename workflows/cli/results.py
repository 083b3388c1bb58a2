"""Say where a release stands after a stage, for a person, a script, and a pipeline engine that reads files."""

from collections.abc import Mapping
from pathlib import Path

from workflows.errors import ConfigurationError
from workflows.rollout.phase import ANALYSED
from workflows.rollout.plan import RolloutPlan, Strategy
from workflows.rollout.state import RolloutState
from workflows.rollout.step import next_rung

PROMOTE = "promote"
"""What follows where no weight is left."""

_LONGEST = 800
"""How many bytes of a value are written: Tekton takes 4096 for all results of a task, as Go writes them in JSON."""

_ESCAPED = frozenset('<>&"\\') | {chr(code) for code in range(0x20)}
_ESCAPE_BYTES = 6


def describe(plan: RolloutPlan, state: RolloutState) -> dict[str, object]:
    """Describe a state; `next` is the weight that follows, `promote` where none does, empty when nothing follows."""
    return {
        "phase": state.phase.value,
        "canary_weight": state.weight,
        "next": _describe_next(plan, state),
        "failed_checks": state.failed_checks,
        "revision": state.revision,
        "promoted_revision": state.promoted_revision,
        "outcome": state.cause.outcome.value if state.cause else None,
        "reason": state.reason or state.halt,
    }


def _describe_next(plan: RolloutPlan, state: RolloutState) -> str:
    if state.phase not in ANALYSED:
        return ""
    if plan.strategy is not Strategy.CANARY:
        return PROMOTE
    weight = next_rung(plan, state)
    return PROMOTE if weight is None else str(weight)


def list_results(shown: Mapping[str, object], report_url: str = "") -> dict[str, str]:
    """List what a pipeline engine reads of a described state, each at most as long as engines take it."""
    values = {
        "phase": shown["phase"],
        "weight": shown["canary_weight"],
        "next": shown["next"],
        "verdict": shown["outcome"] or "",
        "reason": shown["reason"],
        "report": report_url,
    }
    return {name: _shorten(str(value)) for name, value in values.items()}


def _shorten(text: str) -> str:
    cost = 0
    for place, character in enumerate(text):
        cost += _ESCAPE_BYTES if character in _ESCAPED else len(character.encode(errors="replace"))
        if cost > _LONGEST:
            return text[:place]
    return text


def write_results(folder: Path, shown: Mapping[str, object], report_url: str = "") -> None:
    """Write what a pipeline engine reads: a file each for `phase`, `weight`, `next`, `verdict`, `reason`, `report`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in list_results(shown, report_url).items():
            (folder / name).write_bytes(value.encode(errors="replace"))
    except OSError as error:
        raise ConfigurationError(f"{folder}: {error.strerror}; name another folder with --results") from error
