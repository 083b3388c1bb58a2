"""Every row of the table of answers in docs/hooks.md, row by row."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.webhooks.bench import AD, Bench
from webhooks.access import Listed
from webhooks.protocol import HookOutcome, HookType
from webhooks.store.records import GateState, RunState

DOCS = Path(__file__).parents[2] / "docs" / "hooks.md"
Situation = Callable[[Bench, HookType], HookOutcome]


def rows() -> list[tuple[str, str, int, str]]:
    lines = DOCS.read_text().split("| hook | situation | status | text |")[1].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [(hook, situation, int(status), text) for hook, situation, status, text in cells]


def when_ended(state: RunState, name: str = "suite") -> Situation:
    def arrange(bench: Bench, hook: HookType) -> HookOutcome:
        bench.call(hook, test=name)
        bench.end(state)
        return bench.call(hook, test=name)

    return arrange


def one_of_two_failed(bench: Bench, hook: HookType) -> HookOutcome:
    bench.call(hook, tests="contract")
    bench.end(RunState.PASSED)
    bench.call(hook, tests="suite")
    bench.end(RunState.FAILED)
    return bench.call(hook, tests="contract, suite")


def load_went(requests: int, failures: int, name: str = "load") -> Situation:
    def arrange(bench: Bench, hook: HookType) -> HookOutcome:
        bench.call(hook, test=name)
        bench.report(requests, failures)
        bench.time += 10
        return bench.call(hook, test=name)

    return arrange


def gate_said(state: GateState) -> Situation:
    def arrange(bench: Bench, hook: HookType) -> HookOutcome:
        bench.call(hook)
        bench.time += 1
        bench.service.gates.decide(AD, hook.value, state, "ann", "seen")
        return bench.call(hook)

    return arrange


def approved_for_the_release_before(bench: Bench, hook: HookType) -> HookOutcome:
    gate_said(GateState.OPEN)(bench, hook)
    return bench.call(hook, checksum="r3")


def opened(gate: str) -> Situation:
    def arrange(bench: Bench, hook: HookType) -> HookOutcome:
        bench.service.gates.put(AD, gate, GateState.OPEN)
        return bench.call(hook)

    return arrange


def asked(**metadata: str) -> Situation:
    return lambda bench, hook: bench.call(hook, **metadata)


def held_and(state: RunState | None) -> Situation:
    def arrange(bench: Bench, hook: HookType) -> HookOutcome:
        bench.call(HookType.PRE_ROLLOUT, test="suite", hold="true")
        if state is not None:
            bench.end(state)
        return bench.call(hook, hold="true", **({"test": "suite"} if hook is HookType.PRE_ROLLOUT else {}))

    return arrange


def a_promotion_failed(bench: Bench, hook: HookType) -> HookOutcome:
    bench.call(HookType.CONFIRM_PROMOTION, test="strict")
    bench.end(RunState.FAILED)
    bench.call(HookType.CONFIRM_PROMOTION, test="strict")
    return bench.call(hook)


def read_back(template: str = "", *, retries: int = 0, holds: bool = False) -> Listed:
    return Listed(0.05, retries, holds, template, "confirm-rollout" if template else "")


def no_hook_can_wait(bench: Bench, hook: HookType) -> HookOutcome:
    bench.runs.stop_waiting(0.0)
    return bench.call(hook, test="suite", wait="20s")


def listed_with(retries: int = 0, *, holds: bool = False) -> Situation:
    def arrange(bench: Bench, hook: HookType) -> HookOutcome:
        bench.listed = read_back(retries=retries, holds=holds)
        return bench.call(hook, test="suite")

    return arrange


def asked_about_a_template(bench: Bench, hook: HookType) -> HookOutcome:
    bench.listed = read_back("aaaa")
    return bench.call(hook, phase="Waiting", checksum="r1")


def approved_for_another_template(bench: Bench, hook: HookType) -> HookOutcome:
    for _ in range(2):
        asked_about_a_template(bench, HookType.CONFIRM_ROLLOUT)
        bench.service.gates.decide(AD, "confirm-rollout", GateState.OPEN, "ann", "seen")
    bench.listed = read_back("bbbb")
    if hook is HookType.CONFIRM_ROLLOUT:
        return bench.call(hook, phase="Waiting", checksum="r1")
    return bench.call(hook, test="suite")


SITUATIONS: dict[str, Situation] = {
    "the test has passed": when_ended(RunState.PASSED),
    "the test has failed": when_ended(RunState.FAILED),
    "the test is still running": asked(test="suite"),
    "it is still running, and the hook has retries": asked(test="suite", retries="2"),
    "it is still running, and another hook holds the traffic": asked(test="suite", hold="true"),
    "it is still running, and as many hooks wait as may": no_hook_can_wait,
    "read back: its hook has retries": listed_with(2),
    "read back: its hook has none": listed_with(),
    "read back: the Canary has our confirm-traffic-increase hook": listed_with(holds=True),
    "read back: nobody has decided the gate": asked_about_a_template,
    "read back: the gate was approved for another template": approved_for_another_template,
    "read back: confirm-rollout admitted another template": approved_for_another_template,
    "a test of pre-rollout is still running": held_and(None),
    "a test that was held has failed": held_and(RunState.FAILED),
    "a test that was held has passed": held_and(RunState.PASSED),
    "the catalog serves other namespaces": asked(test="guarded"),
    "a promotion's test failed, and the catalog says `onFailure: rollback`": a_promotion_failed,
    "one of two tests has failed": one_of_two_failed,
    "the test could not be run": when_ended(RunState.INCONCLUSIVE),
    "the runner died twice under way": when_ended(RunState.LOST),
    "no test is named": asked(),
    "the test is unknown": asked(test="suitee"),
    "a parameter nobody takes": asked(test="suite", colour="red"),
    "the load was not yet there": asked(test="load"),
    "the load went well since the last call": load_went(100, 0),
    "the load met errors since the last call": load_went(100, 50),
    "the load saw too few requests": load_went(2, 0),
    "too few requests, and the catalog lets that pass": load_went(2, 0, "quiet"),
    "a test that is no load has passed": when_ended(RunState.PASSED),
    "nobody has decided the gate": asked(),
    "the gate is approved": gate_said(GateState.OPEN),
    "the gate is halted": gate_said(GateState.CLOSED),
    "the test needs the canary": asked(test="suite"),
    "the gate was approved for the release before": approved_for_the_release_before,
    "the gates were opened for every release": opened("*"),
    "nobody asked for a rollback": asked(),
    "the rollback gate is open": opened("rollback"),
    "the release is over": asked(phase="Succeeded"),
    "an event": asked(eventMessage="Halt advancement", eventType="Warning"),
}


@pytest.mark.parametrize(("hook", "situation", "status", "text"), rows())
def test_a_hook_answers_what_the_table_says(bench: Bench, hook: str, situation: str, status: int, text: str) -> None:
    outcome = SITUATIONS[situation](bench, HookType(hook))

    pattern = ".*".join(re.escape(part) for part in text.split("..."))
    assert (outcome.status, bool(re.match(pattern, outcome.reason))) == (status, True), outcome.reason


def test_the_table_speaks_of_every_hook() -> None:
    assert {hook for hook, *_ in rows()} == {hook.value for hook in HookType}


def test_every_situation_is_in_the_table() -> None:
    assert set(SITUATIONS) == {situation for _, situation, *_ in rows()}
