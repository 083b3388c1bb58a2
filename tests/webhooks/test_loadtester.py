"""`penstock loadtester` in the place of Flagger's own, over real HTTP: recorded answers and the cases it must meet."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.webhooks.served import eventually
from tests.webhooks.stand_in import Answer, StandIn, loading, payload
from webhooks.cli.loadtester import main as loadtester_main

WIRE = Path(os.environ.get("PENSTOCK_WIRE", "/no/recorded/answers")) / "loadtester-0.38.jsonl"
TEXT = "text/plain; charset=utf-8"


@pytest.fixture(scope="module")
def tester(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with loading(tmp_path_factory.mktemp("loadtester"), "--timeout", "3s", "-zap-replace-globals") as running:
        yield running


def recorded() -> dict[tuple[str, ...], list[dict[str, Any]]]:
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for line in WIRE.read_text().splitlines() if WIRE.exists() else ():
        exchange = json.loads(line)
        found.setdefault(tuple(exchange["flags"]), []).append(exchange)
    return found


def expected(exchange: dict[str, Any]) -> Answer:
    """Give what ours answers: what was recorded, but for the differences that are meant."""
    answer = exchange["answer"]
    metadata = json.loads(exchange["body"]).get("metadata", {}) if exchange["body"].endswith("}}") else {}
    kind = metadata.get("type")
    if "dropped" in answer:
        return 400, TEXT, f"unknown task type {kind}"
    if kind in {"concord", "ngrinder"}:
        alternative = "use a test of kind load, command or kubernetes-job from the catalog"
        return 400, TEXT, f"task type {kind} is not served; {alternative}"
    if kind == "bash" and "cmd" not in metadata and answer["status"] == 200:
        return 400, TEXT, "cmd not found in metadata"
    return {500: 422}.get(answer["status"], answer["status"]), answer["content_type"], answer["body"]


def without_tools(text: str) -> str:
    """Cut what depends on which tools the machine has."""
    return text if "kubectl" not in text and "get nothing" not in text else text.partition(" failed: ")[0]


@pytest.mark.skipif(not WIRE.exists(), reason="PENSTOCK_WIRE does not name the folder of recorded answers")
@pytest.mark.parametrize("flags", sorted(recorded()), ids=" ".join)
def test_what_was_recorded_is_answered_again(tmp_path: Path, flags: tuple[str, ...]) -> None:
    wrong = []
    with loading(tmp_path, *flags) as running:
        for exchange in recorded()[flags]:
            answered = running.ask(exchange["path"], exchange["body"], exchange["method"])
            wanted = expected(exchange)
            if (*answered[:2], without_tools(answered[2])) != (*wanted[:2], without_tools(wanted[2])):
                wrong.append((exchange["path"], exchange["body"], wanted, answered))

    assert wrong == []


SAME = [
    ("/healthz", "", "GET", (200, TEXT, "OK")),
    ("/healthz", "", "DELETE", (200, TEXT, "OK")),
    ("/gate/approve", "", "POST", (200, TEXT, "OK")),
    ("/gate/halt", "", "PUT", (403, TEXT, "Forbidden")),
    ("/rollback/open", "{", "POST", (400, None, "")),
    ("/gate/check", '{"name": 7}', "POST", (400, None, "")),
    ("/gate/check", payload("unknown"), "POST", (403, TEXT, "Forbidden")),
    ("/rollback/check", payload("unknown"), "POST", (403, TEXT, "Forbidden")),
    ("/gate/check", "", "POST", (400, None, "")),
    ("/gate/open", "", "POST", (400, None, "")),
    ("/gate/close", "", "POST", (400, None, "")),
    ("/", "", "POST", (400, None, "")),
    ("/", payload() + " trailing", "POST", (400, None, "")),
    ("/", payload(metadata={"cmd": 1}), "POST", (400, None, "")),
    ("/gate/check", "null", "POST", (403, TEXT, "Forbidden")),
    ("/", "null", "POST", (400, TEXT, "metadata not found in payload")),
    ("/", '{"NAME": "ad", "nameSpace": "b", "METADATA": {"type": "bash", "cmd": "true"}}', "POST", (200, None, "")),
    ("/", payload(more=1, metadata={"type": "bash", "cmd": "true"}), "GET", (200, None, "")),
    ("/", payload(), "POST", (400, TEXT, "metadata not found in payload")),
    ("/", payload(metadata={"cmd": "true"}), "POST", (202, None, "")),
    ("/", payload(metadata={"type": "cmd"}), "POST", (400, TEXT, "cmd not found in metadata")),
    ("/", payload(metadata={"cmd": "  "}), "POST", (400, TEXT, "cmd is empty")),
    ("/", payload(metadata={"type": "x", "cmd": "true"}), "POST", (400, TEXT, "unknown task type x")),
    ("/", payload(metadata={"type": "bash", "cmd": "true"}), "POST", (200, None, "")),
    ("/any/path", payload(metadata={"type": "bash", "cmd": "true"}), "POST", (200, None, "")),
    ("/gate/foo", payload(metadata={"type": "bash", "cmd": "true"}), "POST", (200, None, "")),
]


@pytest.mark.parametrize(("path", "body", "method", "answer"), SAME)
def test_an_endpoint_answers_as_the_original(
    tester: StandIn, path: str, body: str, method: str, answer: Answer
) -> None:
    assert tester.ask(path, body, method) == answer


def test_metrics_are_an_exposition(tester: StandIn) -> None:
    status, kind, text = tester.ask("/metrics", method="GET")

    assert (status, (kind or "").startswith("text/plain"), "# TYPE" in text) == (200, True, True)


COMMANDS = [
    ({"type": "bash", "cmd": "echo out; echo err >&2; echo more", "returnCmdOutput": "true"}, 200, "out\nerr\nmore\n"),
    ({"type": "bash", "cmd": "echo out", "returnCmdOutput": "yes"}, 200, ""),
    ({"type": "bash", "cmd": "folder=a; echo ${folder} $PWD", "returnCmdOutput": "T"}, 200, "a {folder}\n"),
    ({"type": "bash", "cmd": "false"}, 422, "command false failed: : exit status 1"),
    ({"type": "bash", "cmd": "echo sad; exit 3"}, 422, "command echo sad; exit 3 failed: sad\n: exit status 3"),
    ({"type": "bash", "cmd": "sleep 60; echo x"}, 422, "command sleep 60; echo x failed: : signal: killed"),
    (
        {"type": "kubectl", "cmd": "get 'a b' --kubeconfig missing"},
        422,
        "command get 'a b' --kubeconfig missing failed: ",
    ),
    ({"type": "bash", "cmd": "true", "returnCmdOutput": "1"}, 200, ""),
    ({"type": "bash"}, 400, "cmd not found in metadata"),
    ({"type": "kubectl", "cmd": ""}, 400, "cmd is empty"),
    ({"type": "concord", "cmd": "x"}, 400, "task type concord is not served; use a test of kind load"),
    ({"type": "ngrinder"}, 400, "task type ngrinder is not served; use a test of kind load"),
]


@pytest.mark.parametrize(("metadata", "status", "text"), COMMANDS)
def test_a_command_answers_as_the_original_but_never_with_500(
    tester: StandIn, metadata: dict[str, str], status: int, text: str
) -> None:
    answered = tester.task(**metadata)

    assert (answered[0], answered[2].startswith(text.replace("{folder}", str(tester.folder)))) == (status, True)


@pytest.mark.parametrize("kind", ["helm", "helmv3"])
def test_helm_gets_its_words_as_they_stand(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "helm"
    tool.write_text('#!/bin/sh\nfor word; do echo "<$word>"; done\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    with loading(tmp_path) as running:
        answered = running.task(type=kind, cmd="test 'a b'", returnCmdOutput="1")

    assert answered == (200, TEXT, "<test>\n<'a>\n<b'>\n")


def test_gates_are_kept_for_each_canary_and_apart_from_rollback(tester: StandIn) -> None:
    opened = tester.ask("/gate/open", payload("a", "test"))
    checked = [
        tester.ask(path, payload(*who))[0]
        for path, who in [
            ("/gate/check", ("a", "test")),
            ("/gate/check", ("a", "prod")),
            ("/gate/check", ("b", "test")),
            ("/rollback/check", ("a", "test")),
        ]
    ]
    closed = tester.ask("/gate/close", payload("a", "test"))

    assert (opened, checked, closed) == ((202, None, ""), [200, 403, 403, 403], (202, None, ""))
    assert tester.ask("/gate/check", payload("a", "test")) == (403, TEXT, "Forbidden")


def test_a_rollback_is_asked_for_apart_from_gates(tester: StandIn) -> None:
    tester.ask("/rollback/open", payload("c"))
    asked = [tester.ask(f"/{gate}/check", payload("c"))[::2] for gate in ("rollback", "gate")]
    tester.ask("/rollback/close", payload("c"))

    assert asked == [(200, "Approved"), (403, "Forbidden")]
    assert tester.ask("/rollback/check", payload("c"))[0] == 403


def test_a_command_in_the_background_answers_before_it_ends(tester: StandIn) -> None:
    began = time.monotonic()

    assert tester.task(cmd="sleep 2; echo x >> late")[0] == 202
    assert time.monotonic() - began < 1
    assert tester.count("late") == 0
    eventually(lambda: tester.count("late") == 1, "the command to end")


def test_an_equal_command_is_not_started_while_it_runs(tester: StandIn) -> None:
    line = "echo x >> once; until [ -e go ]; do sleep 0.05; done; echo x >> ended"
    for _ in range(3):
        tester.task(cmd=line)
    eventually(lambda: tester.count("once") == 1, "the command to start")
    tester.task(cmd=line)
    (tester.folder / "go").touch()
    eventually(lambda: tester.count("ended") == 1, "the command to end")

    eventually(lambda: tester.task(cmd=line)[0] == 202 and tester.count("once") == 2, "the command to run again")
    assert f"command skipped {line} is already running" in tester.log()


def test_an_equal_command_of_another_canary_or_revision_runs_too(tester: StandIn) -> None:
    line = "echo x >> each; exec sleep 2.5"
    tester.task(cmd=line, name="one")
    tester.task(cmd=line, name="two")
    tester.task(cmd=line, name="two", checksum="r3")

    eventually(lambda: tester.count("each") >= 2, "all of them to start")


def test_equal_blocking_calls_that_overlap_share_one_run(tester: StandIn) -> None:
    line = "echo x >> shared; sleep 1; echo done"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: tester.task(type="bash", cmd=line, returnCmdOutput="1"), range(4)))

    assert set(answers) == {(200, TEXT, "done\n")}
    assert tester.count("shared") == 1
    tester.task(type="bash", cmd=line)
    assert tester.count("shared") == 2


def test_equal_calls_at_the_same_moment_start_one_command(tester: StandIn) -> None:
    line = "echo x >> moment; exec sleep 2"
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: tester.task(cmd=line)[0], range(8)))

    eventually(lambda: tester.count("moment") == 1, "the command to start")
    assert answers == [202] * 8


def test_helm_that_fails_answers_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "helm"
    tool.write_text("#!/bin/sh\necho no such release; exit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with loading(tmp_path) as running:
        answered = running.task(type="helm", cmd="test ad")

    assert (answered[0], answered[2]) == (422, "command test ad failed: no such release\n: exit status 1")


def test_a_gated_command_tells_its_failure_at_the_next_call_once(tester: StandIn) -> None:
    line = "echo sad; exit 4"
    told = [tester.task(cmd=line, gate="true", name="gated")]
    eventually(lambda: told.append(tester.task(cmd="true", name="gated")) or told[-1][0] == 422, "the failure")

    assert told[0][0] == 202
    assert told[-1][2] == f"command {line} failed: exit status 4: sad"
    assert tester.task(cmd="true", name="gated")[0] == 202


def test_a_load_without_its_tool_is_told_too(tester: StandIn) -> None:
    line = "PATH=/nowhere hey -z 1m http://ad-canary.weather"
    told = [tester.task(cmd=line, name="loaded")]
    eventually(
        lambda: (
            told.append(tester.ask("/hooks/rollout", payload("loaded", metadata={"test": "x"}))) or "hey" in told[-1][2]
        ),
        "the failure",
    )

    assert told[0][0] == 202
    assert told[-1][0] == 422
    assert "exit status 127" in told[-1][2]


def test_a_rollout_hook_without_a_test_passes_until_a_command_has_failed_and_tells_that_once(tester: StandIn) -> None:
    def ask() -> Answer:
        return tester.ask("/hooks/rollout", payload("untested"))

    told = [ask()]
    tester.task(cmd="echo sad; exit 4", gate="true", name="untested")
    eventually(lambda: told.append(ask()) or told[-1][0] == 422, "the failure")

    assert told[0] == (200, TEXT, "no command failed\n")
    assert told[-1][2] == "command echo sad; exit 4 failed: exit status 4: sad\n"
    assert ask()[0] == 200


@pytest.mark.parametrize(
    ("hook", "metadata", "fault"),
    [
        ("pre-rollout", {}, "metadata.test is missing"),
        ("rollout", {"test": ""}, "metadata.test is missing"),
        ("rollout", {"test": "x"}, "unknown test 'x'"),
    ],
)
def test_only_a_rollout_hook_that_says_nothing_of_tests_needs_none(
    tester: StandIn, hook: str, metadata: dict[str, str], fault: str
) -> None:
    status, _, text = tester.ask(f"/hooks/{hook}", payload("untested-too", metadata=metadata))

    assert (status, fault in text) == (422, True)


def test_a_failing_command_that_is_not_gated_is_only_logged(tester: StandIn) -> None:
    tester.task(cmd="echo quiet fault; exit 5", name="logged")
    eventually(lambda: "quiet fault" in tester.log(), "the log")

    assert tester.task(cmd="true", name="logged")[0] == 202


def test_output_is_logged_as_asked(tester: StandIn) -> None:
    tester.task(cmd="echo hush-${X}hush", name="talk")
    tester.task(cmd="echo loud-${X}loud", logCmdOutput="true", name="talk")
    tester.task(type="bash", cmd="echo bash-${X}bash", name="talk")

    eventually(lambda: "loud-loud" in tester.log() and "bash-bash" in tester.log(), "the log")
    assert "hush-hush" not in tester.log()


def test_a_timeout_ends_the_whole_family(tester: StandIn) -> None:
    line = "(sleep 301; echo) & setsid sleep 302 & sleep 303"
    began = time.monotonic()
    status, _, text = tester.task(type="bash", cmd=line)

    assert (status, text) == (422, f"command {line} failed: : signal: killed")
    assert time.monotonic() - began < 8
    assert subprocess.run(["pgrep", "-f", "^sleep 30[123]"], check=False, capture_output=True).stdout == b""


def test_namespaces_that_do_not_match_are_refused_but_for_constants(tmp_path: Path) -> None:
    with loading(tmp_path, "-namespace-regexp=team") as running:
        task = {"metadata": {"type": "bash", "cmd": "true"}}
        mine, other = [running.ask("/", payload("ad", name, **task))[0] for name in ("my-team-a", "prod")]
        gates = [
            running.ask(path, payload("ad", "prod"))[0] for path in ("/gate/open", "/gate/check", "/rollback/check")
        ]

        assert (mine, other, gates) == (200, 403, [403, 403, 403])
        assert running.ask("/gate/approve", payload("ad", "prod"))[0] == 200


def test_sigterm_ends_it_with_its_background_commands(tmp_path: Path) -> None:
    with loading(tmp_path) as running:
        running.task(cmd="echo x >> begun; exec sleep 304")
        eventually(lambda: running.count("begun") == 1, "the command to start")

        assert running.end() == 0
        assert subprocess.run(["pgrep", "-f", "^sleep 304"], check=False, capture_output=True).stdout == b""
    assert "whoever reaches this port runs programs here" in running.log()


def test_without_permission_a_command_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with loading(tmp_path, argv=("serve", "--port", "0", "--data-dir", str(tmp_path / "data"))) as running:
        answered = [running.task(type=kind, cmd="touch ran") for kind in ("cmd", "bash", "helm", "kubectl")]

        assert {answer[0] for answer in answered} == {403}
        assert "--allow-commands" in answered[0][2]
        assert "catalog" in answered[0][2]
        assert running.ask("/elsewhere", payload())[0] == 404
        assert running.ask("/", payload())[::2] == (400, "metadata not found in payload")
        assert running.ask("/gate/check", payload())[0] == 403
        assert running.ask("/hooks/rollout", payload())[0] == 422
    assert not (tmp_path / "ran").exists()


def test_with_permission_the_service_runs_commands_too(tmp_path: Path) -> None:
    flags = ("--port", "0", "--allow-commands", "--data-dir", str(tmp_path / "data"))
    with loading(tmp_path, argv=("serve", *flags)) as running:
        assert running.task(type="bash", cmd="echo hi", returnCmdOutput="1") == (200, TEXT, "hi\n")
        assert running.ask("/hooks/nothing", payload())[0] == 404
        assert running.ask("/hooks/rollout", payload())[0] == 200


FAULTS = [
    (["-nope=1"], "-nope=1: unknown flag; known: data-dir, log-level"),
    (["port=1"], "port=1: unknown flag"),
    (["-port"], "-port: needs a value"),
    (["-port=x"], "-port: 'x' is not a number"),
    (["-timeout=soon"], "-timeout: 'soon' is not a duration"),
    (["-timeout=0s"], "-timeout: 0s is not above 0"),
    (["-log-level=loud"], "-log-level: 'loud' is unknown; known: debug, info, warn, error, fatal, panic"),
    (["-namespace-regexp=("], "-namespace-regexp: '(' is not a regular expression"),
]


@pytest.mark.parametrize(("argv", "fault"), FAULTS)
def test_a_faulty_flag_is_a_line_and_not_a_traceback(
    argv: list[str], fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert loadtester_main(argv) == 78
    assert fault in capsys.readouterr().err


def test_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert loadtester_main(["-help"]) == 0
    assert "-namespace-regexp" in capsys.readouterr().out
