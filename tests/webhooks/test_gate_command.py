"""`penstock gate` against a service over HTTP."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest

from tests.webhooks.bench import AD, Bench
from tests.webhooks.served import ROOT
from webhooks.access import Listed
from webhooks.app import compose
from webhooks.cli.gate import main as gate_main
from webhooks.protocol import HookType
from webhooks.routes.api.gates import GateViews
from webhooks.routes.api.requests import refuse
from webhooks.settings import Settings

PROMOTION = HookType.CONFIRM_PROMOTION


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url(bench: Bench) -> Iterator[str]:
    server: WSGIServer = make_server("127.0.0.1", 0, compose(bench.service, Settings()), handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_a_gate_is_approved_and_listed(bench: Bench, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    bench.call(PROMOTION, gate="promotion")

    status = gate_main(["approve", "ad.weather", "promotion", "--url", url, "--who", "ann", "--why", "looks good"])
    gate_main(["list", "--url", url])

    assert status == 0
    assert capsys.readouterr().out.splitlines() == [
        "gate promotion of ad.weather: open",
        "CANARY      GATE       STATE  RELEASE  WHO  WHY",
        "ad.weather  promotion  open   r2       ann  looks good",
    ]


def test_a_gate_is_halted(bench: Bench, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    bench.call(PROMOTION, gate="promotion")

    assert gate_main(["halt", "ad.weather", "promotion", "--url", url]) == 0
    assert capsys.readouterr().out == "gate promotion of ad.weather: closed\n"


def test_gates_are_opened_and_closed_for_every_release(bench: Bench, url: str) -> None:
    statuses = []
    for command in ("open", "close"):
        bench.time += 1
        gate_main([command, "ad.weather", "--url", url])
        statuses.append(bench.call(PROMOTION).status)

    assert statuses == [200, 403]


def test_the_rollback_gate_is_opened_apart(bench: Bench, url: str) -> None:
    gate_main(["open", "ad.weather", "--rollback", "--url", url])

    assert [bench.call(hook).status for hook in (HookType.ROLLBACK, PROMOTION)] == [200, 403]


def test_without_gates_the_list_says_so(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    gate_main(["list", "--url", url])

    assert capsys.readouterr().out == "no gate was asked for or decided yet\n"


def test_every_release_is_shown_as_such(bench: Bench, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    gate_main(["open", "ad.weather", "--url", url])
    gate_main(["list", "--url", url])

    assert "ad.weather  *     open   every" in capsys.readouterr().out
    assert bench.service.gates.select()


REFUSED = [
    (["approve", "ad.weather", "promotion"], 1, "answered 409: no release of ad.weather is under way"),
    (["approve", "ad", "promotion"], 78, "canary: 'ad' is not NAME.NAMESPACE"),
    (["approve", "ad.weather", "a/b"], 1, "answered 404"),
]


@pytest.mark.parametrize(("argv", "status", "text"), REFUSED)
def test_what_cannot_be_done_is_said(
    url: str, capsys: pytest.CaptureFixture[str], argv: list[str], status: int, text: str
) -> None:
    assert gate_main([*argv, "--url", url]) == status
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "status", "text"),
    [
        ("http://127.0.0.1:1", 75, "cannot reach http://127.0.0.1:1"),
        ("ftp://x", 78, "url: 'ftp://x' is not an http or https URL"),
    ],
)
def test_a_service_that_is_not_there_is_said(
    capsys: pytest.CaptureFixture[str], url: str, status: int, text: str
) -> None:
    assert gate_main(["list", "--url", url]) == status
    assert text in capsys.readouterr().err


def test_an_answer_that_is_no_problem_document_is_shown_as_it_is(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate_main(["open", "..", "--url", url]) in {0, 78}
    assert gate_main(["list", "--url", url + "/elsewhere"]) == 1
    assert "nothing is here" in capsys.readouterr().err


def test_an_approval_may_name_the_template_it_is_for(
    bench: Bench, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.listed = Listed(0.05, 0, template="aaaa", gate="confirm-rollout")
    bench.call(HookType.CONFIRM_ROLLOUT, phase="Waiting")
    approve = ["approve", "ad.weather", "confirm-rollout", "--url", url, "--who", "ann", "--template"]

    statuses = [gate_main([*approve, template]) for template in ("bbbb", "aaaa")]
    gate_main(["list", "--url", url])
    gate_main(["show", "ad.weather", "confirm-rollout", "--url", url])

    shown = capsys.readouterr()
    assert statuses == [1, 0]
    assert "is asked about template aaaa, not bbbb; look again: penstock gate show" in shown.err
    assert "ad.weather  confirm-rollout  open   aaaa     ann" in shown.out
    assert [line.split()[1:4] for line in shown.out.splitlines()[-2:]] == [["waiting", "aaaa"], ["open", "aaaa", "ann"]]


@pytest.mark.parametrize("verb", ["approve", "halt"])
def test_a_word_on_a_gate_that_nobody_asked_for_is_kept_and_doubted(
    bench: Bench, url: str, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    bench.call(PROMOTION)

    statuses = [gate_main([verb, "ad.weather", "promotion", "--url", url, "--output", "json"]) for _ in range(2)]

    assert statuses == [0, 0]
    assert capsys.readouterr().err.splitlines() == [
        "penstock gate: nobody has asked for gate promotion of ad.weather yet; penstock gate list shows those asked for"
    ]
    assert bench.service.gates.history(AD, "promotion")


def test_a_word_on_a_gate_that_was_asked_for_is_not_doubted(
    bench: Bench, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.call(PROMOTION, gate="promotion")

    assert gate_main(["approve", "ad.weather", "promotion", "--url", url]) == 0
    assert capsys.readouterr().err == ""


def test_who_may_not_look_at_gates_decides_them_all_the_same(
    bench: Bench, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.call(PROMOTION, gate="promotion")
    monkeypatch.setattr(GateViews, "show", lambda *_, **__: refuse(403, "you may not look"))

    assert gate_main(["approve", "ad.weather", "promotion", "--url", url]) == 0
    assert capsys.readouterr().err == ""


def test_a_reader_who_has_enough_ends_the_output_quietly(bench: Bench, url: str) -> None:
    for number in range(40):
        bench.call(PROMOTION, gate=f"gate-{number}")
    asked = ["gate", "list", "--output", "json", "--url", url]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    program = [sys.executable, "-c", "import sys; from workflows.cli import main; sys.exit(main())", *asked]
    read, write = os.pipe()
    os.close(read)
    try:
        ended = subprocess.run(program, stdout=write, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    finally:
        os.close(write)

    assert (ended.returncode, ended.stderr) == (0, "")
