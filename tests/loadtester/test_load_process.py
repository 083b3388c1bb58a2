import json
import os
import pty
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from load_commands import RUN, call, run, run_json, write_plan
from load_sites import OpenSite, eventually

from loadtester import EngineError, LoadPlan, ScriptError, process
from loadtester import run as run_plan
from loadtester.plan import Mode
from loadtester.process import Ending, EngineProcess, LoadRun, Team


def children_of(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if entry.name.isdigit() and int(fields[1]) == pid:
            found.append(int(entry.name))
    return found


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_plan_runs_from_python(site: OpenSite) -> None:
    report = run_plan(LoadPlan(site().url, level=20, duration_s=0.5))

    assert (report.requests, report.failures) == (10, 0)


def test_a_script_at_fault_is_an_error_of_its_own() -> None:
    with pytest.raises(ScriptError, match="is not a file"):
        run_plan(LoadPlan("http://127.0.0.1:1", mode=Mode.CLOSED, locustfile="gone.py", duration_s=1))


@pytest.mark.parametrize("workers", [0, 2])
def test_no_process_outlives_an_owner_killed_with_9(site: OpenSite, workers: int) -> None:
    command = [*RUN, "--target", site().url, "--rate", "20", "--live", "--workers", str(workers)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    engines = children_of(child.pid)

    child.kill()
    child.wait()

    assert len(engines) == 1 + workers
    assert eventually(lambda: not any(map(alive, engines)))
    child.stdout.close()


def test_a_reader_that_goes_away_ends_the_run(site: OpenSite) -> None:
    child = subprocess.Popen([*RUN, "--target", site().url, "--live", "--tick", "0.1"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()

    child.stdout.close()

    assert child.wait(timeout=20) == 105


def test_an_engine_that_dies_is_inconclusive(site: OpenSite) -> None:
    with LoadRun() as owned:
        owned.start(LoadPlan(site().url), tick_s=0.1)
        for _ in owned.reports():
            os.kill(owned._engine.pid, signal.SIGKILL)

    assert owned.ending is Ending.DIED
    assert "ended by itself (exit -9)" in owned.verdict.reasons[0]
    assert owned.report.errors[-1].kind == "died"


def test_an_engine_needs_a_plan_before_it_reports() -> None:
    with EngineProcess() as engine, pytest.raises(EngineError, match="no plan yet"):
        next(engine.reports())


def test_an_engine_that_is_gone_takes_no_order() -> None:
    with EngineProcess() as engine:
        os.kill(engine.pid, signal.SIGKILL)
        engine.join()

        with pytest.raises(EngineError, match="ended before"):
            engine.order(LoadPlan("http://127.0.0.1:1"))


def test_a_cancel_interrupts_what_is_in_flight_after_its_grace(site: OpenSite, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, target=site(lambda _: None).url, rate=20, timeout="30s", grace="300ms")
    command = [*RUN, plan, "--live", "--tick", "0.2"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()

    child.terminate()

    output, _ = child.communicate(timeout=20)
    report = json.loads(output.splitlines()[-1])["report"]
    assert report["interrupted"] > 0
    assert report["failures"] == 0


@pytest.mark.parametrize(("level", "words"), [(["--rate", "100"], 200), (["--users", "4"], 50)])
def test_workers_share_the_load_and_add_up(site: OpenSite, tmp_path: Path, level: list[str], words: int) -> None:
    document = run_json(tmp_path, "--target", site().url, *level, "--duration", "2s", "--workers", 2)

    report = document["report"]
    assert report["requests"] >= words
    assert (report["health"]["workers"], report["health"]["workers_lost"]) == (2, 0)
    assert report["scheduled"] in (0, 200)


def test_a_lost_worker_makes_the_verdict_inconclusive(site: OpenSite) -> None:
    with LoadRun() as owned:
        owned.start(LoadPlan(site().url, level=50, duration_s=3), tick_s=0.5, team=Team.of(2, None))
        for _ in owned.reports():
            owned._workers[0].kill()

    assert owned.verdict.outcome.value == "inconclusive"
    assert "1 load worker(s) lost" in owned.verdict.reasons[0]


def test_workers_that_others_start_join_by_address(site: OpenSite, tmp_path: Path, free_port: int) -> None:
    plan = write_plan(tmp_path, target=site().url, rate=50, duration="1s")
    address = f"127.0.0.1:{free_port}"
    worker = [sys.executable, "-m", "loadtester", "worker", str(plan), "--master", address, "--workers", "1"]

    with subprocess.Popen(worker) as child:
        report = run_json(tmp_path, plan, "--workers", 1, "--bind", address)["report"]

        assert child.wait(timeout=20) == 0
    assert report["requests"] == 50


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target", "http://ad", "--workers", "-1"], "--workers: -1 is out of 0..64"),
        (["--target", "http://ad", "--bind", "1.2.3.4:5"], "--bind: needs --workers"),
        (["--target", "http://ad", "--workers", "1", "--bind", "x"], "--bind: 'x' is not an address"),
        (["--target", "http://ad", "--tick", "0"], "--tick: 0.0 is not above 0"),
        (["--target", "http://ad", "--allow-target", "b"], "target: ad is not allowed; allowed: b"),
        (["--target", "http://ad", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["plan.json", "--rate", "5"], "--rate: the plan says it already"),
        (["plan.json", "--line", "hey http://ad"], "--line: the plan file says it already"),
        ([], "target: is missing"),
    ],
)
def test_a_bad_command_line_is_told_in_one_line(arguments: list[str], words: str) -> None:
    printed = call("run", *arguments, expect=104)

    assert words in printed
    assert "Traceback" not in printed


def test_a_worker_needs_an_address_and_a_count(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, target="http://ad")

    assert "--master: 'x' is not an address" in call("worker", plan, "--master", "x", "--workers", 1, expect=104)
    assert "--workers: 0 is below 1" in call("worker", plan, "--master", "a:1", "--workers", 0, expect=104)


def test_the_console_shows_lines_where_there_is_no_terminal(site: OpenSite) -> None:
    assert "/s  failed 0.00%  p50" in run("--target", site().url, "--duration", "1s", "--tick", "0.1")


def test_the_public_names_are_there() -> None:
    import loadtester  # noqa: PLC0415 - the package itself is the subject

    assert loadtester.run(LoadPlan("http://127.0.0.1:1", level=5, duration_s=0.2)).failures == 1
    assert all(getattr(loadtester, name) for name in loadtester.__all__)
    assert sorted(process.__all__) == process.__all__


def test_locusts_web_ui_shows_a_declarative_plan(site: OpenSite, free_port: int) -> None:
    command = [*RUN, "--target", site().url, "--rate", "50", "--live", "--web", str(free_port)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.readline()

    with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/stats/requests", timeout=10) as answer:
        stats = json.load(answer)["stats"]

    child.terminate()
    child.communicate(timeout=20)
    assert stats[0]["name"] == "/"
    assert stats[0]["num_requests"] > 30


def test_a_terminal_shows_a_bar_that_moves(site: OpenSite) -> None:
    leader, follower = pty.openpty()
    command = [*RUN, "--target", site().url, "--duration", "1s", "--tick", "0.2"]

    subprocess.run(command, stderr=follower, stdout=subprocess.DEVNULL, check=True)

    os.close(follower)
    shown = os.read(leader, 65536).decode()
    os.close(leader)
    assert "generator" in shown
    assert "\x1b[4A" in shown
