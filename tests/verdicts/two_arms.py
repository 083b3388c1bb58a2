"""Play a Prometheus that has counted two arms of a service all along; it knows the few queries that we ask."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BEGIN = 1_750_000_000
"""When counting began (Unix seconds), unless an arm says otherwise."""

_QUERY = re.compile(r"sum by \(([^)]*)\) \(last_over_time\((\w+)\{(.*)\}\[5m\]\)\)")
_MATCHER = re.compile(r'(\w+)(=~|!~|=)"([^"]*)"')


@dataclass
class Arm:
    """One arm's pod: its labels, requests per second, and the shares that fail and that take longer than 100 ms.

    `top` is the bound above 100 ms, empty for none but the infinite one.
    """

    workload: str
    pod: str
    rps: float = 10.0
    errors: float = 0.0
    slow: float = 0.01
    since: float = BEGIN
    top: str = "1000"
    namespace: str = "weather"

    def answered(self, at: float) -> int:
        return round(self.rps * (at - self.since))

    @property
    def labels(self) -> dict[str, str]:
        return {
            "reporter": "destination",
            "destination_workload_namespace": self.namespace,
            "destination_workload": self.workload,
            "pod": self.pod,
        }

    def requests(self, at: float) -> Iterator[tuple[dict[str, str], int]]:
        failed = round(self.errors * self.answered(at))
        yield {**self.labels, "response_code": "500"}, failed
        yield {**self.labels, "response_code": "200"}, self.answered(at) - failed

    def buckets(self, at: float) -> Iterator[tuple[dict[str, str], int]]:
        total = self.answered(at)
        slow = round(self.slow * total)
        for bound, count in (("50", total // 2), ("100", total - slow), (self.top, total), ("+Inf", total)):
            if bound:
                yield {**self.labels, "le": bound}, count


@dataclass
class Traffic:
    """What there is to count, and the answer to any other query, which a mute server lacks; one away only says 503."""

    primary: Arm = field(default_factory=lambda: Arm("ad-primary", "ad-primary-7d9f-aaaaa", rps=40.0))
    canary: Arm = field(default_factory=lambda: Arm("ad", "ad-6c9b-bbbbb"))
    value: str | None = None
    away: bool = False
    mute: bool = False

    @property
    def arms(self) -> tuple[Arm, Arm]:
        return self.primary, self.canary


class Prometheus(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.traffic = Traffic()
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Prometheus

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        fields = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.server.asked.append(fields["query"])
        counts, traffic = parts.path.endswith("query_range"), self.server.traffic
        data = self._matrix(fields) if counts else self._vector()
        away = traffic.away or (traffic.mute and not counts)
        self.send_response(503 if away else 200)
        self.end_headers()
        self.wfile.write(b"" if away else json.dumps({"status": "success", "data": data}).encode())

    def _vector(self) -> dict[str, Any]:
        value = self.server.traffic.value
        return {"resultType": "vector", "result": [] if value is None else [{"metric": {}, "value": [0, value]}]}

    def _matrix(self, fields: dict[str, str]) -> dict[str, Any]:
        asked = _QUERY.fullmatch(fields["query"])
        assert asked, fields["query"]
        start, end, step = (float(fields[name]) for name in ("start", "end", "step"))
        times = [start + step * number for number in range(int((end - start) / step + 1e-6) + 1)]
        found: dict[tuple[tuple[str, str], ...], list[list[object]]] = {}
        for at in times:
            for labels, count in self._count(asked[2], at):
                if _fits(asked[3], labels):
                    kept = tuple((name, labels[name]) for name in asked[1].split(",") if name in labels)
                    found.setdefault(kept, []).append([at, str(count)])
        return {
            "resultType": "matrix",
            "result": [{"metric": dict(labels), "values": values} for labels, values in found.items()],
        }

    def _count(self, metric: str, at: float) -> Iterator[tuple[dict[str, str], int]]:
        for arm in self.server.traffic.arms:
            if at >= arm.since:
                yield from arm.buckets(at) if metric.endswith("_bucket") else arm.requests(at)

    def log_message(self, *_: object) -> None:
        pass


def _fits(matchers: str, labels: dict[str, str]) -> bool:
    for name, sign, value in _MATCHER.findall(matchers):
        same = labels.get(name, "") == value if sign == "=" else bool(re.fullmatch(value, labels.get(name, "")))
        if same is (sign == "!~"):
            return False
    return True


@contextmanager
def counting() -> Iterator[Prometheus]:
    with Prometheus() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)
