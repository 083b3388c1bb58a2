"""Ask the service over its HTTP API, for the commands that people type.

Exit status: 0 done, 1 refused, 75 the service cannot be reached, 78 bad argument. PENSTOCK_TOKEN is sent when set.
"""

import http.client
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

DEFAULT_URL = "http://127.0.0.1:8080"
"""Where the service is looked for unless --url or PENSTOCK_URL says otherwise."""

_REFUSED = 1
_UNREACHABLE = 75
_BAD_ARGUMENT = 78
_PATIENCE_S = 10.0
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def add_flags(command: ArgumentParser) -> None:
    """Add the flags of every command that asks the service."""
    url = os.environ.get("PENSTOCK_URL", DEFAULT_URL)
    command.add_argument(
        "--url", default=url, metavar="URL", help="where the service is (PENSTOCK_URL, default %(default)s)"
    )
    add_output_option(command)


def add_output_option(command: ArgumentParser) -> None:
    """Add --output."""
    command.add_argument(
        "--output", choices=("table", "json", "yaml"), default="table", help="form of the output (table)"
    )


def write(form: str, document: object, text: str) -> str:
    """Write what a command gives: the text for people, or the document as JSON or YAML."""
    match form:
        case "json":
            return json.dumps(document, indent=2)
        case "yaml":
            # Loaded when asked for: nothing else here needs it.
            dumped: str = import_module("yaml").safe_dump(document, sort_keys=False, allow_unicode=True)
            return dumped.rstrip("\n")
        case _:
            return text


def perform(program: str, asked: Namespace, act: Callable[[Namespace], str]) -> int:
    """Carry out a command and print what it gives; a fault is one line."""
    try:
        text = act(asked)
    except urllib.error.HTTPError as error:
        with error:
            return _complain(program, _REFUSED, f"{asked.url} answered {error.code}: {_detail(error.read())}")
    except (OSError, http.client.HTTPException) as error:
        reason = f"cannot reach {asked.url} ({error}); is penstock serve running there?"
        return _complain(program, _UNREACHABLE, reason)
    except ValueError as error:
        return _complain(program, _BAD_ARGUMENT, str(error))
    _print(text)
    return 0


def _print(text: str) -> None:
    try:
        print(text, flush=True)  # noqa: T201 - the output of the command
    except BrokenPipeError:
        # Whoever reads has enough; the interpreter's own flush at the exit must find an open end.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open until the process ends


def _complain(program: str, status: int, text: str) -> int:
    print(f"{program}: {text}", file=sys.stderr)  # noqa: T201 - the edge of the command
    return status


def _detail(body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, LookupError, TypeError):
        return body.decode(errors="replace").strip()


def fetch(
    url: str, path: str, body: Mapping[str, str] | None = None, *, patience_s: float = _PATIENCE_S
) -> tuple[bytes, Mapping[str, str]]:
    """Give the body and headers of an answer; a body to send makes it a POST."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"url: {url!r} is not an http or https URL")
    data = None if body is None else json.dumps(body).encode()
    token = os.environ.get("PENSTOCK_TOKEN", "")
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url.rstrip("/") + path, data, headers)  # noqa: S310 - checked above
    with _OPENER.open(request, timeout=patience_s) as answer:
        content: bytes = answer.read()
        return content, dict(answer.headers)


def ask(
    url: str, path: str, body: Mapping[str, str] | None = None, *, patience_s: float = _PATIENCE_S
) -> dict[str, Any]:
    """Give the JSON object of an answer."""
    document: dict[str, Any] = json.loads(fetch(url, path, body, patience_s=patience_s)[0])
    return document


def write_query(values: Mapping[str, object]) -> str:
    """Write the query of a path, without what is None."""
    return "?" + urllib.parse.urlencode({name: value for name, value in values.items() if value is not None})


def split_canary(text: str) -> tuple[str, str]:
    """Split NAME.NAMESPACE."""
    name, _, namespace = text.rpartition(".")
    if not name or not namespace:
        raise ValueError(f"canary: {text!r} is not NAME.NAMESPACE, such as ad.weather")
    return name, namespace


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show people at a terminal that something goes on."""
    if not sys.stderr.isatty():
        yield
        return
    # Loaded at a terminal alone: it takes a while.
    console = import_module("rich.console").Console(stderr=True)
    with console.status(import_module("rich.text").Text(printable(text))):
        yield


def printable(text: str) -> str:
    """Fold white space and replace what could steer a terminal: names and reasons come from elsewhere."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in " ".join(text.split()))


def draw_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Draw rows under their heads."""
    lines = [tuple(head), *(tuple(map(printable, row)) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
