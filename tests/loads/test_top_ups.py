"""A top-up by the load engine: what is sent, what is counted, and what goes wrong."""

import json
import sys
from pathlib import Path

import pytest

from tests.local_traffic import eventually
from tests.rollout_story import plan
from workflows.errors import UnavailableError
from workflows.loads.processes import Arms, ProcessLoad, read_arms, read_counts, write_plan
from workflows.local.platform import LocalPlatform
from workflows.metrics.envoy import EnvoyCounter
from workflows.rollout.decision import TopUp

BOUNDS = (100.0, 1000.0, 5000.0)
ARMS = Arms("http://127.0.0.1:1", "http://127.0.0.1:2")


def name(requests: int, statuses: dict[str, int], cells: list[list[int]]) -> dict[str, object]:
    histogram = {"cells": cells, "sum_us": 0, "max_us": 0}
    numbers = dict.fromkeys(("failures", "received_bytes", "checks_passed", "checks_failed"), 0)
    return {"response": histogram, "service": histogram, "statuses": statuses, "requests": requests, **numbers}


def program(text: str) -> tuple[str, ...]:
    return ("-c", text)


def test_both_arms_of_the_local_platform_are_asked_alike_and_no_user_is_counted(pair: LocalPlatform) -> None:
    load = ProcessLoad(lambda: read_arms(pair.directory))
    before = EnvoyCounter(pair.directory).read()

    counts = load.send(TopUp(20, 1.0, BOUNDS), plan(top_up="/ad"))

    users = EnvoyCounter(pair.directory).read().since(before)
    assert {arm.responses["2xx"] for arm in (counts.primary, counts.canary)} <= {19, 20, 21}
    assert [bound for bound, _ in counts.canary.latency] == [*BOUNDS, float("inf")]
    assert counts.canary.latency[-1][1] == counts.canary.total
    assert (users.primary.total, users.canary.total) == (0, 0)


@pytest.mark.parametrize(("requests", "rate", "duration"), [(250, 50, 5), (3, 1, 3), (1, 1, 1)])
def test_the_requests_are_spread_over_the_time_there_is(requests: int, rate: float, duration: float) -> None:
    written = write_plan(TopUp(requests, 5.0), "/ad", ARMS)

    assert (written["rate"], written["duration"]) == (rate, duration)
    assert (written["target"], written["compare_with"]) == (ARMS.canary, ARMS.primary)


def test_requests_without_an_answer_have_failed() -> None:
    # Cell 513 is 1.1 s, cell 0 is no time at all.
    names = {"canary top-up": name(6, {"200": 3, "503": 1}, [[0, 5], [513, 1]]), "primary top-up": name(2, {}, [])}
    said = json.dumps({"kind": "end", "report": report(names)})

    counts = read_counts(f"starting\n{said}\n", BOUNDS)

    assert counts.canary.responses == {"2xx": 3, "5xx": 3}
    assert counts.canary.latency == ((100.0, 5), (1000.0, 5), (5000.0, 6), (float("inf"), 6))


def report(names: dict[str, object]) -> dict[str, object]:
    from loadtester.report import LoadReport  # noqa: PLC0415 - only for the form of an empty report

    return {**LoadReport().to_dict(), "names": names}


@pytest.mark.parametrize("said", ["", "words", '{"kind": "end"}', '{"report": {"names": 3}}'])
def test_a_report_that_is_none_is_trouble_of_the_platform(said: str) -> None:
    with pytest.raises(UnavailableError, match="report cannot be read"):
        read_counts(said, BOUNDS)


def test_an_engine_that_ends_without_a_report_says_why() -> None:
    load = ProcessLoad(lambda: ARMS, command=program("import sys; sys.exit('no such thing')"))

    with pytest.raises(UnavailableError, match="gave no report: no such thing"):
        load.send(TopUp(1, 1.0), plan(top_up="/"))


def test_an_engine_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("workflows.loads.processes.START_S", -0.5)
    mark = tmp_path / "pid"
    text = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"

    with pytest.raises(UnavailableError, match="did not end within"):
        ProcessLoad(lambda: ARMS, command=program(text)).send(TopUp(1, 1.0), plan(top_up="/"))

    eventually(lambda: not mark.exists() or not Path(f"/proc/{mark.read_text() or 0}").exists())


def test_an_engine_that_cannot_be_started_is_trouble_of_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    with pytest.raises(UnavailableError, match="/nowhere/python: cannot be started"):
        ProcessLoad(lambda: ARMS).send(TopUp(1, 1.0), plan(top_up="/"))


def test_without_a_platform_no_arm_is_found(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no addresses of the arms there"):
        read_arms(tmp_path)
