"""Tell the story of a release in sentences, out of its journal.

The one rule to keep: every number comes from the record; nothing is judged here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise

from workflows.journal import remedy
from workflows.journal.entries import End, TickEntry
from workflows.journal.reader import JournalFile, PlannedTick
from workflows.reports.text import number
from workflows.rollout import gates
from workflows.rollout.decision import CallHooks
from workflows.rollout.phase import Phase
from workflows.rollout.plan import DURATION, SUCCESS_RATE
from workflows.rollout.samples import ArmCounts
from workflows.rollout.state import Cause, CheckResult, HookRound, Outcome, RolloutState, Verdict

_OUTCOMES = {Outcome.PROMOTED: "Promoted", Outcome.ROLLED_BACK: "Rolled back", Outcome.FAILED: "Failed"}


@dataclass(frozen=True, slots=True)
class Sentence:
    """Hold one line of the story; what belongs to the line above lies deeper."""

    text: str
    depth: int = 0


def explain(file: JournalFile) -> Iterator[Sentence]:
    """Tell a release from its first decision to its end."""
    ticks = tuple(file.ticks())
    yield from _introduce(file)
    afters = {planned.line: following.tick.before for planned, following in pairwise(ticks)}
    for _, grouped in groupby(ticks, key=_sameness):
        group = tuple(grouped)
        yield from _tell(group, ticks[0].tick.at, afters.get(group[-1].line))
    if file.end:
        yield from _conclude(file.end, ticks)
    else:
        yield Sentence("The record stops here: the release goes on, or its last lines are missing.")


def _introduce(file: JournalFile) -> Iterator[Sentence]:
    for origin in file.origins[:1]:
        analysis = origin.plan.analysis
        yield Sentence(
            f"{origin.plan.key}, judged by rule {origin.rule.name} every {analysis.interval.total_seconds():g} s; "
            f"failed check {analysis.threshold} rolls back."
        )
        limits = ", ".join(f"{each.name} {remedy.describe_limits(each)}" for each in analysis.checks) or "none"
        yield Sentence(f"Checks: {limits}. File {origin.file}, penstock {origin.program}, owner {origin.owner}.")
    for before, origin in pairwise(file.origins):
        # The stages of a pipeline share owner and fence: each goes on where the one before stopped.
        if (before.owner, before.fence) != (origin.owner, origin.fence):
            yield Sentence(f"The run was cut off and resumed by {origin.owner} (fence {origin.fence}).")


def _sameness(planned: PlannedTick) -> object:
    decision = planned.tick.decision
    # A wait repeats itself every interval; it is told once.
    return planned.line if decision.verdict or decision.actions or not decision.reason else decision.reason


def _tell(group: Sequence[PlannedTick], began: datetime, after: RolloutState | None) -> Iterator[Sentence]:
    tick = group[0].tick
    spans = [f"+{(each.tick.at - began).total_seconds():.1f} s" for each in (group[0], group[-1])]
    when = spans[0] if len(group) == 1 else f"{spans[0]} to {spans[1]} ({len(group)} times)"
    undone = "" if _took_force(group[-1].tick.decision.state, after) else " (decided, but not put in force)"
    yield Sentence(f"{when}, canary at {tick.before.weight} %: {_describe(group[0])}{undone}")
    for check in tick.decision.checks:
        yield Sentence(describe_check(check, tick), 1)
    for exchange in tick.evidence.exchanges:
        if isinstance(exchange.question, CallHooks) and isinstance(exchange.answer, HookRound):
            yield Sentence(_describe_hooks(exchange.question, exchange.answer), 1)


def _took_force(decided: RolloutState, after: RolloutState | None) -> bool:
    return after is None or after.condemned is not None or _standing(after) == _standing(decided)


def _standing(state: RolloutState) -> tuple[object, ...]:
    return (state.phase, state.weight, state.iterations, state.failed_checks)


def _describe(planned: PlannedTick) -> str:
    decision, threshold = planned.tick.decision, planned.plan.analysis.threshold
    counted = decision.state.failed_checks > planned.tick.before.failed_checks
    match decision.verdict:
        case Verdict.PASSED:
            return f"passed, {_describe_next(planned.tick)}"
        case Verdict.FAILED if not counted:
            return f"failed: {decision.reason}"
        case Verdict.FAILED:
            return f"failed check {decision.state.failed_checks} of {threshold}: {decision.state.halt}"
        case Verdict.INCONCLUSIVE:
            return f"inconclusive, failed checks {decision.state.failed_checks} of {threshold}: {decision.state.halt}"
        case None:
            said = decision.reason or next((event.message for event in reversed(decision.events)), "")
            return said or f"{planned.tick.before.phase.value} to {decision.state.phase.value}"


def _describe_next(tick: TickEntry) -> str:
    state = tick.decision.state
    if state.phase is Phase.PROMOTING:
        return "the primary gets the new version"
    moved = f"the canary gets {state.weight} %" if state.weight != tick.before.weight else ""
    return "; ".join(filter(None, (moved, tick.decision.reason))) or "the canary stays"


def describe_check(check: CheckResult, tick: TickEntry) -> str:
    """Say what one check saw of both arms, its limit and its verdict."""
    window = tick.evidence.window
    seen = check.reason
    if check.name == SUCCESS_RATE:
        seen = f"canary {_describe_errors(window.canary)}, primary {_describe_errors(window.primary)}"
    elif check.name == DURATION:
        seen = f"canary {_describe_latency(window.canary)}, primary {_describe_latency(window.primary)}"
    return f"{check.name} {check.verdict.value}: {seen}; limit {check.limit}"


def _describe_errors(counts: ArmCounts) -> str:
    if not counts.total:
        return "had no requests"
    return f"{counts.errors} of {counts.total} requests failed ({number(counts.success_percent(), ' %', 2)} succeeded)"


def _describe_latency(counts: ArmCounts) -> str:
    p99_ms = counts.quantile_ms(gates.P99)
    return "had no requests" if p99_ms is None else f"p99 {number(p99_ms, ' ms')} over {counts.total} requests"


def _describe_hooks(question: CallHooks, answer: HookRound) -> str:
    said = "yes" if answer.passed else "no"
    if answer.hook:
        return f"{question.type.value} hook {answer.hook} said {said}: {answer.reason}"
    return f"{question.type.value} hooks said {said}: {', '.join(answer.passed_hooks)}"


def _conclude(end: End, ticks: Sequence[PlannedTick]) -> Iterator[Sentence]:
    state = end.state
    passed = sum(each.tick.decision.verdict is Verdict.PASSED for each in ticks)
    if state.cause is None:
        yield Sentence(f"Ended without a release: {state.reason or state.phase.value}.")
        return
    why = f"{passed} checks passed, {state.failed_checks} failed" if state.cause is Cause.PROMOTED else state.reason
    yield Sentence(f"{_OUTCOMES[state.cause.outcome]}: {why}.")
    for need in remedy.find(state, ticks):
        yield Sentence(need, 1)
    if end.unrecorded:
        yield Sentence(f"{end.unrecorded} ticks came after the journal was full and are not told here.")
