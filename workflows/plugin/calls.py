"""Read what Argo's agent sends: a workflow, and a template whose `plugin` section has our name as its one key."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflows.errors import ConfigurationError

PLUGIN = "penstock"
"""The key under `plugin` by which a template is ours."""

_LONGEST = 253
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_UID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True)
class Workflow:
    """Name the workflow that a template belongs to."""

    name: str
    namespace: str
    uid: str

    def __post_init__(self) -> None:
        """Refuse names that no object of Kubernetes can have."""
        for place, text, form in (
            ("name", self.name, _NAME),
            ("namespace", self.namespace, _NAME),
            ("uid", self.uid, _UID),
        ):
            if not form.fullmatch(text):
                raise ConfigurationError(f"workflow.metadata.{place}: {text[:_LONGEST]!r} is not one of Kubernetes")


@dataclass(frozen=True, slots=True)
class Call:
    """Carry one call for a template of ours; `body` is what stands under `plugin.penstock`."""

    workflow: Workflow
    body: Mapping[str, Any]


def read_call(text: bytes) -> Call | None:
    """Read a call, None where the template is not ours; raises ConfigurationError that says what is wrong."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"the call is not JSON ({error})") from error
    call = _section(document, "the call")
    plugin = _section(_section(call.get("template"), "template").get("plugin"), "template.plugin")
    if PLUGIN not in plugin:
        return None
    metadata = _section(_section(call.get("workflow"), "workflow").get("metadata"), "workflow.metadata")
    name, namespace, uid = (str(metadata.get(key, "")) for key in ("name", "namespace", "uid"))
    return Call(Workflow(name, namespace, uid), _section(plugin[PLUGIN], f"plugin.{PLUGIN}"))


def _section(document: object, place: str) -> Mapping[str, Any]:
    if not isinstance(document, dict):
        raise ConfigurationError(f"{place}: {str(document)[:80]!r} is not an object")
    return document
