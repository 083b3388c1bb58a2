"""Check, list and try the tests of a catalog without the service: `penstock catalog lint|list|run|schema`.

A test is run as the service would run it, in a child with a clean environment, but at once and here.
"""

import json
import os
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from webhooks.catalog import Catalog, CatalogFile, CatalogTest, accept, show_duration
from webhooks.catalog.fields import suggest
from webhooks.cli.client import add_output_option, draw_table, waiting, write
from webhooks.errors import CatalogError, SettingsError
from webhooks.runs import Bell, RunService
from webhooks.runs.runner import Runner
from webhooks.store.memory import MemoryStore
from webhooks.store.port import Store
from webhooks.store.records import CanaryName, Run, RunOrder, RunState

BAD_CONFIGURATION = 78
"""The exit status for an argument or a catalog that must be mended."""

SCHEMA = "catalog.schema.json"
"""The JSON schema of a catalog, a file of the package `webhooks.catalog`."""

_FAULTY, _FAILED, _INCONCLUSIVE = 2, 1, 11
_SLACK_S = 60.0


def make_parser() -> ArgumentParser:
    """Describe the commands."""
    parser = ArgumentParser(prog="penstock catalog", description="Check, list and try the tests of a catalog.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (("lint", "say what is wrong, exit status 0 or 2"), ("list", "show the tests")):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("catalog", type=Path, metavar="FILE", help="the catalog")
        if name == "list":
            add_output_option(command)
    text = "run a test; exit status 0 passed, 1 failed, 11 inconclusive"
    run = commands.add_parser("run", help=text, description=text)
    run.add_argument("test", metavar="NAME", help="a test of the catalog")
    run.add_argument("--target", required=True, metavar="URL", help="what to test, such as http://127.0.0.1:3003")
    run.add_argument("--catalog", type=Path, default=Path("catalog.yaml"), metavar="FILE", help="(catalog.yaml)")
    run.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter; may be repeated")
    run.add_argument("--canary", default="canary.default", metavar="NAME.NAMESPACE", help="for {name} and {namespace}")
    text = "print the JSON schema of a catalog, for editors"
    commands.add_parser("schema", help=text, description=text)
    return parser


def main(argv: list[str]) -> int:
    """Carry out one command."""
    asked = make_parser().parse_args(argv)
    try:
        return _COMMANDS[asked.command](asked)
    except (CatalogError, SettingsError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - the edge of the command
        return _FAULTY if asked.command == "lint" else BAD_CONFIGURATION


def _read(path: Path) -> Catalog:
    return CatalogFile(path).current()


def _lint(asked: Namespace) -> int:
    print(f"{asked.catalog}: {len(_read(asked.catalog).tests)} tests, no fault")  # noqa: T201 - the output of the command
    return 0


def _list(asked: Namespace) -> int:
    rows = [_show(test) for test in _read(asked.catalog).tests.values()]
    print(write(asked.output, rows, _draw(rows)))  # noqa: T201 - the output of the command
    return 0


def _show(test: CatalogTest) -> dict[str, str]:
    described = json.loads(test.definition).get("description")
    return {
        "name": test.name,
        "kind": test.kind.value,
        "where": "job" if test.in_cluster else test.where.value,
        "timeout": show_duration(test.timeout_s),
        "parameters": ",".join(parameter.name for parameter in test.parameters),
        "description": str(described or ""),
    }


def _draw(rows: Sequence[Mapping[str, str]]) -> str:
    return draw_table([key.upper() for key in rows[0]], [[*row.values()] for row in rows]) if rows else "no test"


def _schema(_: Namespace) -> int:
    print(files("webhooks.catalog").joinpath(SCHEMA).read_text(encoding="utf-8"), end="")  # noqa: T201 - the output of the command
    return 0


def _run(asked: Namespace) -> int:
    tests = _read(asked.catalog).tests
    test = tests.get(asked.test)
    if test is None:
        raise SettingsError(f"unknown test {asked.test!r}; known: {', '.join(tests)}{suggest(asked.test, tests)}")
    name, _, namespace = asked.canary.partition(".")
    order = RunOrder(
        key=test.name,
        canary=CanaryName(namespace or "default", name),
        epoch=1,
        hook="catalog run",
        test=test.name,
        definition=test.definition,
        target=_read_target(asked.target),
        parameters=read_parameters(test, asked.param),
    )
    with waiting(f"running {test.name}"):
        run, log = perform(order, test.longest_s + _SLACK_S)
    sys.stdout.write(log if not log or log.endswith("\n") else log + "\n")
    print(f"{test.name} {run.state.value}: {run.reason}")  # noqa: T201 - the output of the command
    return {RunState.PASSED: 0, RunState.FAILED: _FAILED}.get(run.state, _INCONCLUSIVE)


def _read_target(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
        raise SettingsError(f"--target: {text!r} is not a URL of scheme, host and port, such as http://127.0.0.1:3003")
    return text.rstrip("/")


def read_parameters(test: CatalogTest, pairs: Sequence[str]) -> dict[str, str]:
    """Read NAME=VALUE pairs as the parameters of a test; raises SettingsError that says what is allowed."""
    given = dict(pair.partition("=")[::2] for pair in pairs)
    known = {parameter.name: parameter for parameter in test.parameters}
    for name in given.keys() - known.keys():
        raise SettingsError(f"--param: {name!r} is not a parameter of {test.name}; known: {', '.join(known) or 'none'}")
    values = {name: given.get(name, parameter.default) for name, parameter in known.items()}
    for name, value in values.items():
        if value is None or not accept(known[name], value):
            raise SettingsError(f"--param: {name}={value or ''} is missing or not allowed by the catalog")
    return {name: value for name, value in values.items() if value is not None}


def perform(order: RunOrder, patience_s: float) -> tuple[Run, str]:
    """Run one order to its end, here; gives the run and what it has written."""
    store: Store = MemoryStore()
    with tempfile.TemporaryDirectory() as folder:
        bell = Bell(Path(folder) / "bell")
        runs = RunService(store.runs, bell, time.time, 1)
        runner = Runner(store, bell, time.time, os.environ)
        try:
            run = runs.start(order)
            deadline = time.monotonic() + patience_s
            while not run.state.ended and time.monotonic() < deadline:
                runner.step()
                run = store.runs.find(run.id) or run
        finally:
            runner.close()
    return run, store.logs.read(run.id).decode(errors="replace")


_COMMANDS: Mapping[str, Callable[[Namespace], int]] = MappingProxyType(
    {"lint": _lint, "list": _list, "run": _run, "schema": _schema}
)
