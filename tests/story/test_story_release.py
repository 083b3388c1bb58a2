"""Whole releases on the local platform, as `penstock run` makes them."""

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from tests.local_traffic import EXAMPLE, deployment, eventually, versions
from tests.story.conftest import Theatre, penstock
from workflows.local import child, folder
from workflows.local.cli import describe
from workflows.local.hookservice import HookService
from workflows.rollout.phase import Phase
from workflows.rollout.state import Cause

HOOK = {"name": "probe", "type": "rollout", "timeout": "1s"}


def story_hooks(*types: str) -> list[dict[str, object]]:
    document = yaml.safe_load((EXAMPLE / "canary.yaml").read_text())
    return [hook for hook in document["spec"]["analysis"]["webhooks"] if hook["type"] in types]


def test_a_good_version_is_promoted_without_a_failed_user_request(theatre: Theatre) -> None:
    ended = theatre.release("v2")

    assert (ended.code, theatre.told["outcome"]) == (0, "promoted")
    assert theatre.told["weights"] == [0, 20, 40, 60, 80, 100]
    assert versions(theatre.platform.addresses.apex, 20) == {"v2": 20}
    assert theatre.users.snapshot().failures == 0
    eventually(lambda: not describe(theatre.platform.directory)["replicas"]["canary"])


def test_a_bad_version_loses_its_traffic_at_the_third_failed_check(theatre: Theatre) -> None:
    ended = theatre.release("v3")

    assert (ended.code, theatre.told["outcome"], theatre.told["failed_checks"]) == (10, "rolled_back", 3)
    assert theatre.told["weights"][-1] == 0
    assert max(theatre.told["weights"]) < 100
    assert "success rate" in theatre.told["reason"]
    assert versions(theatre.platform.addresses.apex, 20) == {"v1": 20}


def test_a_version_that_failed_is_not_tried_again_and_says_so(theatre: Theatre) -> None:
    theatre.release("v3")

    again = theatre.run()

    assert again.code == 10
    assert "nothing new to release" in again.out
    assert json.loads(theatre.report.read_text()) == {"releases": []}


def test_the_hooks_of_the_story_test_load_and_gate_a_release(theatre: Theatre, hooks: HookService) -> None:
    theatre.write(webhooks=story_hooks("pre-rollout", "rollout", "confirm-promotion"))
    theatre.platform.apply(deployment("v2"))
    running = theatre.begin()
    eventually(lambda: theatre.state.phase is Phase.WAITING_PROMOTION, within_s=40)

    hooks.approve("weather/ad", "promotion", "it looks well")
    ended = running.ended()

    assert ended.code == 0
    assert "Pre-rollout check integration-tests passed" in ended.err
    assert "waiting for approval of gate promotion" in ended.err
    assert "Confirm-promotion check promotion-gate passed" in ended.err


def test_a_gate_that_stays_closed_ends_the_release_in_time(theatre: Theatre, hooks: HookService) -> None:
    _ = hooks
    annotations = {"penstock.dev/approval-timeout": "1s"}
    theatre.write(annotations=annotations, webhooks=story_hooks("confirm-promotion"), stepWeight=100)

    ended = theatre.release("v2")

    assert ended.code == 12
    assert "no approval by promotion-gate in time" in ended.out
    assert versions(theatre.platform.addresses.apex, 20) == {"v1": 20}


def test_a_canary_that_never_becomes_ready_gets_no_traffic(theatre: Theatre) -> None:
    theatre.write(spec={"progressDeadlineSeconds": 2})
    document = yaml.safe_load(deployment("v2").read_text())
    document["spec"]["template"]["spec"]["containers"][0]["command"] = ["sleep", "600"]
    file = theatre.file.with_name("deaf.yaml")
    file.write_text(yaml.safe_dump(document))
    theatre.platform.apply(file)

    ended = theatre.run()

    assert (ended.code, theatre.told["outcome"], theatre.told["weights"]) == (13, "failed", [0])
    assert "no progress for 2s: 0 of 2 replicas are ready" in ended.out


def test_without_any_traffic_the_release_ends_inconclusive(empty_house: Theatre) -> None:
    ended = empty_house.release("v2")

    assert (ended.code, empty_house.told["outcome"]) == (11, "rolled_back")
    assert "the canary is not receiving traffic" in ended.out


class Answering(BaseHTTPRequestHandler):
    """Answer each hook with the server's status, or not at all when that is 0."""

    def do_POST(self) -> None:
        if not self.server.status:
            self.server.over.wait(30)
            return
        self.send_response(self.server.status)
        self.send_header("content-length", "4")
        self.end_headers()
        self.wfile.write(b"why\n")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(status: int) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.status, server.over = status, threading.Event()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.over.set()
            server.shutdown()
            thread.join(10)


@pytest.mark.parametrize(
    ("status", "said"),
    [(500, "answered 500, giving up after 1 attempt"), (403, "why"), (0, "no whole answer within 1 s")],
    ids=["answers 500", "says no", "hangs"],
)
def test_a_webhook_that_does_not_say_yes_ends_the_release(theatre: Theatre, status: int, said: str) -> None:
    with answering(status) as url:
        theatre.write(webhooks=[{**HOOK, "url": url}])
        ended = theatre.release("v2")

    assert ended.code == 10
    assert said in theatre.told["reason"]
    assert versions(theatre.platform.addresses.apex, 20) == {"v1": 20}


def test_a_webhook_that_is_not_there_ends_the_release(theatre: Theatre) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    theatre.write(webhooks=[{**HOOK, "type": "pre-rollout", "url": url}])

    ended = theatre.release("v2")

    assert (ended.code, theatre.told["weights"]) == (10, [0])
    assert "pre-rollout check probe failed" in ended.out


