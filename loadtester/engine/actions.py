"""Prepare a plan's requests: what can be rendered before the run is rendered once.

The one rule to keep: a request without placeholders and cookies is the same bytes each time.
"""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random

from loadtester.engine.recorder import Entry, Recorder
from loadtester.engine.response import Head, decode_body
from loadtester.engine.targets import Target
from loadtester.plan import SYNTHETIC_HEADER, Capture, CaptureSource, Expectation, HttpOptions, LoadPlan, RequestPlan

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z_]\w*)\}")
_DECK = 1024
_SHOWN = 60


class Action:
    """Hold one kind of request, ready to be sent."""

    __slots__ = (
        "_http",
        "_matches",
        "_request",
        "captures",
        "dynamic",
        "entry",
        "expect",
        "headless",
        "host",
        "keeps",
        "needs",
        "payload",
        "plain",
        "statuses",
        "target",
        "think_s",
    )

    def __init__(self, request: RequestPlan, http: HttpOptions, target: Target, entry: Entry) -> None:
        self._request = request
        self._http = http
        self.target = target
        self.host = target.authority
        self.entry = entry
        self.expect: Expectation = request.expect
        self._matches = re.compile(self.expect.matches) if self.expect.matches else None
        self.captures: tuple[Capture, ...] = request.captures
        self.needs = request.placeholders
        self.dynamic = bool(self.needs) or http.cookies
        self.headless = request.method == "HEAD"
        self.keeps = self.expect.reads_body or any(item.source is not CaptureSource.HEADER for item in self.captures)
        self.think_s = request.think_s
        self.plain = not self.expect.reads_body and not self.captures
        self.statuses = frozenset(status for status in range(100, 600) if self.expect.admits(status))
        self.payload = b"" if self.needs else self.render({}, {})

    def render(self, values: Mapping[str, str], cookies: Mapping[str, str]) -> bytes:
        """Write the request with captured values and cookies filled in."""
        request = self._request
        fill = _Filler(values)
        body = fill(request.body).encode()
        given = {key: fill(value) for key, value in {**self._http.headers, **request.headers}.items()}
        fields = self._usual(len(body), cookies) | given
        known: dict[str, tuple[str, str]] = {key.lower(): (key, value) for key, value in fields.items()}
        lines = "".join(f"{key}: {value}\r\n" for key, value in known.values())
        return f"{request.method} {fill(request.path)} HTTP/1.1\r\n{lines}\r\n".encode() + body

    def redirected(self, path: str, cookies: Mapping[str, str]) -> bytes:
        """Write the request that follows a redirect, as browsers do: by GET."""
        fields = self._usual(0, cookies) | dict(self._http.headers)
        lines = "".join(f"{key}: {value}\r\n" for key, value in fields.items())
        return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()

    def _usual(self, length: int, cookies: Mapping[str, str]) -> dict[str, str]:
        fields = {"Host": self.host, "User-Agent": "penstock", SYNTHETIC_HEADER[0]: SYNTHETIC_HEADER[1]}
        if self._http.compression:
            fields["Accept-Encoding"] = "gzip"
        if length or self._request.method in ("POST", "PUT", "PATCH"):
            fields["Content-Length"] = str(length)
        if cookies:
            fields["Cookie"] = "; ".join(f"{key}={value}" for key, value in cookies.items())
        return fields

    def judge(self, head: Head, body: bytes) -> tuple[str, str] | None:
        """Give the class and message of what is wrong with an answer, None when it is right."""
        if not self.expect.admits(head.status):
            return f"status {head.status}", f"answered {head.status}"
        if self.expect.reads_body:
            text = decode_body(head, body).decode(errors="replace")
            if self.expect.body not in text:
                return "body", f"{self.expect.body[:_SHOWN]!r} is not in {text[:_SHOWN]!r}"
            if self._matches is not None and not self._matches.search(text):
                return "body", f"{self.expect.matches[:_SHOWN]!r} does not match {text[:_SHOWN]!r}"
        return None

    def capture(self, head: Head, body: bytes, values: dict[str, str]) -> str:
        """Keep the values asked for; name the one that is not there."""
        text = decode_body(head, body).decode(errors="replace") if self.keeps else ""
        for capture in self.captures:
            value = _captured(capture, head, text)
            if value is None:
                return capture.name
            values[capture.name] = value
        return ""


class _Filler:
    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __call__(self, text: str) -> str:
        return _PLACEHOLDER.sub(lambda match: self._values[match[1]], text) if self._values else text


def _captured(capture: Capture, head: Head, text: str) -> str | None:
    match capture.source:
        case CaptureSource.HEADER:
            return head.field(capture.expression.lower()) or None
        case CaptureSource.BODY:
            found = re.search(capture.expression, text)
            return found[1] if found else None
        case CaptureSource.JSON:
            return _walk(text, capture.expression)


def _walk(text: str, path: str) -> str | None:
    try:
        value = json.loads(text)
        for step in path.split("."):
            value = value[int(step)] if isinstance(value, list) else value[step]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return None
    return value if isinstance(value, str) else json.dumps(value)


def prepare(plan: LoadPlan, recorder: Recorder, target: Target, *, prefix: str = "") -> tuple[Action, ...]:
    """Prepare a plan's requests for one target; `prefix` tells the arms of a comparing run apart."""
    actions = []
    for request in plan.requests:
        based = _under(target.base_path, request) if target.base_path else request
        actions.append(Action(based, plan.http, target, recorder.entry(prefix + request.label)))
    return tuple(actions)


def _under(base: str, request: RequestPlan) -> RequestPlan:
    path = base if request.path == "/" else base + request.path
    return RequestPlan(
        path,
        request.label,
        request.method,
        request.headers,
        request.body,
        request.weight,
        request.expect,
        request.captures,
        request.think_s,
    )


def deal(arms: Sequence[Sequence[Action]], weights: Sequence[float], random: Random) -> Iterator[Action]:
    """Give the actions for ever, each as often as its weight says, in random order.

    Of several arms each gets the same request in turn, who is first being chance.
    """
    if len(arms) == 1 and len(weights) == 1:
        return itertools.repeat(arms[0][0])
    total = sum(weights)
    indexes = [
        index
        for index, weight in enumerate(weights)
        for _ in range(max(1, round(weight / total * _DECK * len(weights))))
    ]
    random.shuffle(indexes)
    deck: list[Action] = []
    for index in indexes:
        deck += random.sample([arm[index] for arm in arms], len(arms))
    return itertools.cycle(deck)
