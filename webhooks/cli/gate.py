"""Decide gates from a shell: `penstock gate list|approve|halt|open|close`, over the HTTP API of the service."""

import getpass
import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

from webhooks.gates import ROLLBACK_GATE

DEFAULT_URL = "http://127.0.0.1:8080"
"""Where the service is looked for unless --url or PENSTOCK_URL says otherwise."""

_REFUSED = 1
_UNREACHABLE = 75
_BAD_ARGUMENT = 78
_PATIENCE_S = 10.0
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def make_parser() -> ArgumentParser:
    """Describe the commands."""
    parser = ArgumentParser(prog="penstock gate", description="See and decide the gates of releases.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add(commands.add_parser("list", help="show every gate and who decided it"))
    for name, text in (("approve", "let this release pass"), ("halt", "hold this release")):
        command = commands.add_parser(name, help=text)
        command.add_argument("canary", help="NAME.NAMESPACE, such as ad.weather")
        command.add_argument("gate", help="the gate, such as promotion")
        command.add_argument("--who", default=None, help="who decides (default: the user of this machine)")
        command.add_argument("--why", default="", help="the reason, kept and shown")
        _add(command)
    for name, text in (("open", "let every release pass until closed"), ("close", "hold every release until opened")):
        command = commands.add_parser(name, help=text)
        command.add_argument("canary", help="NAME.NAMESPACE, such as ad.weather")
        command.add_argument("--rollback", action="store_true", help="the rollback gate: open it to roll back")
        _add(command)
    return parser


def _add(command: ArgumentParser) -> None:
    url = os.environ.get("PENSTOCK_URL", DEFAULT_URL)
    command.add_argument("--url", default=url, help="where the service is (PENSTOCK_URL, default %(default)s)")


def main(argv: list[str]) -> int:
    """Carry out one command: 0 done, 1 refused, 75 the service cannot be reached, 78 bad argument."""
    asked = make_parser().parse_args(argv)
    try:
        print(_carry_out(asked))  # noqa: T201 - the output of the command
    except urllib.error.HTTPError as error:
        with error:
            return _complain(_REFUSED, f"{asked.url} answered {error.code}: {_detail(error.read())}")
    except (OSError, http.client.HTTPException) as error:
        return _complain(_UNREACHABLE, f"cannot reach {asked.url} ({error}); is penstock serve running there?")
    except ValueError as error:
        return _complain(_BAD_ARGUMENT, str(error))
    return 0


def _complain(status: int, text: str) -> int:
    print(f"penstock gate: {text}", file=sys.stderr)  # noqa: T201 - the edge of the command
    return status


def _detail(body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, LookupError, TypeError):
        return body.decode(errors="replace").strip()


def _carry_out(asked: Namespace) -> str:
    if asked.command == "list":
        return _table(json.loads(_call(asked.url, "/api/v1/gates"))["gates"])
    name, _, namespace = str(asked.canary).rpartition(".")
    if not name or not namespace:
        raise ValueError(f"canary: {asked.canary!r} is not NAME.NAMESPACE, such as ad.weather")
    if asked.command in {"open", "close"}:
        family = ROLLBACK_GATE if asked.rollback else "gate"
        _call(asked.url, f"/{family}/{asked.command}", {"name": name, "namespace": namespace})
        return f"{family} of {asked.canary}: {asked.command}"
    who = getpass.getuser() if asked.who is None else asked.who
    path = f"/api/v1/gates/{namespace}/{name}/{asked.gate}/{asked.command}"
    gate = json.loads(_call(asked.url, path, {"who": who, "why": asked.why}))
    return f"gate {gate['gate']} of {asked.canary}: {gate['state']}"


def _call(url: str, path: str, body: Mapping[str, str] | None = None) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"url: {url!r} is not an http or https URL")
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url.rstrip("/") + path, data, {"Content-Type": "application/json"})  # noqa: S310 - checked above
    with _OPENER.open(request, timeout=_PATIENCE_S) as answer:
        content: bytes = answer.read()
    return content


def _table(gates: list[dict[str, object]]) -> str:
    if not gates:
        return "no gate was asked for or decided yet"
    rows: list[tuple[str, ...]] = [("CANARY", "GATE", "STATE", "RELEASE", "WHO", "WHY")]
    for gate in gates:
        release = str(gate["checksum"]) if gate["epoch"] else "every"
        canary = f"{gate['name']}.{gate['namespace']}"
        rows.append(
            (canary, *(str(gate[key]) for key in ("gate", "state")), release, str(gate["who"]), str(gate["why"]))
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
