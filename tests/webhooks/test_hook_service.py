"""What holds between the calls of hooks: joining, keeping, retiring, cancelling."""

import pytest

from tests.webhooks.bench import AD, Bench
from webhooks.errors import RefusedError
from webhooks.protocol import HookPayload, HookType, PayloadError
from webhooks.store.records import GateState, RunState

PRE, ROLLOUT, POST, PROMOTION = (
    HookType.PRE_ROLLOUT,
    HookType.ROLLOUT,
    HookType.POST_ROLLOUT,
    HookType.CONFIRM_PROMOTION,
)


def test_equal_calls_join_one_run(bench: Bench) -> None:
    for _ in range(3):
        bench.call(PRE, test="suite")

    assert len(bench.under_way()) == 1


def test_other_parameters_are_another_run(bench: Bench) -> None:
    bench.call(PRE, test="greeting", who="ann")
    bench.time += 1
    bench.call(PRE, test="greeting", who="bob")

    assert [run.order.parameters["who"] for run in bench.under_way()] == ["ann", "bob"]


def test_a_pass_is_kept_for_the_release(bench: Bench) -> None:
    bench.call(PRE, test="suite")
    bench.end(RunState.PASSED)
    bench.call(PRE, test="suite")

    assert bench.under_way() == ()


def test_a_failure_is_told_once_and_then_tried_again(bench: Bench) -> None:
    bench.call(PRE, test="suite")
    bench.end(RunState.FAILED)
    told = bench.call(PRE, test="suite")
    bench.call(PRE, test="suite")

    assert told.reason == "suite failed: because"
    assert len(bench.under_way()) == 1


def test_the_next_release_runs_the_test_again_and_ends_the_old_run(bench: Bench) -> None:
    bench.call(PRE, test="suite")
    bench.time += 1
    bench.call(PRE, test="suite", checksum="r3")

    old, new = bench.under_way()
    assert (old.cancel, old.standing) == ("a newer release began", False)
    assert (new.cancel, new.order.epoch) == ("", 2)


@pytest.mark.parametrize("end", [POST, HookType.EVENT])
def test_the_end_of_a_release_ends_its_load(bench: Bench, end: HookType) -> None:
    bench.call(ROLLOUT, test="load")
    bench.call(end, phase="Succeeded")

    assert [run.cancel for run in bench.under_way()] == ["the release is over"]


def test_the_end_of_another_revision_ends_nothing(bench: Bench) -> None:
    bench.call(ROLLOUT, test="load")
    bench.call(POST, phase="Failed", checksum="r1")

    assert [run.cancel for run in bench.under_way()] == [""]


def test_a_second_end_is_as_good_as_the_first(bench: Bench) -> None:
    bench.call(ROLLOUT, test="load")

    assert [bench.call(POST, phase="Failed").status for _ in range(2)] == [200, 200]


def test_a_cancelled_test_says_why(bench: Bench) -> None:
    bench.call(PRE, test="suite")
    bench.end(RunState.CANCELLED, "cancelled by ann")

    assert bench.call(PRE, test="suite").reason == "suite failed: cancelled by ann"


def test_another_canary_is_left_alone(bench: Bench) -> None:
    bench.call(PRE, test="suite")
    bench.service.handle(POST, HookPayload("shop", "weather", "Succeeded", "r2"))

    assert [run.cancel for run in bench.under_way()] == [""]


def test_a_run_knows_its_target_and_where_to_connect(bench: Bench) -> None:
    bench.call(PRE, test="suite")

    order = bench.under_way()[0].order
    assert (order.target, order.connect) == ("http://ad-canary.weather:3003", "127.0.0.1:9")


def test_an_approval_needs_a_release_under_way(bench: Bench) -> None:
    with pytest.raises(RefusedError, match=r"no release of ad\.weather is under way"):
        bench.service.gates.decide(AD, "promotion", GateState.OPEN, "ann", "")


def test_a_gate_that_waits_is_known_to_people(bench: Bench) -> None:
    bench.call(PROMOTION, gate="promotion")
    bench.call(PROMOTION, gate="promotion")

    assert [(gate.gate, gate.state) for gate in bench.service.gates.select()] == [("promotion", GateState.WAITING)]
    assert len(bench.store.gates.history(AD)) == 1


def test_closing_all_gates_takes_an_approval_back(bench: Bench) -> None:
    bench.call(PROMOTION)
    bench.service.gates.decide(AD, PROMOTION.value, GateState.OPEN, "ann", "")
    bench.time += 1
    bench.service.gates.put(AD, "*", GateState.CLOSED)

    assert bench.call(PROMOTION).status == 403


def test_a_gate_that_is_opened_without_a_release_serves_the_next_too(bench: Bench) -> None:
    bench.service.gates.put(AD, "*", GateState.OPEN)

    assert [bench.call(PROMOTION, checksum=checksum).status for checksum in ("r2", "r3")] == [200, 200]


BAD_METADATA = [
    ({"test": "suite", "wait": "soon"}, "metadata.wait: 'soon' is not a duration"),
    ({"test": "greeting"}, "metadata.who: missing"),
    ({"test": "greeting", "who": "Ann!"}, "metadata.who: 'Ann!' is not allowed by the catalog"),
    ({"test": "greeting", "who": "ann", "tone": "loud"}, "metadata.tone: 'loud' is not allowed"),
    ({"tests": ",".join(f"t{n}" for n in range(21))}, "metadata.tests: 21 tests; at most 20"),
]


@pytest.mark.parametrize(("metadata", "text"), BAD_METADATA)
def test_metadata_that_cannot_be_meant_is_a_failure_that_says_so(
    bench: Bench, metadata: dict[str, str], text: str
) -> None:
    outcome = bench.call(PRE, **metadata)

    assert (outcome.status, outcome.reason[: len(text)]) == (422, text)


def test_a_gate_with_an_odd_name_is_refused(bench: Bench) -> None:
    assert bench.call(PROMOTION, gate="a b").status == 422


@pytest.mark.parametrize(("name", "namespace"), [("", "weather"), ("ad", ""), ("Ad", "weather"), ("a/b", "weather")])
def test_names_that_no_object_can_have_are_refused(bench: Bench, name: str, namespace: str) -> None:
    with pytest.raises(PayloadError, match="is not the name of a Kubernetes object"):
        bench.service.handle(PRE, HookPayload(name, namespace))


def test_events_are_kept(bench: Bench) -> None:
    bench.call(HookType.EVENT, eventMessage="New revision detected!")

    assert [event.metadata["eventMessage"] for event in bench.store.events.select(AD)] == ["New revision detected!"]


def test_a_catalog_that_changes_is_read_again(bench: Bench) -> None:
    bench.catalog.write_text("tests: {other: {kind: http, requests: [{path: /}]}}")

    assert "known: other" in bench.call(PRE, test="suite").reason


def test_a_faulty_new_catalog_leaves_the_old_one_in_force(bench: Bench) -> None:
    bench.catalog.write_text("tests: {suite: {kind: magic}}")

    assert "suite still running" in bench.call(PRE, test="suite").reason
