"""Decide gates from a shell: `penstock gate list|show|approve|halt|open|close`, over the HTTP API of the service."""

import getpass
import sys
import urllib.error
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from webhooks.cli.client import add_flags, ask, draw_table, fetch, perform, split_canary, write, write_query
from webhooks.gates import ROLLBACK_GATE

_PAGES = 1000
_NOT_THERE = 404


def make_parser() -> ArgumentParser:
    """Describe the commands."""
    parser = ArgumentParser(prog="penstock gate", description="See and decide the gates of releases.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    text = "show every gate and who decided it"
    add_flags(commands.add_parser("list", help=text, description=text))
    for name, text in (
        ("show", "show every word on a gate"),
        ("approve", "let this release pass"),
        ("halt", "hold this release"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("canary", metavar="CANARY", help="NAME.NAMESPACE, such as ad.weather")
        command.add_argument("gate", metavar="GATE", help="the gate, such as promotion")
        if name != "show":
            command.add_argument("--who", metavar="NAME", help="who decides (default: the user of this machine)")
            command.add_argument("--why", default="", metavar="TEXT", help="the reason, kept and shown")
        if name == "approve":
            command.add_argument("--lasts", default="", metavar="2h", help="how long the approval holds")
            told = "approve this template and no other, as list shows it"
            command.add_argument("--template", default="", metavar="HASH", help=told)
        add_flags(command)
    for name, text in (("open", "let every release pass until closed"), ("close", "hold every release until opened")):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("canary", metavar="CANARY", help="NAME.NAMESPACE, such as ad.weather")
        command.add_argument("--rollback", action="store_true", help="the rollback gate: open it to roll back")
        add_flags(command)
    return parser


def main(argv: list[str]) -> int:
    """Carry out one command: 0 done, 1 refused, 75 the service cannot be reached, 78 bad argument."""
    return perform("penstock gate", make_parser().parse_args(argv), _carry_out)


def _carry_out(asked: Namespace) -> str:
    if asked.command == "list":
        return _list(asked)
    name, namespace = split_canary(asked.canary)
    if asked.command in {"open", "close"}:
        family = ROLLBACK_GATE if asked.rollback else "gate"
        fetch(asked.url, f"/{family}/{asked.command}", {"name": name, "namespace": namespace})
        return write(
            asked.output, {"gate": family, "command": asked.command}, f"{family} of {asked.canary}: {asked.command}"
        )
    path = "/".join(quote(part, safe="") for part in (namespace, name, asked.gate))
    if asked.command == "show":
        return _show(asked, ask(asked.url, f"/api/v1/gates/{path}")["history"])
    known = _is_known(asked.url, path)
    gate = ask(asked.url, f"/api/v1/gates/{path}/{asked.command}", _decision(asked))
    if not known:
        told = f"nobody has asked for gate {asked.gate} of {asked.canary} yet; penstock gate list shows those asked for"
        sys.stderr.write(f"penstock gate: {told}\n")
    return write(asked.output, gate, f"gate {gate['gate']} of {asked.canary}: {gate['state']}{_count(gate)}")


def _is_known(url: str, path: str) -> bool:
    """Tell whether anything was said of a gate before, by a hook that asks for it or by people."""
    try:
        ask(url, f"/api/v1/gates/{path}")
    except urllib.error.HTTPError as error:
        # Who may not look can still decide.
        with error:
            return error.code != _NOT_THERE
    return True


def _decision(asked: Namespace) -> Mapping[str, str]:
    who = getpass.getuser() if asked.who is None else asked.who
    more = {name: value for name in ("lasts", "template") if (value := getattr(asked, name, ""))}
    return {"who": who, "why": asked.why} | more


def _count(gate: Mapping[str, Any]) -> str:
    return f" ({len(gate['approvals'])} of {gate['needed']} approvals)" if gate["needed"] > 1 else ""


def _list(asked: Namespace) -> str:
    gates: list[dict[str, Any]] = []
    cursor: object = None
    for _ in range(_PAGES):
        page = ask(asked.url, "/api/v1/gates" + write_query({"cursor": cursor}))
        gates += page["gates"]
        cursor = page["next"]
        if cursor is None:
            break
    return write(asked.output, gates, _table(gates))


def _table(gates: Sequence[Mapping[str, Any]]) -> str:
    if not gates:
        return "no gate was asked for or decided yet"
    return draw_table(("CANARY", "GATE", "STATE", "RELEASE", "WHO", "WHY"), [_row(gate) for gate in gates])


def _row(gate: Mapping[str, Any]) -> list[str]:
    release = (gate["template"] or gate["checksum"]) if gate["epoch"] else "every"
    who = ", ".join(gate["approvals"]) or gate["who"]
    state = f"{gate['state']}{_count(gate)}"
    return [f"{gate['name']}.{gate['namespace']}", gate["gate"], state, release, who, gate["why"]]


def _show(asked: Namespace, history: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [_moment(word["at"]), word["state"] + _count(word), word["template"], word["who"], word["why"]]
        for word in history
    ]
    return write(asked.output, history, draw_table(("AT", "STATE", "TEMPLATE", "WHO", "WHY"), rows))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
