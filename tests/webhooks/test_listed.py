"""What hooks make of what their Canary says of them: timeout, retries, who holds the traffic, which template."""

import pytest

from tests.webhooks.bench import AD, Bench
from webhooks.access import Listed
from webhooks.access.entries import CanaryEntry, read_canary
from webhooks.access.templates import hash_template, list_configs
from webhooks.errors import RefusedError
from webhooks.gates import GateDecision
from webhooks.hooks.epochs import HookCall
from webhooks.hooks.orders import read_call
from webhooks.protocol import HookPayload, HookType
from webhooks.store.records import GateState, RunState

CONFIRM, PRE, INCREASE = HookType.CONFIRM_ROLLOUT, HookType.PRE_ROLLOUT, HookType.CONFIRM_TRAFFIC_INCREASE
SHORT = Listed(0.05, 0)
OLD, NEW = Listed(0.05, 0, template="aaaa", gate="images"), Listed(0.05, 0, template="bbbb", gate="images")


def read(bench: Bench, listed: Listed | None, **metadata: str) -> float:
    call = HookCall(PRE, HookPayload("ad", "weather", metadata={"test": "suite"} | metadata), 0.0, listed)
    return read_call(call, bench.service.catalog.current(), 8.0).wait_s


WAITS = [
    (None, {}, 8.0),
    (None, {"wait": "30s"}, 30.0),
    (Listed(10.0, 0), {}, 8.0),
    (Listed(60.0, 0), {}, 58.0),
    (Listed(1.0, 0), {}, 0.8),
    (Listed(60.0, 0), {"wait": "5s"}, 5.0),
    (Listed(10.0, 0), {"wait": "5m"}, 8.0),
    (Listed(3600.0, 0), {}, 240.0),
]


@pytest.mark.parametrize(("listed", "metadata", "wait_s"), WAITS)
def test_a_hook_waits_as_long_as_its_timeout_allows(
    bench: Bench, listed: Listed | None, metadata: dict[str, str], wait_s: float
) -> None:
    assert read(bench, listed, **metadata) == pytest.approx(wait_s)


def test_a_hook_that_is_asked_again_says_so_with_a_status_that_asks_for_it(bench: Bench) -> None:
    bench.listed = Listed(0.05, 2)

    assert bench.call(PRE, test="suite").status == 503


def test_a_hook_that_is_not_asked_again_fails_with_the_way_out(bench: Bench) -> None:
    bench.listed = SHORT
    outcome = bench.call(PRE, test="suite", retries="2")

    assert outcome.status == 422
    assert outcome.reason.endswith(": raise the hook's timeout, or add a confirm-traffic-increase hook")


def test_a_hook_of_the_canary_holds_the_traffic_unasked(bench: Bench) -> None:
    bench.listed = Listed(10.0, 0, holds=True)
    started = bench.call(PRE, test="suite")
    bench.listed = SHORT
    held = bench.call(INCREASE, hold="true")
    bench.end(RunState.PASSED)

    assert [started.status, held.status, bench.call(INCREASE, hold="true").status] == [200, 403, 200]


def test_nothing_is_held_where_no_hook_of_the_canary_would(bench: Bench) -> None:
    bench.listed = SHORT

    assert bench.call(PRE, test="suite", hold="true").status == 422


def approve(bench: Bench, template: str = "") -> None:
    bench.time += 1
    bench.service.gates.say(AD, "images", GateDecision(GateState.OPEN, "ann", template=template))


def confirm(bench: Bench, listed: Listed) -> tuple[int, str]:
    bench.time += 1
    bench.listed = listed
    outcome = bench.call(CONFIRM, phase="Waiting", checksum="r1", gate="images")
    return outcome.status, outcome.reason


def start(bench: Bench, listed: Listed, checksum: str = "r2") -> tuple[int, str]:
    bench.listed = listed
    outcome = bench.call(PRE, checksum=checksum, test="suite")
    bench.end(RunState.PASSED)
    return outcome.status, outcome.reason


def test_an_approval_admits_the_template_it_was_given_for(bench: Bench) -> None:
    waiting = confirm(bench, OLD)
    approve(bench)

    assert "waiting for approval of gate images of ad.weather (template aaaa)" in waiting[1]
    assert confirm(bench, OLD)[0] == 200
    assert "still running" in start(bench, OLD)[1]


def test_an_approval_admits_no_other_template_and_the_answer_names_both(bench: Bench) -> None:
    confirm(bench, OLD)
    approve(bench)
    status, reason = confirm(bench, NEW)

    assert status == 403
    assert "(the approval by ann was for template aaaa, the target's is now bbbb)" in reason
    assert "approve with: penstock gate approve ad.weather images" in reason
    assert confirm(bench, NEW)[1] == reason


def test_the_new_template_is_admitted_when_it_is_approved_too(bench: Bench) -> None:
    confirm(bench, OLD)
    approve(bench)
    confirm(bench, NEW)
    approve(bench)

    assert confirm(bench, NEW)[0] == 200


def test_an_approval_that_names_another_template_is_refused(bench: Bench) -> None:
    confirm(bench, NEW)

    with pytest.raises(RefusedError, match="is asked about template bbbb, not aaaa; look again: penstock gate show"):
        approve(bench, "aaaa")
    approve(bench, "bbbb")
    assert confirm(bench, NEW)[0] == 200


def test_one_of_two_approvals_of_another_template_is_taken_back(bench: Bench) -> None:
    bench.catalog.write_text(bench.catalog.read_text() + "gates: {images: {approvals: 2, patience: 1h}}")
    confirm(bench, OLD)
    approve(bench)
    confirm(bench, NEW)

    gate = bench.service.gates.history(AD, "images")[-1]
    assert (gate.approvals, gate.template, gate.expires_at) == ((), "bbbb", bench.time + 3600)


