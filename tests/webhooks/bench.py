"""A service in memory whose runs the test ends itself, and loopback things for those that are real."""

import json
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from loadtester.report import Histogram, LoadReport, NameReport
from tests.webhooks.loopback import JsonHandler, LoopbackServer
from webhooks.access import Listed
from webhooks.catalog import CatalogFile
from webhooks.hooks import HookService
from webhooks.protocol import HookOutcome, HookPayload, HookType
from webhooks.runs import RunService
from webhooks.settings import Settings
from webhooks.store.memory import MemoryStore
from webhooks.store.records import UNDER_WAY, CanaryName, Run, RunState

AD = CanaryName("weather", "ad")

CATALOG = """
port: 3003
tests:
  suite: {kind: http, requests: [{path: /ad}]}
  contract: {kind: http, requests: [{path: /health}]}
  load: {kind: load, plan: {rate: 20}, thresholds: ["http_req_failed: rate<0.05"], minimumRequests: 5}
  quiet: {kind: load, plan: {rate: 20}, inconclusive: pass}
  strict: {kind: http, requests: [{path: /ad}], onFailure: rollback}
  last: {kind: http, requests: [{path: /ad}], final: true}
  each: {kind: http, requests: [{path: /ad}], every: call}
  once: {kind: http, requests: [{path: /ad}], every: epoch}
  guarded: {kind: http, requests: [{path: /ad}], namespaces: ["team-*"]}
  told: {kind: command, argv: [ls, "${city}"], parameters: {city: {}}}
  greeting:
    kind: http
    target: http://greeter.weather
    requests: [{path: "/hello/${who}"}]
    parameters: {who: {pattern: "[a-z]+"}, tone: {type: enum, values: [warm, cold], default: warm}}
"""


class Bench:
    """Hold a hook service over a store in memory; the test plays the runner and moves the time."""

    def __init__(self, folder: Path, store: MemoryStore | None = None) -> None:
        self.time = 1_000_000.0
        self.store = store or MemoryStore()
        catalog = folder / "catalog.yaml"
        catalog.write_text(CATALOG)
        self.catalog = catalog
        self.runs = RunService(self.store.runs, None, lambda: self.time, 8)
        resolve = {"ad-canary.weather:3003": "127.0.0.1:9"}
        settings = Settings(resolve=resolve, wait_s=0.05, allow_targets=("greeter.weather",))
        self.listed: Listed | None = None
        self.service = HookService(self.store, CatalogFile(catalog), self.runs, settings)

    def call(self, hook: HookType, *, checksum: str = "r2", phase: str = "Progressing", **metadata: str) -> HookOutcome:
        payload = HookPayload(
            "ad", "weather", phase, checksum, {key.rstrip("_"): item for key, item in metadata.items()}
        )
        return self.service.handle(hook, payload, self.listed)

    def under_way(self) -> tuple[Run, ...]:
        return self.store.runs.select(UNDER_WAY)

    def end(self, state: RunState, reason: str = "because") -> None:
        for run in self.under_way():
            self.store.runs.save(replace(run, state=state, reason=reason, ended_at=self.time))

    def report(self, requests: int, failures: int) -> None:
        """Have the load report so many requests in all."""
        for run in self.under_way():
            self.store.runs.save(replace(run, state=RunState.RUNNING, report=load_report(requests, failures)))


def load_report(requests: int, failures: int) -> str:
    """Write the report of a load that has been going on for a second for each ten requests."""
    response = Histogram.of([2000] * requests)
    names = {"ad": NameReport(response, response, failures=failures)}
    return json.dumps(LoadReport(elapsed_s=requests / 10, names=names, scheduled=requests).to_dict())


class AdService(LoopbackServer):
    """Be the ad service of the story: `broken` answers 500, `slow_s` takes its time."""

    def __init__(self) -> None:
        super().__init__(_Ad)
        self.broken = False
        self.slow_s = 0.0
        self.hosts: list[str] = []


class _Ad(JsonHandler, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: AdService

    def do_GET(self) -> None:
        self.server.hosts.append(self.headers["Host"])
        self.server.closing.wait(self.server.slow_s)
        document = {"version": "v2", "ad": "umbrellas", "path": self.path, "items": [{"id": 7}]}
        self.answer(500 if self.server.broken else 200, document)

    def do_POST(self) -> None:
        body = self.read_body()
        self.answer(201, {"path": self.path, "echo": body.decode()})
