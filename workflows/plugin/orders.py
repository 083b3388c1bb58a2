"""Turn the `penstock` section of a template into an order for a run: a stage of a release, or a test.

A stage is `penstock stage` in a process of its own, with the options that a pod would give it; a test is what a
catalog would say of it. The rule to keep: what is wrong is said before anything is started.
"""

import hashlib
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from webhooks.catalog import CANARY_TARGET, NO_DEFAULTS, CatalogTest, Kind, read_test
from webhooks.store.records import CanaryName, RunOrder
from workflows.canary import durations
from workflows.cli.stage import STAGES
from workflows.errors import ConfigurationError
from workflows.plugin.calls import Call, Workflow
from workflows.plugin.settings import PluginSettings

HOOK = "argo"
"""What runs of the plugin have in the place of a hook."""

_STAGES = frozenset({*STAGES, "hook", "status"})
_LONG_WAITS = frozenset({"acquire", "start", "gate", "hook"})
_KINDS = frozenset({Kind.HTTP, Kind.LOAD})
_LONGEST = 1024
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_VALUE = re.compile(r"[A-Za-z0-9-]{0,63}")
_OPTIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "lease": ("--lease", "5m"),
        "hold": ("--hold", ""),
        "onConflict": ("--on-conflict", ""),
        "wait": ("--wait", ""),
        "prometheus": ("--prometheus", ""),
        "interval": ("--interval", ""),
        "judge": ("--judge", ""),
        "reportTo": ("--report-to", ""),
    }
)
"""What a template may say, the option of `penstock stage` that it becomes, and what holds where it says nothing."""

_EVERY = frozenset({"opId", "canary", "namespace", "deadline"})
_OF_STAGE = _EVERY | {"stage", "value", "reportUrl", *_OPTIONS}
_OF_TEST = _EVERY | {"test"}


@dataclass(frozen=True, slots=True)
class Task:
    """Carry what one node is to do: what people read, the identity of its runs, and what each of them is.

    `definition` is the test (JSON) but for its timeout, which is what is left of the deadline. `report_url` is told
    with the end of a stage.
    """

    title: str
    key: str
    workflow: Workflow
    definition: Mapping[str, Any]
    target: str
    deadline: timedelta
    is_stage: bool
    report_url: str = ""

    @property
    def owner(self) -> CanaryName:
        """Name whose the runs are: the workflow's, so that no hook of the canary ends them with its release."""
        return CanaryName(self.workflow.namespace, self.workflow.name)

    @property
    def test(self) -> str:
        """Name the runs of this node and of no other."""
        return f"{self.title.replace(' ', '-')[:50]}-{self.key[:12]}"

    def order(self, began_at: float, tries: int, timeout_s: float) -> RunOrder:
        """Order one try; `began_at` (unix seconds) and `tries` are kept with it."""
        definition = json.dumps({**self.definition, "timeout": f"{timeout_s:.3f}s"})
        kept = {"began": repr(began_at), "tries": str(tries)}
        return RunOrder(self.key, self.owner, 0, HOOK, self.test, definition, self.target, parameters=kept)


def read_task(call: Call, settings: PluginSettings) -> Task:
    """Read what a template asks for; raises ConfigurationError that says what is wrong."""
    body = call.body
    if ("stage" in body) is ("test" in body):
        raise ConfigurationError("plugin.penstock: name one of stage and test")
    is_stage = "stage" in body
    known = _OF_STAGE if is_stage else _OF_TEST
    unknown = sorted(body.keys() - known)
    if unknown:
        raise ConfigurationError(f"plugin.penstock.{unknown[0][:80]}: unknown; known: {', '.join(sorted(known))}")
    identity = _text(body, "opId")
    if not identity or "{{" in identity:
        told = f"{identity!r} names no node" if identity else "missing"
        raise ConfigurationError(f'plugin.penstock.opId: {told}; write opId: "{{{{node.name}}}}", it tells nodes apart')
    read = _read_stage if is_stage else _read_test
    title, definition, target = read(call, settings)
    whole = json.dumps([call.workflow.uid, identity, definition, target], sort_keys=True)
    deadline = _read_deadline(body, "24h" if title.split(" ")[0] in _LONG_WAITS else "1h")
    key = hashlib.sha256(whole.encode()).hexdigest()
    return Task(title, key, call.workflow, definition, target, deadline, is_stage, _text(body, "reportUrl"))


