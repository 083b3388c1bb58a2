"""`penstock serve` for real: a release's hooks over HTTP, starting, and stopping."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.webhooks.bench import AdService
from tests.webhooks.served import PATIENCE_S, ROOT, Served, alive, command, eventually, serving

CATALOG = ROOT / "examples" / "ad-service" / "catalog.yaml"


@pytest.fixture
def served(tmp_path: Path, ad: AdService) -> Iterator[Served]:
    flags = ["--catalog", str(CATALOG), "--resolve", f"ad-canary.weather:3003={ad.address}"]
    with serving(tmp_path / "data", *flags) as made:
        yield made.settle()


def test_a_good_release_is_let_through(served: Served) -> None:
    tests = served.hook("pre-rollout", tests="ad-contract,ad-suite", wait="30s")
    load = [served.hook("rollout", test="ad-load")]
    eventually(lambda: "wanted" in served.hook("rollout", test="ad-load")[1], "a load that is judged")
    held = served.hook("confirm-promotion", gate="promotion")
    served.post("/api/v1/gates/weather/ad/promotion/approve", {"who": "ann"})
    open_ = served.hook("confirm-promotion", gate="promotion")
    over = served.hook("post-rollout", phase="Succeeded")

    assert [answer[0] for answer in (tests, *load, held, open_, over)] == [200, 200, 403, 200, 200]
    assert tests[1].endswith("ad-suite passed: 6 tests passed")


def test_a_release_that_answers_500_is_stopped_by_its_load(served: Served, ad: AdService) -> None:
    served.hook("rollout", test="ad-load")
    ad.broken = True

    eventually(lambda: served.hook("rollout", test="ad-load")[0] == 422, "a load that fails")


def test_the_end_of_a_release_ends_its_load(served: Served, ad: AdService) -> None:
    served.hook("rollout", test="ad-load")
    eventually(lambda: bool(ad.hosts), "load")
    quiet = len(served.family())
    served.hook("post-rollout", phase="Succeeded")

    eventually(lambda: len(served.family()) < quiet, "the load's process to end")


def test_twenty_equal_calls_at_once_start_one_run(served: Served, ad: AdService) -> None:
    with ThreadPoolExecutor(20) as callers:
        answers = list(callers.map(lambda _: served.hook("pre-rollout", test="ad-contract", wait="30s"), range(20)))

    assert {status for status, _ in answers} == {200}
    assert len(ad.hosts) == 2  # the test has two requests


def test_serve_stops_when_asked_and_leaves_nothing(served: Served) -> None:
    family = served.family()

    assert served.end() == 0
    eventually(lambda: not any(map(alive, family)), "every process to end")
    assert not (served.data_dir / "address").exists()


def test_an_answer_under_way_is_not_cut_off_by_a_stop(served: Served, ad: AdService) -> None:
    ad.slow_s = 1.0
    with ThreadPoolExecutor(1) as caller:
        waiting = caller.submit(served.hook, "pre-rollout", test="ad-contract", wait="30s")
        eventually(lambda: bool(ad.hosts), "the test to start")
        status = served.end()

        assert (status, waiting.result(PATIENCE_S)[0]) == (0, 200)


def test_asked_twice_to_stop_it_does_not_wait(served: Served, ad: AdService) -> None:
    ad.slow_s = 300
    with ThreadPoolExecutor(1) as caller:
        waiting = caller.submit(served.hook, "pre-rollout", test="ad-contract", wait="200s")
        eventually(lambda: bool(ad.hosts), "the test to start")
        family = served.family()
        served.process.send_signal(signal.SIGINT)
        eventually(lambda: not served.accepts(), "the service to stop listening")
        served.process.send_signal(signal.SIGINT)

        assert served.process.wait(PATIENCE_S) == 0
        eventually(lambda: not any(map(alive, family)), "every process to end")
        with pytest.raises(OSError, match=r".*"):
            waiting.result(PATIENCE_S)


def test_the_address_is_told_on_stdout_and_in_a_file(served: Served) -> None:
    assert (served.data_dir / "address").read_text() == served.url + "\n"


def run_serve(*flags: str) -> tuple[int, str]:
    done = subprocess.run(
        command("serve", *flags), check=False, capture_output=True, text=True, timeout=PATIENCE_S, cwd=ROOT
    )
    return done.returncode, done.stderr


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, told = run_serve("--port", str(port), "--data-dir", str(tmp_path))

    reason = f"cannot listen at 127.0.0.1:{port} (Address already in use); choose another --host or --port"
    assert (status, told) == (78, f"penstock serve: {reason}\n")


def test_a_data_folder_in_use_is_one_clear_line(served: Served) -> None:
    status, told = run_serve("--port", "0", "--data-dir", str(served.data_dir))

    assert (status, told.count("\n")) == (78, 1)
    assert f"another penstock serve uses {served.data_dir}" in told


def test_a_data_folder_that_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    status, told = run_serve("--data-dir", str(tmp_path / "file" / "data"))

    assert (status, told.count("\n"), "cannot be used" in told) == (78, 1, True)


@pytest.mark.parametrize("flags", [["--port", "many"], ["--catalog", "gone.yaml"], ["--resolve", "a=b"]])
def test_a_bad_setting_is_one_clear_line(tmp_path: Path, flags: list[str]) -> None:
    status, told = run_serve("--data-dir", str(tmp_path), *flags)

    assert (status, told.count("\n")) == (78, 1)


def test_it_listens_at_an_ipv6_address(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--host", "::1") as made:
        assert made.url.startswith("http://[::1]:")
        eventually(lambda: made.post("/healthz") == (200, "OK"), "an answer over IPv6")


def test_a_command_that_is_none_shows_the_commands() -> None:
    done = subprocess.run(command("explode"), check=False, capture_output=True, text=True, timeout=PATIENCE_S, cwd=ROOT)

    assert (done.returncode, done.stderr) == (78, "usage: python -m webhooks serve|runner|loadtester|gate|runs ...\n")
