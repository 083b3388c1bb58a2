"""Gates that need several people, and approvals that run out."""

from pathlib import Path

import pytest

from tests.webhooks.bench import AD, Bench
from webhooks.catalog import GateRule, OnExpiry, read_catalog
from webhooks.errors import CatalogError, RefusedError
from webhooks.gates import GateDecision
from webhooks.protocol import HookOutcome, HookType
from webhooks.store.records import GateState, RunState

PROMOTION = HookType.CONFIRM_PROMOTION
RULES = """
gates:
  promotion: {approvals: 2, expires: 1h, patience: 4h, onExpiry: rollback}
  traffic: {expires: 10m}
"""


@pytest.fixture
def desk(bench: Bench) -> Bench:
    bench.catalog.write_text(bench.catalog.read_text() + RULES)
    return bench


def ask(desk: Bench, gate: str = "promotion") -> HookOutcome:
    return desk.call(PROMOTION, gate=gate)


def approve(desk: Bench, who: str, gate: str = "promotion", lasts_s: float = 0.0) -> None:
    desk.service.gates.say(AD, gate, GateDecision(GateState.OPEN, who, lasts_s=lasts_s))


def test_a_gate_opens_with_the_last_approval_it_needs(desk: Bench) -> None:
    statuses = [ask(desk).status]
    for who in ("ann", "bob"):
        approve(desk, who)
        statuses.append(ask(desk).status)

    assert statuses == [403, 403, 200]
    assert ask(desk).reason == "gate promotion of ad.weather is open, by ann, bob"


def test_the_same_person_counts_once(desk: Bench) -> None:
    ask(desk)
    approve(desk, "ann")
    approve(desk, "ann")

    assert ask(desk).status == 403
    assert "1 of 2 given" in ask(desk).reason


def test_nobody_counts_as_nobody(desk: Bench) -> None:
    ask(desk)

    with pytest.raises(RefusedError, match="needs 2 approvals of different people: say who you are"):
        approve(desk, "")


def test_a_halt_takes_back_what_was_approved(desk: Bench) -> None:
    ask(desk)
    approve(desk, "ann")
    desk.service.gates.decide(AD, "promotion", GateState.CLOSED, "eve", "not yet")
    approve(desk, "bob")

    assert "1 of 2 given" in ask(desk).reason


def test_an_approval_runs_out(desk: Bench) -> None:
    ask(desk, "traffic")
    approve(desk, "ann", "traffic")
    before = ask(desk, "traffic").status
    desk.time += 600

    assert (before, ask(desk, "traffic").status) == (200, 403)
    assert "the approval of gate traffic, by ann, held for 600 s" in ask(desk, "traffic").reason
    assert desk.call(HookType.ROLLBACK).status == 403


def test_whoever_approves_says_how_long(desk: Bench) -> None:
    ask(desk, "traffic")
    approve(desk, "ann", "traffic", lasts_s=5)
    desk.time += 6

    assert ask(desk, "traffic").status == 403


def test_an_approval_that_runs_out_asks_for_a_rollback(desk: Bench) -> None:
    ask(desk)
    approve(desk, "ann")
    approve(desk, "bob")
    before = desk.call(HookType.ROLLBACK).status
    desk.time += 1800
    desk.call(HookType.ROLLBACK)
    desk.time += 1801

    assert (before, desk.call(HookType.ROLLBACK).status) == (403, 200)
    assert ask(desk).status == 403


def test_a_gate_that_waited_too_long_asks_for_a_rollback(desk: Bench) -> None:
    ask(desk)
    approve(desk, "ann")
    for _ in range(5):
        desk.time += 3000
        ask(desk)

    assert desk.call(HookType.ROLLBACK).status == 200
    assert "nobody gave the 1 missing approval(s) of gate promotion in time" in ask(desk).reason


def test_an_expired_gate_can_be_approved_again(desk: Bench) -> None:
    ask(desk, "traffic")
    approve(desk, "ann", "traffic")
    desk.time += 601
    ask(desk, "traffic")
    approve(desk, "bob", "traffic")

    assert ask(desk, "traffic").reason == "gate traffic of ad.weather is open, by bob"


def test_the_history_keeps_every_word(desk: Bench) -> None:
    ask(desk, "traffic")
    approve(desk, "ann", "traffic")
    desk.time += 601

    words = desk.service.gates.history(AD, "traffic")

    assert [word.state for word in words] == [GateState.WAITING, GateState.OPEN, GateState.CLOSED]


def test_listed_gates_have_run_out_too(desk: Bench) -> None:
    ask(desk, "traffic")
    approve(desk, "ann", "traffic")
    desk.time += 601

    assert [gate.state for gate in desk.service.gates.select()] == [GateState.CLOSED]


def test_a_rollback_that_was_asked_for_before_stays(desk: Bench) -> None:
    ask(desk)
    desk.service.gates.decide(AD, "rollback", GateState.OPEN, "eve", "it smells")
    desk.time += 4 * 3600 + 1
    ask(desk)

    assert desk.service.gates.history(AD, "rollback")[-1].who == "eve"


def test_the_catalog_says_what_a_gate_needs(tmp_path: Path) -> None:
    catalog = read_catalog("tests: {t: {kind: http, requests: [{path: /}]}}" + RULES, tmp_path)

    assert catalog.gates["promotion"] == GateRule(2, 3600.0, 14400.0, OnExpiry.ROLLBACK)


def test_a_bad_rule_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"gates\.promotion\.approvals: 0 is not a whole number within 1 to 20"):
        read_catalog("tests: {t: {kind: http, requests: [{path: /}]}}\ngates: {promotion: {approvals: 0}}", tmp_path)


@pytest.mark.parametrize(
    ("state", "status"),
    [(RunState.FAILED, 200), (RunState.CANCELLED, 403), (RunState.LOST, 403), (RunState.PASSED, 403)],
)
def test_only_a_failed_promotion_test_asks_for_a_rollback(bench: Bench, state: RunState, status: int) -> None:
    bench.call(PROMOTION, test="strict")
    bench.end(state)
    bench.call(PROMOTION, test="strict")

    assert bench.call(HookType.ROLLBACK).status == status


def test_a_failed_promotion_test_needs_no_approvals_to_roll_back(bench: Bench) -> None:
    bench.catalog.write_text(bench.catalog.read_text() + "gates: {rollback: {approvals: 2}}")
    for _ in range(2):
        bench.call(PROMOTION, test="strict")
        bench.end(RunState.FAILED)
        bench.call(PROMOTION, test="strict")

    assert bench.call(HookType.ROLLBACK).status == 200
    assert len(bench.service.gates.history(AD, "rollback")) == 1
