"""How long a verdict is kept, and what holds the traffic for a long test."""

import pytest

from tests.webhooks.bench import AD, Bench
from webhooks.gates import ROLLBACK_GATE
from webhooks.hooks.commands import CommandService, TaskAnswer
from webhooks.protocol import HookPayload, HookType
from webhooks.settings import Settings
from webhooks.store.records import GateState, Run, RunState

PRE, ROLLOUT, INCREASE, PROMOTION, EVENT = (
    HookType.PRE_ROLLOUT,
    HookType.ROLLOUT,
    HookType.CONFIRM_TRAFFIC_INCREASE,
    HookType.CONFIRM_PROMOTION,
    HookType.EVENT,
)


def pass_rollout(bench: Bench, test: str) -> int:
    """Call the rollout hook until the test has run and passed; give how many runs it took."""
    bench.call(ROLLOUT, test=test)
    begun = len(bench.under_way())
    bench.end(RunState.PASSED)
    bench.call(ROLLOUT, test=test)
    return begun


def step(bench: Bench) -> None:
    """Let the weight rise."""
    assert bench.call(INCREASE, hold="true").status == 200


@pytest.mark.parametrize(("test", "begun"), [("suite", [1, 0, 1]), ("each", [1, 1, 1]), ("once", [1, 0, 0])])
def test_a_pass_of_rollout_is_kept_as_the_catalog_says(bench: Bench, test: str, begun: list[int]) -> None:
    step(bench)
    first, second = pass_rollout(bench, test), pass_rollout(bench, test)
    step(bench)

    assert [first, second, pass_rollout(bench, test)] == begun


def test_an_event_tells_of_a_weight_step_too(bench: Bench) -> None:
    bench.call(PRE, test="contract")
    bench.end(RunState.PASSED)
    begun = []
    for weight in (20, 40):
        bench.call(EVENT, eventMessage=f"Advance ad.weather canary weight {weight}")
        begun.append(pass_rollout(bench, "suite"))

    assert begun == [1, 1]


def test_without_a_sign_of_steps_every_call_is_one(bench: Bench) -> None:
    assert [pass_rollout(bench, "suite") for _ in range(3)] == [1, 1, 1]


def test_a_final_failure_stands_for_the_whole_analysis(bench: Bench) -> None:
    bench.call(PRE, test="last")
    bench.end(RunState.FAILED)

    assert [bench.call(PRE, test="last").reason for _ in range(3)] == ["last failed: because"] * 3
    assert bench.under_way() == ()


def test_a_verdict_that_there_is_not_is_never_final(bench: Bench) -> None:
    bench.call(PRE, test="last")
    bench.end(RunState.INCONCLUSIVE)
    bench.call(PRE, test="last")
    bench.call(PRE, test="last")

    assert len(bench.under_way()) == 1


def test_a_failed_promotion_opens_the_rollback_gate_of_its_release_alone(bench: Bench) -> None:
    bench.call(PROMOTION, test="strict")
    bench.end(RunState.FAILED)
    for _ in range(3):
        bench.call(PROMOTION, test="strict")

    assert bench.call(HookType.ROLLBACK).status == 200
    assert len([gate for gate in bench.store.gates.history(AD) if gate.state is GateState.OPEN]) == 1
    assert bench.call(HookType.ROLLBACK, checksum="r3").status == 403


def test_a_failed_promotion_opens_nothing_unless_the_catalog_says_so(bench: Bench) -> None:
    bench.call(PROMOTION, test="suite")
    bench.end(RunState.FAILED)
    bench.call(PROMOTION, test="suite")

    assert ROLLBACK_GATE not in {gate.gate for gate in bench.store.gates.select()}


def test_a_long_test_holds_the_traffic_without_a_failed_check(bench: Bench) -> None:
    told = []
    for _ in range(3):
        told += [bench.call(PRE, test="suite", hold="true").status, bench.call(INCREASE, hold="true").status]
    bench.end(RunState.PASSED)
    told += [bench.call(PRE, test="suite", hold="true").status, bench.call(INCREASE, hold="true").status]

    assert told == [200, 403, 200, 403, 200, 403, 200, 200]


def test_after_a_held_failure_the_next_attempt_holds_again(bench: Bench) -> None:
    bench.call(PRE, test="suite", hold="true")
    bench.end(RunState.FAILED)
    told = [bench.call(PRE, test="suite", hold="true").status for _ in range(2)]

    assert [*told, bench.call(INCREASE, hold="true").status] == [422, 200, 403]


def test_a_hook_that_holds_asks_a_gate_only_when_it_names_one(bench: Bench) -> None:
    assert bench.call(INCREASE, hold="true").status == 200
    assert bench.call(INCREASE, hold="true", gate="freeze").status == 403


def test_what_was_held_for_the_release_before_holds_no_longer(bench: Bench) -> None:
    bench.call(PRE, test="suite", hold="true")

    assert bench.call(INCREASE, hold="true", checksum="r3").status == 200


BAD = [
    ({"test": "suite", "hold": "perhaps"}, "metadata.hold: 'perhaps' is neither true nor false"),
    ({"test": "suite", "retries": "many"}, "metadata.retries: 'many' is not a number"),
    ({"test": "told", "city": "-rf"}, "metadata.city: '-rf' begins with '-', which a command would take for a flag"),
]


@pytest.mark.parametrize(("metadata", "text"), BAD)
def test_metadata_that_cannot_be_meant_is_told(bench: Bench, metadata: dict[str, str], text: str) -> None:
    assert bench.call(PRE, **metadata).reason.startswith(text)


def test_an_instruction_to_hold_that_cannot_be_read_is_told_by_the_other_hook_too(bench: Bench) -> None:
    assert bench.call(INCREASE, hold="perhaps").status == 422


def blocking(bench: Bench) -> TaskAnswer:
    commands = CommandService(bench.runs, bench.store.logs, Settings(allow_commands=True))
    return commands.submit(HookPayload("ad", "weather", metadata={"type": "bash", "cmd": "true"}))


def test_a_command_that_was_lost_is_our_trouble(bench: Bench) -> None:
    def lose(run: Run, _: float) -> Run:
        bench.end(RunState.LOST)
        return bench.store.runs.find(run.id) or run

    bench.runs.wait = lose  # type: ignore[method-assign] # the runner dies while we wait

    answer = blocking(bench)

    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
