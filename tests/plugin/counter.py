"""A plugin without a runner: the test says what came of its runs, and what time it is."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.plugin.agent import PATH, TOKEN
from webhooks.app import compose
from webhooks.catalog import CatalogFile
from webhooks.hooks import HookService
from webhooks.runs import RunService
from webhooks.runs.leases import end_run
from webhooks.settings import Settings
from webhooks.store.memory import MemoryStore
from webhooks.store.records import Run, RunState
from workflows.plugin.routes import add_plugin
from workflows.plugin.settings import PluginSettings

SETTINGS = PluginSettings(TOKEN, ("--context=here",), ("PENSTOCK_TOKEN",))
GATE = {"opId": "release-ad[3].gate", "stage": "gate", "canary": "ad"}
WORKFLOW = {"name": "release-ad-x7k2p", "namespace": "weather", "uid": "6f1d2c9a"}


class Counter:
    """Where the agent asks; its clock stands still."""

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        settings = settings or Settings(data_dir=folder)
        self.at = 1000.0
        self.store = MemoryStore()
        runs = RunService(self.store.runs, None, lambda: self.at, 4)
        service = HookService(self.store, CatalogFile(None), runs, settings)
        self.client = compose(service, settings, [partial(add_plugin, settings=SETTINGS)]).test_client()

    def ask(self, body: object = None, **more: Any) -> dict[str, Any]:
        """Ask for a template of ours and give the reply."""
        template = {"name": "stage", "plugin": {"penstock": GATE if body is None else body}}
        return self.send({"workflow": {"metadata": WORKFLOW}, "template": template} | more)

    def send(self, call: object) -> dict[str, Any]:
        """Send anything with the right token."""
        text = call if isinstance(call, bytes) else json.dumps(call)
        answer = self.client.post(PATH, data=text, headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200, answer.text
        reply: dict[str, Any] = json.loads(answer.text)
        return reply

    def fault(self, body: object = None, **more: Any) -> str:
        """Ask for something that is wrong, and give what is said of it."""
        reply = self.ask(body, **more)
        assert (reply["node"]["phase"], "requeue" in reply, self.runs) == ("Error", False, [])
        return str(reply["node"]["message"])

    @property
    def runs(self) -> list[Run]:
        """List all runs, oldest first."""
        return list(self.store.runs.select(list(RunState)))

    def begin(self) -> Run:
        """Start the newest run."""
        begun = self.store.runs.save(replace(self.runs[-1], state=RunState.RUNNING, started_at=self.at))
        assert begun
        return begun

    def end(self, state: RunState, reason: str, log: str = "") -> None:
        """End the newest run."""
        assert self.store.runs.save(end_run(replace(self.runs[-1], log=log), state, reason, self.at))