def test_the_webhook_service_killed_in_mid_release_ends_it_at_home(theatre: Theatre, hooks: HookService) -> None:
    theatre.write(webhooks=story_hooks("rollout"))
    theatre.platform.apply(deployment("v2"))
    running = theatre.begin()
    theatre.reaches(40)

    os.kill(hooks.pid, signal.SIGKILL)
    ended = running.ended()

    assert ended.code == 10
    assert "external check load failed" in theatre.told["reason"]
    assert versions(theatre.platform.addresses.apex, 20) == {"v1": 20}


def test_envoy_killed_in_mid_release_does_not_stop_it(theatre: Theatre) -> None:
    theatre.platform.apply(deployment("v2"))
    running = theatre.begin()
    theatre.reaches(40)

    os.kill(envoy_of(theatre), signal.SIGKILL)
    ended = running.ended()

    assert ended.code == 0
    assert versions(theatre.platform.addresses.apex, 20) == {"v2": 20}


def envoy_of(theatre: Theatre) -> int:
    known = describe(theatre.platform.directory)["replicas"]
    replicas = {replica["pid"] for arm in known.values() for replica in arm}
    pids = [pid for pid, _ in json.loads(folder.children_file(theatre.platform.directory).read_text())]
    return next(pid for pid in pids if pid not in replicas)


@pytest.mark.parametrize("arm", ["primary", "canary"])
def test_processes_killed_in_mid_release_leave_traffic_on_an_arm_that_answers(theatre: Theatre, arm: str) -> None:
    theatre.platform.apply(deployment("v2"))
    running = theatre.begin()
    theatre.reaches(40)

    for replica in describe(theatre.platform.directory)["replicas"][arm]:
        os.kill(replica["pid"], signal.SIGKILL)
    ended = running.ended()

    expected = {0: {"v2": 20}, 10: {"v1": 20}}
    assert versions(theatre.platform.addresses.apex, 20) == expected[ended.code]


def test_the_supervisor_killed_in_mid_release_takes_all_with_it_and_is_named(theatre: Theatre) -> None:
    theatre.write(spec={"progressDeadlineSeconds": 2})
    theatre.platform.apply(deployment("v2"))
    running = theatre.begin()
    theatre.reaches(40)
    pids = [pid for pid, _ in json.loads(folder.children_file(theatre.platform.directory).read_text())]

    os.kill(theatre.platform.book.pid, signal.SIGKILL)
    ended = running.ended()

    assert ended.code == 75
    assert "penstock local up" in ended.err
    eventually(lambda: not any(child.birth(pid) for pid in pids))


def test_a_run_that_is_stopped_sends_its_traffic_home_first(theatre: Theatre) -> None:
    theatre.platform.apply(deployment("v2"))
    running = theatre.begin()
    theatre.reaches(40)

    running.send(signal.SIGTERM)
    running.send(signal.SIGTERM)
    ended = running.ended()

    assert (ended.code, theatre.told["outcome"]) == (10, "rolled_back")
    assert "SIGTERM" in theatre.told["reason"]
    assert versions(theatre.platform.addresses.apex, 20) == {"v1": 20}


def test_a_run_that_was_killed_loses_its_release_to_the_watchdog(theatre: Theatre) -> None:
    theatre.platform.apply(deployment("v2"))
    running = theatre.begin()
    theatre.reaches(40)

    running.send(signal.SIGKILL)
    running.ended()
    eventually(lambda: theatre.state.phase is Phase.FAILED, within_s=30)

    assert theatre.state.cause is Cause.ABORTED
    assert versions(theatre.platform.addresses.apex, 20) == {"v1": 20}


def test_a_second_run_at_the_same_time_is_told_who_holds_the_release(theatre: Theatre) -> None:
    theatre.platform.apply(deployment("v2"))
    running = theatre.begin()
    theatre.reaches(20)

    second = penstock("run", str(theatre.file), *theatre.options)

    assert second.code == 14
    assert "ad.weather: held by" in second.err
    assert running.ended().code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--platform", "istoi"], "unknown platform 'istoi'; known: kubernetes, local, memory"),
        (["--platform", "kubernetes", "--kubeconfig", "/nowhere"], "no cluster is configured (/nowhere: no such file)"),
        (["--interval", "soon"], "--interval: 'soon' is not a duration"),
        (["--interval", "0s"], "--interval: '0s' is not positive"),
        (["--resolve", "nowhere"], "--resolve: 'nowhere' is not HOST:PORT=HOST:PORT"),
        (["--prometheus", "auto"], "has no Prometheus"),
    ],
)
def test_a_bad_option_is_one_line_and_moves_nothing(still_house: Theatre, words: list[str], said: str) -> None:
    ended = still_house.run(*words)

    assert (ended.code, ended.err.count("\n")) == (78, 1)
    assert said in ended.err


def test_a_bad_file_is_an_error_for_each_fault(still_house: Theatre) -> None:
    still_house.write(stepWeight=0, threshold="many")

    ended = still_house.run()

    assert ended.code == 78
    assert "spec.analysis.stepWeight" in ended.err
    assert "spec.analysis.threshold" in ended.err


def test_a_suspended_canary_is_refused(still_house: Theatre) -> None:
    still_house.write(spec={"suspend": True})

    ended = still_house.run()

    assert ended.code == 78
    assert "spec.suspend: true; nothing is released until it is false" in ended.err


def test_a_query_needs_a_prometheus(still_house: Theatre) -> None:
    still_house.write(metrics=[{"name": "errors", "thresholdRange": {"max": 1}, "query": "sum(up)", "interval": "1m"}])

    ended = still_house.run()

    assert ended.code == 78
    assert "errors is a query, and queries need Prometheus" in ended.err