def _read_stage(call: Call, settings: PluginSettings) -> tuple[str, Mapping[str, Any], str]:
    body = call.body
    stage, value = _text(body, "stage"), _text(body, "value")
    if stage not in _STAGES:
        raise ConfigurationError(f"plugin.penstock.stage: unknown {stage[:80]!r}; known: {', '.join(sorted(_STAGES))}")
    if not _VALUE.fullmatch(value) or value.startswith("-"):
        raise ConfigurationError(f"plugin.penstock.value: {value[:80]!r} is not a weight, on, off or a type of hooks")
    canary, namespace = _read_canary(call)
    words = [stage, *([value] if value else []), f"--canary={canary}", f"--namespace={namespace}"]
    words += [f"--owner=argo/{call.workflow.uid}", *settings.options]
    for name, (option, default) in _OPTIONS.items():
        given = _text(body, name) or default
        words += [f"{option}={given}"] if given else []
    argv = [sys.executable, "-m", "workflows", "stage", *words]
    # The rights of a stage, and how it reaches the cluster, are those of the service.
    definition: dict[str, Any] = {"kind": Kind.COMMAND.value, "argv": argv, "verbatim": True, "passOn": ["*"]}
    definition["secrets"] = {name: {"env": name} for name in settings.variables}
    return f"{stage} {value}".strip(), definition, CANARY_TARGET.format(name=canary, namespace=namespace, port=80)


def _read_test(call: Call, _: PluginSettings) -> tuple[str, Mapping[str, Any], str]:
    faults: list[str] = []
    document = call.body["test"]
    test = read_test("test", document, NO_DEFAULTS, Path(), faults)
    if isinstance(document, dict) and "timeout" in document:
        raise ConfigurationError("plugin.penstock.test.timeout: stands beside test, as plugin.penstock.deadline")
    if faults:
        raise ConfigurationError(f"plugin.penstock: {'; '.join(faults)}")
    if test.kind not in _KINDS or test.in_cluster or test.secrets:
        known = " and ".join(sorted(kind.value for kind in _KINDS))
        raise ConfigurationError(f"plugin.penstock.test: only kinds {known} run here, without where and secrets")
    return test.kind.value, dict(document), _find_target(call, test)


def _find_target(call: Call, test: CatalogTest) -> str:
    if "{" not in test.target:
        return test.target
    canary, namespace = _read_canary(call)
    return test.target.format(name=canary, namespace=namespace, port=test.port)


def _read_canary(call: Call) -> tuple[str, str]:
    found = _text(call.body, "canary"), _text(call.body, "namespace") or call.workflow.namespace
    for place, name in zip(("canary", "namespace"), found, strict=True):
        if not _NAME.fullmatch(name):
            raise ConfigurationError(f"plugin.penstock.{place}: {name[:80]!r} is not the name of an object")
    return found


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name, "")
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ConfigurationError(f"plugin.penstock.{name}: {str(value)[:80]!r} is not a text")
    text = str(value)
    if not text.isprintable() or len(text) > _LONGEST:
        raise ConfigurationError(f"plugin.penstock.{name}: {text[:80]!r} is not one line of at most {_LONGEST} letters")
    return text


def _read_deadline(body: Mapping[str, Any], default: str) -> timedelta:
    text = _text(body, "deadline") or default
    try:
        deadline = durations.parse(text)
    except durations.DurationError as error:
        raise ConfigurationError(f"plugin.penstock.deadline: {text[:80]!r} {error}") from error
    if deadline < timedelta(seconds=1):
        raise ConfigurationError(f"plugin.penstock.deadline: {text} is less than a second")
    return deadline
