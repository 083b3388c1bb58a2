"""Say where a release stands after a stage, for a person, a script, and a pipeline engine that reads files."""

import os
from collections.abc import Mapping
from pathlib import Path

from workflows.errors import ConfigurationError
from workflows.rollout.phase import ANALYSED, Phase
from workflows.rollout.plan import RolloutPlan, Strategy
from workflows.rollout.state import RolloutState
from workflows.rollout.step import NO_MESH, next_rung
from workflows.rollout.traffic import ALL

PROMOTE = "promote"
"""What follows where no weight is left."""

_PROMOTED = frozenset({Phase.PROMOTING, Phase.FINALISING})
_LONGEST = 800
"""How many bytes of a value are written: Tekton takes 4096 for all results of a task, as Go writes them in JSON."""

_ESCAPED = frozenset('<>&"\\') | {chr(code) for code in range(0x20)}
_ESCAPE_BYTES = 6


def describe(plan: RolloutPlan, state: RolloutState) -> dict[str, object]:
    """Describe a state; `next` is what follows: a weight, `promote`, or empty when nothing does.

    Weight 0 follows where requests are mirrored first, or iterations are judged without users.
    """
    return {
        "phase": state.phase.value,
        "canary_weight": state.weight,
        "next": _describe_next(plan, state),
        "failed_checks": state.failed_checks,
        "revision": state.revision,
        "promoted_revision": state.promoted_revision,
        "outcome": state.cause.outcome.value if state.cause else None,
        # What a check once said is no reason for a release that was promoted.
        "reason": state.reason or ("" if state.cause else state.halt),
    }


def _describe_next(plan: RolloutPlan, state: RolloutState) -> str:
    if state.phase not in ANALYSED:
        return PROMOTE if state.phase in _PROMOTED else ""
    weight = None if plan.skip_analysis else _next_weight(plan, state)
    return PROMOTE if weight is None else str(weight)


def _next_weight(plan: RolloutPlan, state: RolloutState) -> int | None:
    done = state.iterations >= plan.analysis.iterations
    match plan.strategy:
        case Strategy.CANARY:
            mirrors = plan.analysis.mirror_percent > 0 and not state.started
            return 0 if mirrors else next_rung(plan, state)
        case Strategy.AB_TESTING:
            return None if done else ALL
        case Strategy.BLUE_GREEN:  # pragma: no branch - mypy proves it is the last
            if not done and not state.weight:
                return 0
            return None if state.weight or plan.provider == NO_MESH else ALL


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


def prepare(results: Path | None, report: Path | None) -> None:
    """Refuse places that cannot be written, before anything is moved."""
    for option, folder in (("--results", results), ("--report", report.parent if report else None)):
        if folder is None:
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"{folder}: {error.strerror}; name another place with {option}") from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise ConfigurationError(f"{folder}: cannot be written; name another place with {option}")
    if report and report.is_dir():
        raise ConfigurationError(f"{report}: is a folder; name a file with --report")


def write_results(folder: Path, shown: Mapping[str, object], report_url: str = "") -> None:
    """Write what a pipeline engine reads: a file each for `phase`, `weight`, `next`, `verdict`, `reason`, `report`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in list_results(shown, report_url).items():
            (folder / name).write_bytes(value.encode(errors="replace"))
    except OSError as error:
        raise ConfigurationError(f"{folder}: {error.strerror}; name another folder with --results") from error
