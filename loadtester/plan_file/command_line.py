"""Read a plan's document out of a `hey` or `wrk` command line, the way users of Flagger write their load.

The one rule to keep: the line makes the load that its tool would make; a flag that cannot be honoured is an error.
`hey -q` is a rate for each worker, so `-q 10 -c 2` is 20 arrivals per second; without -q workers are users.
"""

import shlex
from collections.abc import Iterator
from typing import Any

from loadtester.errors import PlanError
from loadtester.plan_file.section import parse_duration

_HEY_VALUES = ["n", "c", "q", "z", "m", "H", "A", "T", "a", "d", "D", "x", "t", "o", "cpus", "host", "U"]
_HEY_SWITCHES = ["h2", "disable-compression", "disable-keepalive", "disable-redirects", "more"]
_WRK_VALUES = ["c", "d", "t", "s", "H", "timeout", "connections", "duration", "threads", "script", "header"]
_WRK_SWITCHES = ["latency", "L"]
_WRK_LONG = {"connections": "c", "duration": "d", "threads": "t", "script": "s", "header": "H"}
_DEFAULT_HEY_WORKERS = 50.0
_DEFAULT_WRK_CONNECTIONS = "10"
_DEFAULT_WRK_DURATION = "10s"


def parse_command(line: str) -> dict[str, Any]:
    """Give the document of a `hey` or `wrk` line; raises PlanError."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise PlanError(f"line: {line!r} is not a command ({error})") from error
    tool = words[0].rpartition("/")[2] if words else ""
    match tool:
        case "hey":
            return _hey(_Flags(tool, words[1:], _HEY_VALUES, _HEY_SWITCHES))
        case "wrk" | "wrk2":
            return _wrk(_Flags(tool, words[1:], [*_WRK_VALUES, "R"], _WRK_SWITCHES))
        case _:
            raise PlanError(f"line: {tool or line!r} is not known; known: hey, wrk")


class _Flags:
    def __init__(self, tool: str, words: list[str], values: list[str], switches: list[str]) -> None:
        self.tool = tool
        self.given: dict[str, list[str]] = {}
        self.urls: list[str] = []
        rest = iter(words)
        for word in rest:
            if not word.startswith("-"):
                self.urls.append(word)
                continue
            key, equals, value = word.lstrip("-").partition("=")
            if key in switches:
                self.given[key] = []
            elif key in values:
                self.given.setdefault(key, []).append(value if equals else _next(tool, word, rest))
            else:
                raise PlanError(f"line: {tool} {word} is not supported")

    def refuse(self, *keys: str) -> None:
        for key in keys:
            if key in self.given:
                raise PlanError(f"line: {self.tool} -{key} is not supported; leave it out")

    def last(self, key: str, default: str = "") -> str:
        return self.given[key][-1] if self.given.get(key) else default

    def number(self, key: str, default: float) -> float:
        text = self.last(key)
        try:
            return float(text) if text else default
        except ValueError:
            raise PlanError(f"line: {self.tool} -{key} {text!r} is not a number") from None

    def seconds(self, key: str, default: str) -> float:
        text = self.last(key, default)
        try:
            return parse_duration(text)
        except ValueError:
            raise PlanError(f"line: {self.tool} -{key} {text!r} is not a duration") from None

    def headers(self) -> dict[str, str]:
        pairs = (text.partition(":") for text in self.given.get("H", []))
        return {key.strip(): value.strip() for key, _, value in pairs}

    def target(self) -> tuple[str, str]:
        if len(self.urls) != 1:
            raise PlanError(f"line: {self.tool} needs exactly one URL, got {self.urls}")
        scheme, _, rest = self.urls[0].partition("://")
        host, slash, path = rest.partition("/")
        return f"{scheme}://{host}", f"{slash}{path}" or "/"


def _next(tool: str, word: str, rest: Iterator[str]) -> str:
    value = next(rest, None)
    if value is None:
        raise PlanError(f"line: {tool} {word} needs a value")
    return value


def _hey(flags: _Flags) -> dict[str, Any]:
    flags.refuse("h2", "D", "a", "x", "o", "host")
    target, path = flags.target()
    workers, rate = flags.number("c", _DEFAULT_HEY_WORKERS), flags.number("q", 0.0)
    headers = flags.headers()
    for key, header in (("A", "Accept"), ("T", "Content-Type"), ("U", "User-Agent")):
        if flags.last(key):
            headers[header] = flags.last(key)
    if "disable-keepalive" in flags.given:
        headers["Connection"] = "close"
    request = {"path": path, "method": flags.last("m", "GET"), "headers": headers, "body": flags.last("d")}
    document: dict[str, Any] = {"target": target, "requests": [request], "timeout": flags.number("t", 20.0)}
    if "disable-redirects" not in flags.given:
        document["redirects"] = 10
    document |= {"rate": rate * workers} if rate else {"users": int(workers)}
    duration_s = flags.seconds("z", "0s")
    if not duration_s:
        if not rate:
            raise PlanError("line: hey -n without -q has no duration; say -z 30s")
        duration_s = flags.number("n", 200.0) / (rate * workers)
    return document | {"duration": duration_s}


def _wrk(flags: _Flags) -> dict[str, Any]:
    for long, short in _WRK_LONG.items():
        if long in flags.given:
            flags.given.setdefault(short, []).extend(flags.given.pop(long))
    flags.refuse("s")
    target, path = flags.target()
    rate = flags.number("R", 0.0)
    connections = int(flags.number("c", float(_DEFAULT_WRK_CONNECTIONS)))
    level: dict[str, Any] = {"rate": rate, "connections": connections} if rate else {"users": connections}
    request = {"path": path, "headers": flags.headers()}
    duration_s = flags.seconds("d", _DEFAULT_WRK_DURATION)
    timeout_s = flags.seconds("timeout", "2s")
    return {"target": target, "requests": [request], "duration": duration_s, "timeout": timeout_s} | level
