"""Say what it would have taken for a release to end otherwise.

The one rule to keep: a number that is said to be enough was tried against the limit itself.
"""

from collections.abc import Iterator, Sequence
from math import ceil, floor

from webhooks.protocol import HookType
from workflows.journal.reader import PlannedTick
from workflows.rollout import gates
from workflows.rollout.decision import CallHooks
from workflows.rollout.plan import DURATION, SUCCESS_RATE, Check, Limits
from workflows.rollout.samples import ArmCounts
from workflows.rollout.state import Cause, CheckResult, HookRound, RolloutState, Verdict


def describe_limits(check: Check) -> str:
    """Say the bounds of a check with its unit."""
    unit = {SUCCESS_RATE: "%", DURATION: "ms"}.get(check.name, "")
    bounds = ((">=", check.limits.minimum), ("<=", check.limits.maximum))
    return " and ".join(f"{sign} {bound:g}{unit}" for sign, bound in bounds if bound is not None) or "without a limit"


def find(state: RolloutState, ticks: Sequence[PlannedTick]) -> Iterator[str]:
    """List what would have ended the release otherwise."""
    plan = ticks[-1].plan if ticks else None
    if state.cause is None or plan is None:
        return
    match state.cause:
        case Cause.PROMOTED:
            threshold = plan.analysis.threshold
            left = threshold - state.failed_checks
            yield f"To be rolled back it would have taken {left} more failed checks (threshold {threshold})."
        case Cause.CHECKS | Cause.NO_DATA:
            yield from _answer_checks(ticks)
        case Cause.REFUSED:
            yield f"To pass it would have taken an approval within {plan.approval_deadline.total_seconds():g} s."
        case Cause.NOT_READY | Cause.PRIMARY_NOT_READY:
            arm = "canary" if state.cause is Cause.NOT_READY else "primary"
            yield f"To pass it would have taken a ready {arm} within {plan.progress_deadline.total_seconds():g} s."
        case Cause.EVIDENCE | Cause.HOOK | Cause.ABORTED:  # pragma: no branch - mypy proves it is the last
            yield f"To pass it would have taken {_TAKEN[state.cause]}."


_TAKEN = {
    Cause.EVIDENCE: "a canary that does no worse than the primary beside it",
    Cause.HOOK: "rollback hooks that say no",
    Cause.ABORTED: "a run that nobody stopped",
}


def _answer_checks(ticks: Sequence[PlannedTick]) -> Iterator[str]:
    judged = [each for each in ticks if each.tick.decision.verdict in {Verdict.FAILED, Verdict.INCONCLUSIVE}]
    for last in judged[-1:]:
        needs = [*_list_needs(last), *_list_hooks(last)] or [f"an end of this: {last.tick.decision.reason}"]
        yield f"To pass, the last check would have needed {'; '.join(needs)}."


def _list_needs(planned: PlannedTick) -> Iterator[str]:
    checks = {check.name: check for check in planned.plan.analysis.checks}
    for result in planned.tick.decision.checks:
        if result.verdict is not Verdict.PASSED and result.name in checks:
            yield need(checks[result.name], result, planned.tick.evidence.window.canary)


def _list_hooks(planned: PlannedTick) -> Iterator[str]:
    for exchange in planned.tick.evidence.exchanges:
        match (exchange.question, exchange.answer):
            case (CallHooks(type=kind), HookRound(passed=False) as answer) if kind is not HookType.ROLLBACK:
                yield f"{kind.value} hook {answer.hook} to say yes; it said: {answer.reason}"
            case _:
                continue


def need(check: Check, result: CheckResult, canary: ArmCounts) -> str:
    """Say what one check that did not pass would have needed in its window."""
    if result.value is None:
        return f"data for {check.name} ({result.reason})"
    allowed = _allow_errors(check, canary) if check.name == SUCCESS_RATE else None
    if allowed is not None:
        return f"at most {allowed} of {canary.total} requests failed ({canary.errors} did)"
    slow = _count_slow(check, canary) if check.name == DURATION else None
    if slow is not None:
        timed = canary.latency[-1][1]
        most = f"at most {timed - ceil(gates.P99 * timed)} of {timed} requests slower than {check.limits.maximum:g} ms"
        return f"{most} ({slow} were)"
    return f"{check.name} {describe_limits(check)} (it was {result.value:g})"


def _allow_errors(check: Check, canary: ArmCounts) -> int | None:
    minimum = check.limits.minimum
    if minimum is None or not canary.total:
        return None
    guess = floor(canary.total * (100 - minimum) / 100)
    tries = (failed for failed in (guess + 1, guess, guess - 1) if 0 <= failed <= canary.total)
    return next((failed for failed in tries if _passes(check.limits, canary.total, failed)), None)


def _passes(limits: Limits, total: int, failed: int) -> bool:
    return limits.admit(100.0 * (total - failed) / total)


def _count_slow(check: Check, canary: ArmCounts) -> int | None:
    bounds = dict(canary.latency)
    maximum = check.limits.maximum
    return canary.latency[-1][1] - bounds[maximum] if maximum in bounds else None
