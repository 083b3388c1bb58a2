"""Look at pages as a browser without eyes does: forms are sent with what stands in them."""

import json
import re
from html import unescape

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.webhooks.bench import Bench
from webhooks.app import compose
from webhooks.protocol import HookType
from webhooks.routes.pages import Reception
from webhooks.settings import Settings

GATE = "/ui/gates/weather/ad/confirm-promotion"


class Desk:
    """Hold the pages of a bench and one browser."""

    def __init__(self, bench: Bench, settings: Settings) -> None:
        self.bench = bench
        self.app = compose(bench.service, settings)
        self.client: FlaskClient = self.app.test_client()
        self.tokens: dict[str, str] = {}
        self.host = "localhost"

    @property
    def reception(self) -> Reception:
        """Give who receives visitors."""
        guard = self.app.before_request_funcs[None][1].__self__  # type: ignore[attr-defined] # a bound method
        found: Reception = guard.reception
        return found

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, headers=_name(headers), base_url=f"http://{self.host}")

    def text(self, path: str) -> str:
        """Give what a page says, without its tags."""
        answer = self.get(path)
        return unescape(re.sub(r"<[^>]*>", " ", answer.get_data(as_text=True)))

    def mark(self) -> str:
        """Give the mark of the forms that this browser is shown."""
        signer = self.reception.signer
        if self.client.get_cookie(signer.name, self.host, "/ui") is None:
            self.get("/ui/login")
        cookie = self.client.get_cookie(signer.name, self.host, "/ui")
        session = signer.read(cookie.value, 0.0) if cookie else None
        return signer.mark(session) if session else ""

    def post(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> TestResponse:
        """Send a form of ours."""
        data = {"mark": self.mark(), **(fields or {})}
        return self.client.post(path, data=data, headers=_name(headers), base_url=f"http://{self.host}")

    def log_in(self, scopes: str, there: str = "/ui/") -> TestResponse:
        """Log in with the token that has these scopes."""
        return self.post("/ui/login", {"token": self.tokens[scopes], "next": there})

    def events(self, path: str, **headers: str) -> tuple[list[dict[str, object]], str]:
        """Give what a stream tells at once, and where it goes on."""
        text = self.get(path, **headers).get_data(as_text=True)
        told = [json.loads(line) for line in re.findall(r"(?m)^data: (.*)$", text)]
        return told, re.findall(r"(?m)^id: (.*)$", text)[-1]

    def start_run(self, test: str = "suite", **metadata: str) -> str:
        self.bench.call(HookType.PRE_ROLLOUT, test=test, wait="1ms", **metadata)
        return next(run.id for run in self.bench.under_way() if run.order.test == test)

    def ask_gate(self, gate: str = "confirm-promotion") -> None:
        self.bench.call(HookType.CONFIRM_PROMOTION, gate=gate)


def _name(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