def test_a_halted_gate_stays_halted_for_every_template(bench: Bench) -> None:
    confirm(bench, OLD)
    bench.service.gates.decide(AD, "images", GateState.CLOSED, "eve", "")

    assert "was closed, by eve" in confirm(bench, NEW)[1]


def test_a_gate_opened_for_every_release_asks_about_no_template(bench: Bench) -> None:
    bench.service.gates.put(AD, "*", GateState.OPEN)

    assert [confirm(bench, listed)[0] for listed in (OLD, NEW)] == [200, 200]


def test_pre_rollout_refuses_what_confirm_rollout_never_saw(bench: Bench) -> None:
    confirm(bench, OLD)
    approve(bench)
    confirm(bench, OLD)
    start(bench, OLD)
    status, reason = start(bench, NEW, checksum="r3")

    assert status == 422
    assert reason.startswith("confirm-rollout admitted template aaaa, the target's is now bbbb: waiting for approval")


def test_pre_rollout_goes_on_once_the_template_is_approved(bench: Bench) -> None:
    refused = start(bench, NEW)
    approve(bench)

    assert "confirm-rollout admitted no template yet, the target's is now bbbb" in refused[1]
    assert "suite" in start(bench, NEW)[1]
    assert "suite passed" in start(bench, NEW)[1]


def test_a_test_of_confirm_rollout_runs_again_for_another_template(bench: Bench) -> None:
    bench.catalog.write_text("tests: {own: {kind: http, target: 'http://greeter.weather', requests: [{path: /}]}}")
    for listed in (OLD, NEW):
        bench.listed = listed
        bench.call(CONFIRM, phase="Waiting", test="own")

    assert len(bench.under_way()) == 2


TEMPLATE = {
    "metadata": {"labels": {"app": "ad"}},
    "spec": {
        "volumes": [
            {"configMap": {"name": "pages"}},
            {"secret": {"secretName": "tls"}},
            {"projected": {"sources": [{"configMap": {"name": "more"}}, {"secret": {"name": "keys"}}]}},
            {"emptyDir": {}},
        ],
        "initContainers": [{"envFrom": [{"configMapRef": {"name": "init"}}, {"secretRef": {"name": "token"}}]}],
        "containers": [
            {
                "image": "ad:v2",
                "env": [
                    {"name": "A", "value": "1"},
                    {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "env", "key": "b"}}},
                    {"name": "C", "valueFrom": {"secretKeyRef": {"name": "maybe", "key": "c", "optional": True}}},
                ],
            }
        ],
    },
}


def test_the_configs_of_a_template_are_those_it_cannot_do_without() -> None:
    maps, secrets = ["pages", "more", "init", "env"], ["tls", "keys", "token"]

    assert sorted(list_configs(TEMPLATE)) == sorted(
        [("configmaps", name) for name in maps] + [("secrets", name) for name in secrets]
    )


def test_stopping_a_daemon_set_is_no_other_template() -> None:
    stopped = {"spec": {"nodeSelector": {"flagger.app/scale-to-zero": "true"}}}
    placed = {"spec": {"nodeSelector": {"disk": "fast"}}}

    assert hash_template(stopped, {}) == hash_template({"spec": {}}, {"configmaps/x": None})
    assert hash_template(placed, {}) != hash_template({"spec": {}}, {})


def entry(**analysis: object) -> CanaryEntry:
    hooks = [
        {"type": "pre-rollout", "url": "http://penstock/s3/hooks/pre-rollout", "timeout": "2m", "retries": 3},
        {"type": "confirm-traffic-increase", "url": "http://other/s3/hooks/confirm-traffic-increase", "timeout": "x"},
        {"type": "confirm-rollout", "url": "http://penstock/s3/hooks/confirm-rollout"},
    ]
    return read_canary({"spec": {"analysis": {"webhooks": hooks} | analysis}, "status": {"lastTransitionTime": "?"}})


def test_a_canary_says_how_long_its_hooks_take_and_how_often_they_are_tried() -> None:
    hooks = entry().hooks

    assert [(hook.timeout_s, hook.retries) for hook in hooks] == [(120.0, 3), (10.0, 0), (10.0, 0)]


def test_a_hook_is_ours_when_it_goes_where_the_other_goes() -> None:
    canary = entry()

    assert canary.lists(CONFIRM, canary.hooks[0]) == canary.hooks[2]
    assert canary.lists(INCREASE, canary.hooks[0]) is None


@pytest.mark.parametrize(("analysis", "shifts"), [({}, True), ({"iterations": 5}, False), ({"mirror": True}, False)])
def test_only_a_canary_that_moves_weights_asks_to_move_them(analysis: dict[str, object], shifts: bool) -> None:  # noqa: FBT001
    assert entry(**analysis).shifts is shifts


def test_an_end_that_the_canary_shows_ends_the_release_under_way(bench: Bench) -> None:
    bench.call(HookType.ROLLOUT, test="load")
    for at in (bench.time - 1, bench.time + 60, bench.time + 60):
        bench.service.end_release(AD, at)

    assert [run.cancel for run in bench.under_way()] == ["the release is over"]


def test_a_release_that_still_waits_for_confirm_rollout_is_not_ended_by_the_one_before(bench: Bench) -> None:
    bench.call(CONFIRM, phase="Waiting")
    bench.service.end_release(AD, bench.time + 60)

    last = bench.store.epochs.latest(AD)
    assert last is not None
    assert not last.ended


def test_nothing_is_ended_where_nothing_began(bench: Bench) -> None:
    bench.service.end_release(AD, bench.time)

    assert bench.store.epochs.latest(AD) is None
