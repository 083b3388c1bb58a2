"""Run the commands that payloads bring, as Flagger's loadtester does, where the operator has allowed it.

A blocking command answers with its end. One in the background answers at once; when it was gated, or made load and met
nothing but errors, the next call for that canary and revision tells of its failure, once.
"""

import hashlib
import json
import logging
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from webhooks.catalog import CANARY_TARGET
from webhooks.checks.tool_output import makes_load
from webhooks.protocol import RETRY_AFTER_S, HookPayload, one_line
from webhooks.runs import RunService
from webhooks.runs.changes import change
from webhooks.settings import Settings
from webhooks.store.port import LogStore
from webhooks.store.records import UNDER_WAY, CanaryName, Run, RunOrder, RunQuery, RunState

_log = logging.getLogger("penstock.commands")
_BACKGROUND = "cmd"
_PROGRAMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {_BACKGROUND: ("sh", "-c"), "bash": ("bash", "-c"), "helm": ("helm",), "helmv3": ("helm",), "kubectl": ("kubectl",)}
)
_WITH_SHELL = frozenset({_BACKGROUND, "bash"})
_REMOTE = frozenset({"concord", "ngrinder"})
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
# One stream keeps the order of what was written to two.
_IN_FOLDER = ("sh", "-c", 'cd "$0" && exec "$@" 2>&1')
_NO_REVISION, _GATED = "task", "gated task"
_QUEUE_S = 60.0
_UNTOLD = 50
_EXIT = re.compile(r"exit status \d+|signal: \w+|exec: \"[^\"]*\": [^)]*")
_LATE = "did not end within"


