"""What the agent is answered while a run goes on, when it has ended, and when it met trouble."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.plugin.counter import GATE, WORKFLOW, Counter
from webhooks.errors import StoreError
from webhooks.store.records import RunState
from workflows.errors import ExitCode
from workflows.plugin.answers import Answer, NodePhase

STATE = {"phase": "Progressing", "canary_weight": 30, "next": "60", "outcome": None, "reason": ""}
LOAD = {"kind": "load", "target": "http://ad-canary.weather", "plan": {"rate": 10, "duration": "5s"}}


def outputs(reply: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in reply["node"]["outputs"]["parameters"]}


def test_a_run_that_waits_is_pending_and_one_that_works_is_running(counter: Counter) -> None:
    waits = counter.ask()
    run = counter.begin()
    counter.store.logs.append(run.id, b"07:00:01 Normal weather.ad New revision\n07:00:02 Halt advancement\n", 1000)
    works = counter.ask()

    assert waits == {"node": {"phase": "Pending", "message": "gate: waits for its turn"}, "requeue": "1s"}
    assert works == {"node": {"phase": "Running", "message": "gate: 07:00:02 Halt advancement"}, "requeue": "1s"}


def test_what_a_run_said_last_is_told_however_much_it_said(counter: Counter) -> None:
    counter.ask()
    run = counter.begin()
    counter.store.logs.append(run.id, b"07:00:01 Normal waits\n" * 100_000, 1 << 24)
    counter.store.logs.append(run.id, b"07:00:02 Halt advancement\n", 1 << 24)

    assert counter.ask()["node"]["message"] == "gate: 07:00:02 Halt advancement"


def test_the_longer_a_run_takes_the_less_often_it_is_asked_for(counter: Counter) -> None:
    counter.ask()
    counter.begin()
    asked = []
    for _ in range(4):
        counter.at += 45
        asked.append(counter.ask()["requeue"])

    assert asked == ["4s", "9s", "10s", "10s"]


def test_a_stage_that_has_passed_tells_what_a_pod_would_write(counter: Counter) -> None:
    counter.ask({**GATE, "reportUrl": "https://penstock.example/ad"})
    counter.end(RunState.PASSED, "exit status 0", json.dumps(STATE) + "\n07:00:02 Normal weather.ad Advance\n[]\n")

    reply = counter.ask({**GATE, "reportUrl": "https://penstock.example/ad"})

    assert (reply["node"]["phase"], reply["node"]["outputs"]["exitCode"]) == ("Succeeded", "0")
    told = {"phase": "Progressing", "weight": "30", "next": "60", "verdict": "", "reason": ""}
    assert outputs(reply) == {**told, "report": "https://penstock.example/ad"}


@pytest.mark.parametrize(
    ("code", "phase"),
    [
        (ExitCode.ROLLED_BACK, "Failed"),
        (ExitCode.INCONCLUSIVE, "Failed"),
        (ExitCode.REFUSED, "Failed"),
        (ExitCode.FAILED, "Failed"),
        (ExitCode.FENCED, "Failed"),
        (ExitCode.CONFIGURATION, "Error"),
        (2, "Error"),
    ],
)
def test_what_says_no_is_over_and_is_not_asked_for_again(counter: Counter, code: int, phase: str) -> None:
    counter.ask()
    counter.end(RunState.FAILED, f"exit status {code}: penstock: canary/ad: said why")

    reply = counter.ask()

    assert "requeue" not in reply
    assert (reply["node"]["phase"], reply["node"]["message"]) == (phase, "gate: canary/ad: said why")
    assert reply["node"]["outputs"] == {"parameters": [], "exitCode": str(int(code))}


def test_the_reason_of_the_release_goes_before_the_last_line(counter: Counter) -> None:
    counter.ask()
    state = {**STATE, "outcome": "rolled_back", "reason": "3 checks failed"}
    counter.end(RunState.FAILED, "exit status 10: last line", json.dumps(state))

    assert counter.ask()["node"]["message"] == "gate: 3 checks failed"
    assert outputs(counter.ask())["verdict"] == "rolled_back"


@pytest.mark.parametrize(
    ("state", "reason", "told"),
    [
        (RunState.FAILED, "exit status 75: penstock: the cluster is away", "the cluster is away"),
        (RunState.FAILED, "exit status 137", "exit status 137"),
        (RunState.FAILED, "signal: killed", "signal: killed"),
        (RunState.LOST, "its runner died 1 time under way; not tried again", "its runner died"),
        (RunState.INCONCLUSIVE, "could not be started (no memory)", "could not be started"),
    ],
)
def test_trouble_is_tried_again_after_a_pause(counter: Counter, state: RunState, reason: str, told: str) -> None:
    counter.ask()
    counter.end(state, reason)
    waits = counter.ask()
    counter.at += 2
    counter.ask()

    assert (waits["node"]["phase"], waits["requeue"]) == ("Pending", "2s")
    assert waits["node"]["message"].startswith(f"gate: try 1 met trouble: {told}")
    assert [run.state for run in counter.runs] == [state, RunState.QUEUED]


def test_pauses_grow_and_the_time_that_is_left_shrinks(counter: Counter) -> None:
    pauses = []
    for _ in range(7):
        counter.ask({**GATE, "deadline": "10m"})
        counter.end(RunState.FAILED, "exit status 75")
        began = counter.at
        while counter.runs[-1].state is not RunState.QUEUED:
            counter.at += 1
            counter.ask({**GATE, "deadline": "10m"})
        pauses.append(counter.at - began)

    assert pauses == [2, 4, 8, 16, 32, 60, 60]
    timeouts = [json.loads(run.order.definition)["timeout"] for run in counter.runs]
    assert (timeouts[0], timeouts[1], timeouts[-1]) == ("600.000s", "598.000s", "418.000s")


def test_trouble_that_lasts_beyond_the_deadline_fails_for_good(counter: Counter) -> None:
    counter.ask({**GATE, "deadline": "1m"})
    counter.at += 60
    counter.end(RunState.FAILED, "exit status 75: penstock: the cluster is away")

    reply = counter.ask({**GATE, "deadline": "1m"})

    assert reply["node"]["phase"] == "Failed"
    assert reply["node"]["message"] == "gate: not done within 0:01:00: the cluster is away"
    assert "requeue" not in reply


def test_a_stage_that_had_its_time_has_failed(counter: Counter) -> None:
    counter.ask()
    counter.end(RunState.FAILED, "did not end within 86400 s")

    assert counter.ask()["node"]["message"] == "gate: did not end within 86400 s"


@pytest.mark.parametrize("body", [GATE, {"opId": "a", "test": LOAD}], ids=["stage", "load"])
def test_what_a_person_cancelled_has_failed_and_does_not_begin_again(counter: Counter, body: dict[str, Any]) -> None:
    counter.ask(body)
    run = counter.begin()
    counter.store.runs.save(replace(run, cancel="ann", standing=False))
    goes_on = counter.ask(body)
    counter.end(RunState.CANCELLED, "ann cancelled it")

    assert goes_on["node"]["phase"] == "Running"
    assert counter.ask(body)["node"]["message"].endswith("cancelled: ann cancelled it")
    assert (counter.ask(body)["node"]["phase"], len(counter.runs)) == ("Failed", 1)


@pytest.mark.parametrize(
    ("state", "policy", "phase"),
    [
        (RunState.PASSED, "fail", "Succeeded"),
        (RunState.FAILED, "pass", "Failed"),
        (RunState.INCONCLUSIVE, "fail", "Failed"),
        (RunState.INCONCLUSIVE, "pass", "Succeeded"),
    ],
)
def test_a_load_ends_by_its_verdict(counter: Counter, state: RunState, policy: str, phase: str) -> None:
    body = {"opId": "a", "test": {**LOAD, "inconclusive": policy}}
    counter.ask(body)
    counter.end(state, "p99 was 80 ms")

    reply = counter.ask(body)

    assert (reply["node"]["phase"], reply["node"]["message"]) == (phase, "load: p99 was 80 ms")
    assert outputs(reply) == {"verdict": state.value, "reason": "p99 was 80 ms"}


def test_a_load_that_its_runner_lost_is_made_again(counter: Counter) -> None:
    body = {"opId": "a", "test": LOAD}
    counter.ask(body)
    counter.end(RunState.LOST, "its runner died 2 times")
    counter.at += 2

    assert counter.ask(body)["node"]["phase"] == "Pending"
    assert len(counter.runs) == 2


def test_nodes_workflows_and_bodies_have_runs_of_their_own(counter: Counter) -> None:
    counter.ask()
    counter.ask({**GATE, "opId": "release-ad[4].gate"})
    counter.ask({**GATE, "lease": "9m"})
    counter.ask(workflow={"metadata": {**WORKFLOW, "uid": "another"}})
    counter.ask()

    assert len({run.order.key for run in counter.runs}) == len(counter.runs) == 4


def test_trouble_of_the_store_is_no_answer_about_the_node(counter: Counter) -> None:
    def away(_: object) -> None:
        raise StoreError("runs: the disk is full")

    counter.store.runs.page = away  # type: ignore[method-assign,assignment] # a store that is away

    reply = counter.ask()

    assert reply == {
        "node": {"phase": "Pending", "message": "the store of runs: runs: the disk is full"},
        "requeue": "10s",
    }


def test_a_message_is_one_line_that_fits_into_a_workflow(counter: Counter) -> None:
    counter.ask()
    counter.end(RunState.FAILED, "exit status 78: first\nsecond " + "x" * 5000)

    message = counter.ask()["node"]["message"]

    assert message.startswith("gate: first second x")
    assert len(message) == 800


@pytest.mark.parametrize(
    ("phase", "requeue_s"), [("Succeeded", 1), ("Failed", 1), ("Error", 1), ("Pending", 0), ("Running", 0)]
)
def test_no_answer_leaves_a_node_for_ever_or_calls_it_back(phase: str, requeue_s: int) -> None:
    with pytest.raises(ValueError, match=phase):
        Answer(NodePhase(phase), "", requeue_s)
