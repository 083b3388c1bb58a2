"""See and cancel runs from a shell: `penstock runs list|show|wait|cancel|logs`, over the HTTP API of the service."""

import getpass
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from webhooks.cli.client import add_flags, ask, draw_table, fetch, perform, printable, waiting, write, write_query
from webhooks.store.records import RunState

_LONGEST_WAIT_S = 240
_ASKED_FOR_S = 20
_PIECES = 100
_FAILED = 1
_RUNNING = 2
_TEXTS = {
    "list": "show the newest runs",
    "show": "show one run",
    "wait": "wait until a run has ended; exit status 0 passed, 1 not passed, 2 still running",
    "cancel": "end a run",
    "logs": "show what a test has written",
}
_UNDER_WAY = frozenset({"queued", "running"})
_STATES = tuple(state.value for state in RunState)


def make_parser() -> ArgumentParser:
    """Describe the commands."""
    parser = ArgumentParser(prog="penstock runs", description="See and cancel the runs of tests.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in _TEXTS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == "list":
            command.add_argument("--canary", metavar="NAME.NAMESPACE", help="only runs of this canary")
            command.add_argument("--test", metavar="NAME", help="only runs of this test")
            command.add_argument("--state", choices=_STATES, help="only runs in this state")
            command.add_argument(
                "--limit", type=int, default=50, metavar="N", help="how many at most (default %(default)s)"
            )
        else:
            command.add_argument("id", metavar="RUN", help="the run, as list shows it")
        if name == "wait":
            command.add_argument(
                "--seconds", type=int, default=_LONGEST_WAIT_S, metavar="N", help="how long (default %(default)s)"
            )
        if name == "cancel":
            command.add_argument("--who", metavar="NAME", help="who cancels (default: the user of this machine)")
            command.add_argument("--why", default="", metavar="TEXT", help="the reason, kept and shown")
        add_flags(command)
    return parser


def main(argv: list[str]) -> int:
    """Carry out one command; `wait` gives the verdict as its exit status."""
    asked = make_parser().parse_args(argv)
    last: dict[str, str] = {}

    def act(_: Namespace) -> str:
        return _carry_out(asked, last)

    status = perform("penstock runs", asked, act)
    return _VERDICTS.get(last["state"], _FAILED) if status == 0 and asked.command == "wait" else status


_VERDICTS = {"passed": 0, "queued": _RUNNING, "running": _RUNNING}


def _carry_out(asked: Namespace, last: dict[str, str]) -> str:
    if asked.command == "list":
        return _list(asked)
    path = f"/api/v1/runs/{quote(asked.id, safe='')}"
    if asked.command == "logs":
        return _logs(asked, path)
    if asked.command == "cancel":
        who = getpass.getuser() if asked.who is None else asked.who
        run = ask(asked.url, f"{path}/cancel", {"who": who, "why": asked.why})
    else:
        run = _wait(asked, path) if asked.command == "wait" else ask(asked.url, path)
    last["state"] = run["state"]
    return write(asked.output, run, _describe(run))


def _wait(asked: Namespace, path: str) -> dict[str, Any]:
    deadline = time.monotonic() + asked.seconds
    with waiting(f"waiting for run {asked.id}"):
        return _ask_until(asked, path, deadline)


def _ask_until(asked: Namespace, path: str, deadline: float) -> dict[str, Any]:
    while True:
        # In pieces, so that a proxy in between does not lose patience.
        left_s = max(0, min(_ASKED_FOR_S, round(deadline - time.monotonic())))
        run = ask(asked.url, f"{path}/wait?seconds={left_s}", patience_s=left_s + 10)
        if run["state"] not in _UNDER_WAY or time.monotonic() >= deadline or left_s == 0:
            return run


def _logs(asked: Namespace, path: str) -> str:
    text = b""
    for _ in range(_PIECES):
        piece, _headers = fetch(asked.url, f"{path}/log?start={len(text)}")
        if not piece:
            break
        text += piece
    shown = text.decode(errors="replace")
    return write(asked.output, {"log": shown}, shown.rstrip("\n"))


def _list(asked: Namespace) -> str:
    query = {"canary": asked.canary, "test": asked.test, "state": asked.state, "limit": asked.limit}
    runs = ask(asked.url, "/api/v1/runs" + write_query(query))["runs"]
    return write(asked.output, runs, _table(runs))


def _table(runs: Sequence[Mapping[str, Any]]) -> str:
    if not runs:
        return "no run"
    rows = [[run["id"], _canary(run), run["hook"], run["test"], run["state"], run["reason"]] for run in runs]
    return draw_table(("RUN", "CANARY", "HOOK", "TEST", "STATE", "REASON"), rows)


def _canary(run: Mapping[str, Any]) -> str:
    return f"{run['name']}.{run['namespace']}"


def _describe(run: Mapping[str, Any]) -> str:
    width = max(map(len, run))
    return "\n".join(f"{name.ljust(width)}  {printable(str(value))}" for name, value in run.items())
