"""Write the pages of the reference that follow from the code: `docs/cli.md` and `docs/api.md`.

Run it as `python scripts/reference.py`; with `--check` it writes nothing and tells whether the pages are as it would
write them.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from webhooks.settings import Settings
from workflows import serving
from workflows.cli import COMMANDS
from workflows.cli.parsers import find_parser, find_subcommands

ROOT = Path(__file__).parents[1]
NOTE = "<!-- Written by scripts/reference.py. -->\n\n"


def write_commands() -> str:
    """Write every command with its options."""
    lines = [
        "# Commands",
        "",
        "Every command says the same with `--help`. What the exit codes mean stands in [Exit codes](exit-codes.md).",
        "",
        "| command | what it does |",
        "| --- | --- |",
        *(f"| [`penstock {name}`](#penstock-{name}) | {command.summary} |" for name, command in COMMANDS.items()),
        "",
    ]
    for name in COMMANDS:
        parser = find_parser(name)
        lines += [f"## penstock {name}", "", *_write_parser(f"penstock {name}", parser)]
        for below, each in find_subcommands(parser).items():
            lines += [f"### penstock {name} {below}", "", *_write_parser(f"penstock {name} {below}", each)]
    return NOTE + "\n".join(lines).rstrip() + "\n"


def _write_parser(words: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    actions = [action for action in parser._actions if action.help != argparse.SUPPRESS]  # noqa: SLF001 - argparse has no other way
    arguments = [action for action in actions if not action.option_strings]
    options = [action for action in actions if action.option_strings and "--help" not in action.option_strings]
    description = " ".join((parser.description or "").split())
    if description:
        yield from (description[0].upper() + description[1:].removesuffix(".") + ".", "")
    usage = " ".join([words, *(["[options]"] if options else []), *map(_show_argument, arguments)])
    yield from ("```text", usage, "```", "")
    rows = [(_show_names(action), _show_help(action, parser)) for action in (*arguments, *options)]
    if rows:
        yield from ("| option | meaning |", "| --- | --- |", *(f"| {name} | {said} |" for name, said in rows), "")


def _show_argument(action: argparse.Action) -> str:
    word = _show_value(action) or action.dest
    match action.nargs:
        case "?":
            return f"[{word}]"
        case "*" | argparse.REMAINDER:
            return f"[{word} ...]"
        case "+":
            return f"{word} [{word} ...]"
    return word


def _show_value(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper() if action.nargs != 0 else ""


def _show_names(action: argparse.Action) -> str:
    value = _show_value(action)
    if not action.option_strings:
        return f"`{value}`"
    names = ", ".join(f"`{name}`" for name in action.option_strings)
    return f"{names} `{value}`" if value else names


def _show_help(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    text = (action.help or "") % {**vars(action), "prog": parser.prog} if "%" in (action.help or "") else action.help
    return _flatten(text or "")


def _flatten(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def write_api(document: Mapping[str, Any]) -> str:
    """Write every operation of the HTTP API, from the OpenAPI document that the service shows."""
    lines = [
        "# The HTTP API",
        "",
        "The service describes itself at `/openapi.json` (OpenAPI 3.1); this page says the same. Who may call it",
        "stands in [Access](access.md). A refusal is a problem document (RFC 9457) with the reason in `detail`.",
        "",
    ]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            lines += [f"## {method.upper()} {path}", "", f"{_flatten(operation['summary'])}.".replace("..", "."), ""]
            lines += _write_parameters(operation)
    return NOTE + "\n".join(lines).rstrip() + "\n"


def _write_parameters(operation: Mapping[str, Any]) -> Iterator[str]:
    parameters = operation.get("parameters", ())
    if parameters:
        yield from ("| parameter | where | meaning |", "| --- | --- | --- |")
        for each in parameters:
            yield f"| `{each['name']}` | {each['in']} | {_flatten(each.get('description', ''))} |"
        yield ""
    if "requestBody" in operation:
        yield from (f"Body: {_show_content(operation['requestBody']['content'])}.", "")
    good, bad = operation["responses"]["200"], [status for status in operation["responses"] if status != "200"]
    yield from (f"Answer: {_show_content(good.get('content', {}))}. Refusals: {', '.join(bad)}.", "")


def _show_content(content: Mapping[str, Any]) -> str:
    shown = []
    for kind, each in content.items():
        name = each.get("schema", {}).get("$ref", "").rpartition("/")[2]
        shown.append(f"{name} (`{kind}`)" if name else f"`{kind}`")
    return ", ".join(shown) or "empty"


def _read_document() -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        app = serving.create(Settings(data_dir=Path(folder)))
        document: Mapping[str, Any] = app.test_client().get("/openapi.json").get_json()
        return document


def main() -> int:
    """Write or check the pages; the exit status is 1 where one is not as it would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    stale = []
    for name, text in (("cli.md", write_commands()), ("api.md", write_api(_read_document()))):
        page = ROOT / "docs" / name
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                page.write_text(text, encoding="utf-8")
    if stale and check:
        print(
            f"docs/{', docs/'.join(stale)}: not as the code has it; run: python scripts/reference.py", file=sys.stderr
        )
    return 1 if stale and check else 0


if __name__ == "__main__":
    raise SystemExit(main())
