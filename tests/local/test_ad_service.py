"""What the example service answers in each version, and that it ends politely."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.local_traffic import EXAMPLE, Caller, eventually, get, replies
from workflows.local import ports


@contextmanager
def service(version: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    port = ports.free()
    environment = {**os.environ, "HOST": "127.0.0.1", "PORT": str(port), "VERSION": version}
    with subprocess.Popen([sys.executable, "app.py"], cwd=EXAMPLE, env=environment) as process:
        eventually(lambda: not ports.is_free(port))
        yield f"127.0.0.1:{port}", process
        process.terminate()


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_an_ad_without_a_user_never_fails_in_any_version(version: str) -> None:
    with service(version) as (address, _):
        met = replies(address, 100)

    assert {(reply.status, reply.version) for reply in met} == {(200, version)}


def test_a_personal_ad_of_v3_fails_about_one_time_in_four() -> None:
    with service("v3") as (address, _):
        met = replies(address, 600, "/ad?user=7")

    # 150 with a standard deviation of 10.6: six of them on either side.
    assert 86 <= sum(reply.status == 500 for reply in met) <= 214


def test_it_is_healthy_and_knows_its_paths() -> None:
    with service("v1") as (address, _):
        assert get(address, "/health").status == 200
        assert get(address, "/nowhere").status == 404


def test_it_ends_when_asked_though_a_connection_is_open() -> None:
    with service("v1") as (address, process):
        caller = Caller(address)
        caller.get()

        process.send_signal(signal.SIGTERM)

        assert process.wait(10) == 0
        caller.close()
