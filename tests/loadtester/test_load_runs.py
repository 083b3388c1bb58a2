import json
import signal
import subprocess
from pathlib import Path

import pytest
from load_commands import RUN, run, run_json, write_plan
from load_sites import OpenSite


def test_an_open_run_makes_exactly_its_arrivals_and_marks_them(site: OpenSite, tmp_path: Path) -> None:
    target = site()

    report = run_json(tmp_path, "--target", target.url, "--rate", 50, "--duration", "1s")["report"]

    assert (report["requests"], report["scheduled"], report["failures"]) == (50, 50, 0)
    assert all(b"X-Penstock-Synthetic: load" in request for request in target.requests)


def test_a_target_with_a_query_is_requested_as_it_stands(site: OpenSite, tmp_path: Path) -> None:
    target = site()

    run_json(tmp_path, "--target", f"{target.url}/ad?user=7", "--rate", 20, "--duration", "1s")

    assert {request.split(b" HTTP", 1)[0] for request in target.requests} == {b"GET /ad?user=7"}


def test_a_closed_run_keeps_its_users_busy(site: OpenSite, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, target=site().url, users=4, duration="1s", requests=[{"path": "/ad", "think": "0.05"}])

    report = run_json(tmp_path, plan)["report"]

    assert 40 <= report["names"]["/ad"]["requests"] <= 90


def test_live_lines_are_cumulative_and_end_with_the_verdict(site: OpenSite) -> None:
    lines = run("--target", site().url, "--rate", 50, "--duration", "2s", "--live", "--tick", "0.2").splitlines()

    *ticks, end = [json.loads(line) for line in lines]
    assert [line["kind"] for line in ticks] == ["tick"] * len(ticks)
    assert ticks[0]["report"]["requests"] < end["report"]["requests"] == 100
    assert end["verdict"]["outcome"] == "passed"


def test_a_target_that_accepts_and_never_answers_fails(site: OpenSite, tmp_path: Path) -> None:
    target = site(lambda _: None)

    document = run_json(
        tmp_path, "--target", target.url, "--rate", 10, "--duration", "1s", "--timeout", "1s", expect=99
    )

    assert document["report"]["errors"][0]["kind"] == "timeout"
    assert document["report"]["failures"] == 10


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "status 500"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "garbage"),
    ],
)
def test_a_wrong_answer_fails_under_its_class(site: OpenSite, tmp_path: Path, answer: bytes, kind: str) -> None:
    document = run_json(tmp_path, "--target", site(answer).url, "--rate", 10, "--duration", "1s", expect=99)

    assert [error["kind"] for error in document["report"]["errors"]] == [kind]


def test_a_refusing_target_fails(free_port: int, tmp_path: Path) -> None:
    target = f"http://127.0.0.1:{free_port}"

    document = run_json(tmp_path, "--target", target, "--rate", 10, "--duration", "1s", expect=99)

    assert document["report"]["errors"][0] == {
        "name": "/",
        "kind": "refused",
        "message": "Connection refused",
        "count": 10,
    }


def test_a_bad_plan_is_told_line_by_line(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, target="nowhere", usrs=3)

    assert run(plan, expect=104).splitlines() == [f"{plan}: usrs: unknown field; did you mean 'users'?"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_in_its_grace_with_its_reports(
    site: OpenSite, tmp_path: Path, number: signal.Signals
) -> None:
    command = [*RUN, "--target", site().url, "--rate", "50", "--live", "--report", str(tmp_path / "out")]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()

    child.send_signal(number)

    output, _ = child.communicate(timeout=20)
    assert json.loads(output.splitlines()[-1])["kind"] == "end"
    assert child.returncode == 105
    assert (tmp_path / "out" / "report.html").exists()


def test_one_failed_request_in_many_passes(site: OpenSite) -> None:
    answers = iter([b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"])
    target = site(lambda _: next(answers, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))

    assert "passed" in run("--target", target.url, "--rate", 400, "--duration", "1s")
