"""Read what came of a run: pure, from its record alone.

The rule to keep: what says no has failed and stays so; trouble of the platform is tried again.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from webhooks.catalog import InconclusivePolicy
from webhooks.store.records import Run, RunState
from workflows.cli.results import list_results
from workflows.errors import ExitCode
from workflows.plugin.answers import NodePhase

_EXIT = re.compile(r"exit status (\d+)(?:: (?:penstock: )?(.*))?", re.DOTALL)
_KILLED_BY_SIGNAL = "signal: "
_KILLED = frozenset({130, 137, 143})
_VERDICTS: Mapping[int, str] = MappingProxyType(
    {
        ExitCode.PROMOTED: "passed",
        ExitCode.ROLLED_BACK: "failed",
        ExitCode.INCONCLUSIVE: "inconclusive",
        ExitCode.REFUSED: "refused",
        ExitCode.FAILED: "failed",
        ExitCode.FENCED: "fenced",
    }
)
"""The exit codes by which a stage says how the release stands; all others are trouble."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Carry what a run came to; `phase` is None where it is tried again."""

    phase: NodePhase | None
    message: str
    outputs: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    exit_code: int | None = None


def read_stage(run: Run, report_url: str = "") -> Ending:
    """Read the end of a stage by its exit code and the line in which it says how the release stands."""
    if run.state is RunState.CANCELLED:
        return Ending(NodePhase.FAILED, f"cancelled: {run.reason}")
    if run.state in {RunState.LOST, RunState.INCONCLUSIVE}:
        return Ending(None, run.reason)
    code, told = _read_exit(run)
    if code is not None and code in _VERDICTS:
        outputs = _read_outputs(run.log, report_url)
        phase = NodePhase.FAILED if code else NodePhase.SUCCEEDED
        return Ending(phase, outputs.get("reason") or told or _VERDICTS[code], outputs, code)
    if code == ExitCode.TEMPORARY or code in _KILLED or run.reason.startswith(_KILLED_BY_SIGNAL):
        return Ending(None, told or run.reason)
    # Without a code it was ended since it had its time; that is a no, not a fault of the template.
    return Ending(NodePhase.FAILED if code is None else NodePhase.ERROR, told or run.reason, exit_code=code)


def _read_exit(run: Run) -> tuple[int | None, str]:
    if run.state is RunState.PASSED:
        return ExitCode.PROMOTED, ""
    found = _EXIT.match(run.reason)
    return (int(found[1]), found[2] or "") if found else (None, "")


def _read_outputs(log: str, report_url: str) -> Mapping[str, str]:
    """Read the state that a stage writes last; one that could not say it has told nothing."""
    for line in reversed(log.splitlines()):
        try:
            shown = json.loads(line)
            return list_results(shown, report_url)
        except (ValueError, LookupError, TypeError):
            continue
    return {}


def read_test(run: Run) -> Ending:
    """Read the end of a load or of requests; what a runner lost is made again."""
    if run.state is RunState.CANCELLED:
        return Ending(NodePhase.FAILED, f"cancelled: {run.reason}")
    if run.state is RunState.LOST:
        return Ending(None, run.reason)
    passes = run.state is RunState.PASSED or (run.state is RunState.INCONCLUSIVE and _lets_pass(run))
    outputs = {"verdict": run.state.value, "reason": run.reason}
    return Ending(NodePhase.SUCCEEDED if passes else NodePhase.FAILED, run.reason, outputs)


def _lets_pass(run: Run) -> bool:
    policy = json.loads(run.order.definition).get("inconclusive", InconclusivePolicy.FAIL.value)
    return bool(policy == InconclusivePolicy.PASS.value)