@dataclass(frozen=True, slots=True)
class TaskAnswer:
    """Carry what a task is answered with."""

    status: int
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class CommandService:
    """Answer tasks; knows no HTTP."""

    def __init__(self, runs: RunService, logs: LogStore, settings: Settings) -> None:
        self._runs = runs
        self._logs = logs
        self._settings = settings
        self._namespaces = re.compile(settings.namespace_regexp)

    @property
    def allowed(self) -> bool:
        """Tell whether payloads may bring commands."""
        return self._settings.allow_commands

    def admits(self, payload: HookPayload) -> bool:
        """Tell whether canaries of this namespace are served (loadtester: the regexp is not anchored)."""
        return self._namespaces.search(payload.namespace) is not None

    def submit(self, payload: HookPayload) -> TaskAnswer:
        """Answer one task."""
        if not self.admits(payload):
            return TaskAnswer(403, "Forbidden")
        fault = _find_fault(payload.metadata)
        if fault:
            return TaskAnswer(400, fault)
        if not self.allowed:
            return TaskAnswer(403, _NOT_ALLOWED)
        order = self._make_order(_kind_of(payload.metadata), payload)
        if order.test == _BACKGROUND:
            return self._answer_at_once(order, payload.metadata["cmd"])
        return self._answer_at_the_end(order, payload.metadata)

    def _make_order(self, kind: str, payload: HookPayload) -> RunOrder:
        command = payload.metadata["cmd"]
        canary = CanaryName(payload.namespace, payload.name)
        words = [command] if kind in _WITH_SHELL else command.split()
        definition = {
            "kind": "command",
            "argv": [*_IN_FOLDER, os.getcwd(), *_PROGRAMS[kind], *words],  # noqa: PTH109 - a text is what is needed
            "verbatim": True,
            "passOn": ["*"],
            "timeout": f"{self._settings.command_timeout_s:.3f}s",
            "logOutput": kind != _BACKGROUND or payload.metadata.get("logCmdOutput") in _TRUE,
            "needs": _PROGRAMS[kind][0],
        }
        gated = payload.metadata.get("gate") in _TRUE or makes_load(command)
        parts = (str(canary), kind, command, payload.checksum, gated)
        return RunOrder(
            key="task-" + hashlib.sha256(json.dumps(parts).encode()).hexdigest(),
            canary=canary,
            epoch=0,
            hook=_GATED if kind == _BACKGROUND and gated else _NO_REVISION,
            test=kind,
            definition=json.dumps(definition),
            target=CANARY_TARGET.format(name=payload.name, namespace=payload.namespace, port=80),
            parameters={"checksum": payload.checksum},
        )

    def _start(self, order: RunOrder) -> tuple[Run, bool]:
        """Start a run, or join the equal one that is under way; tells whether it was started."""
        before = self._runs.now()
        run = self._runs.start(order)
        if run.state.ended:
            self._runs.retire(run)
            run = self._runs.start(order)
        return run, run.created_at >= before and not run.starts

    def _answer_at_once(self, order: RunOrder, command: str) -> TaskAnswer:
        failures = self.tell_failures(order.canary, order.parameters["checksum"])
        self._end_older(order)
        _, started = self._start(order)
        _log.info("task starting %s" if started else "command skipped %s is already running", command)
        return TaskAnswer(422, failures) if failures else TaskAnswer(202)

    def tell_failures(self, canary: CanaryName, checksum: str) -> str:
        """Give what failed in the background since it was last asked for, in one line; empty when nothing did."""
        told = []
        for run in self._runs.runs.page(RunQuery(canary, _BACKGROUND, limit=_UNTOLD)):
            mine = run.order.hook == _GATED and run.order.parameters.get("checksum") == checksum
            if mine and run.standing and run.state in {RunState.FAILED, RunState.INCONCLUSIVE, RunState.LOST}:
                self._runs.retire(run)
                told.append(f"command {_command_of(run)} failed: {run.reason}")
        return one_line("; ".join(told))

    def _end_older(self, order: RunOrder) -> None:
        """Cancel the equal command of another revision, so that no load outlives what it was made for."""
        for run in self._runs.runs.select(UNDER_WAY):
            same = run.order.canary == order.canary and run.order.definition == order.definition
            if same and run.order.key != order.key:
                change(self._runs.runs, run.id, _cancel)
                self._runs.wake()

    def _answer_at_the_end(self, order: RunOrder, metadata: Mapping[str, str]) -> TaskAnswer:
        run, _ = self._start(order)
        run = self._runs.wait(run, time.monotonic() + self._settings.command_timeout_s + _QUEUE_S)
        if not run.state.ended or run.state is RunState.LOST:
            busy = f"command {metadata['cmd']} did not end yet; ask again"
            return TaskAnswer(503, busy, {"Retry-After": str(RETRY_AFTER_S)})
        self._runs.retire(run)
        output = self._logs.read(run.id).decode(errors="replace")
        if run.state is RunState.PASSED:
            return TaskAnswer(200, output if metadata.get("returnCmdOutput") in _TRUE else "")
        return TaskAnswer(422, f"command {metadata['cmd']} failed: {output}: {_describe(run)}")


def _kind_of(metadata: Mapping[str, str]) -> str:
    return metadata.get("type") or _BACKGROUND


def _find_fault(metadata: Mapping[str, str]) -> str:
    if not metadata:
        return "metadata not found in payload"
    kind = _kind_of(metadata)
    if kind in _REMOTE:
        return f"task type {kind} is not served; use a test of kind load, command or kubernetes-job from the catalog"
    if kind not in _PROGRAMS:
        return f"unknown task type {kind}"
    command = metadata.get("cmd")
    if command is None:
        return "cmd not found in metadata"
    return "" if command.strip() else "cmd is empty"


def _cancel(run: Run) -> Run | None:
    if run.state.ended or run.cancel:
        return None
    return replace(run, cancel="a newer revision runs this command", standing=False)


def _command_of(run: Run) -> str:
    argv: list[str] = json.loads(run.order.definition)["argv"]
    return argv[-1]


def _describe(run: Run) -> str:
    if run.reason.startswith(_LATE):
        return "signal: killed"
    match = _EXIT.search(run.reason)
    return match[0] if match else run.reason


_NOT_ALLOWED = (
    "commands from payloads are not run here: start penstock serve with --allow-commands "
    "(PENSTOCK_ALLOW_COMMANDS=true), or name a test of the catalog with metadata.test and POST /hooks/<type>"
)
