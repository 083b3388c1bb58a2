"""Turn what came of tests into the one outcome of a hook call.

Pure: results in, an outcome out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from webhooks.catalog import show_duration
from webhooks.checks.job import CheckResult, Outcome, join_reasons
from webhooks.hooks.orders import AskedTests
from webhooks.protocol import HookOutcome, HookType, HookVerdict

HELD = "confirm-traffic-increase holds the traffic until it ends"
"""What a pre-rollout hook says of a test that goes on without it."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """Carry what came of one test, None while it runs."""

    test: str
    result: CheckResult | None

    @property
    def passed(self) -> bool:
        """Tell whether the test has passed."""
        return self.result is not None and self.result.outcome is Outcome.PASSED


def combine(hook: HookType, asked: AskedTests, results: Sequence[TestResult]) -> HookOutcome:
    """Give the outcome: the failures, else what is still running, else the passes."""
    bad = [describe(one) for one in results if one.result is not None and not one.passed]
    if bad:
        return HookOutcome(HookVerdict.FAILED, join_reasons(bad))
    running = [one.test for one in results if one.result is None]
    if running:
        return _still_running(hook, asked, ", ".join(running))
    return HookOutcome(HookVerdict.PASSED, join_reasons([describe(one) for one in results], shown=len(results)))


def describe(one: TestResult) -> str:
    """Say in one line what came of a test."""
    return f"{one.test} {one.result.outcome.value}: {one.result.reason}" if one.result else f"{one.test} is running"


def _still_running(hook: HookType, asked: AskedTests, names: str) -> HookOutcome:
    if hook not in {HookType.PRE_ROLLOUT, HookType.ROLLOUT}:
        return HookOutcome(HookVerdict.WAITING, f"waiting for test {names}, which is still running")
    held = asked.hold and hook is HookType.PRE_ROLLOUT
    if asked.cut_short and not held:
        return HookOutcome(HookVerdict.BUSY, f"{names} still running, and no hook can wait for it now; ask again")
    if hook is HookType.ROLLOUT:
        advice = f"{asked.to_wait}, or make the test shorter"
    elif held:
        return HookOutcome(HookVerdict.PASSED, f"{names} is running; {HELD}")
    else:
        advice = f"{asked.to_wait}, or {asked.to_hold}"
    text = f"{names} still running after {show_duration(asked.wait_s)}"
    if asked.retries and hook is HookType.PRE_ROLLOUT:
        return HookOutcome(HookVerdict.BUSY, f"{text}; ask again")
    return HookOutcome(HookVerdict.FAILED, f"{text}: {advice}")
