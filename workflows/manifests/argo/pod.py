"""Write the pods of Argo Workflows: what runs in them, how they are confined, and what is tried again.

The rules to keep: a no is not tried again, trouble of the platform is; nothing is put into a script, since there is
none.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from workflows.manifests.pipeline import IMAGE, OUTPUTS, USER

API = "argoproj.io/v1alpha1"
RESULTS = "/tmp/results"  # noqa: S108 - the one folder of the pod that can be written

SECURITY: Mapping[str, Any] = MappingProxyType(
    {"runAsNonRoot": True, "runAsUser": USER, "seccompProfile": {"type": "RuntimeDefault"}}
)
"""Confine all pods of a workflow."""

SHOWN: Mapping[str, str] = MappingProxyType({"workflows.argoproj.io/display-name": "{{inputs.parameters.shown}}"})
"""Show the nodes of a template by its input `shown`; Argo reads it of the template, not of its pods."""

_TAG = re.compile(r"(\{\{[^{}]*\}\})")
_CONTAINER: Mapping[str, Any] = MappingProxyType(
    {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
)
_TROUBLE = "75"
_KILLED = ("105", "130", "137", "143")
"""How a pod ends whose node is drained: a load test, a stage, and what was given no time to end by itself."""

_GLOBAL = frozenset({"verdict", "weight", "reason", "report"})


def parameter(name: str, description: str, default: str | None = None, **more: Any) -> dict[str, Any]:
    """Write a parameter; one without a default must be given."""
    given = {} if default is None else {"value": default}
    return {"name": name, **given, **more, "description": description}


def name_node(words: str) -> str:
    """Write words as Argo shows them: a node whose name has more than letters, digits, - and . ends in Error.

    A tag stands between words, so that the name holds whatever the tag becomes, nothing included.
    """
    parts = _TAG.split(words.replace("%", " percent"))
    return "".join(part if _TAG.fullmatch(part) else re.sub(r"[^a-zA-Z0-9.]+", "-", part) for part in parts)


def name_executor(account: str) -> str:
    """Name the account that may do what Argo's executor does in every pod, and nothing else."""
    return f"{account}-executor"


def image_parameter() -> dict[str, Any]:
    """Write the parameter that names the image."""
    return parameter("image", "the image of the pods, which has the penstock command", IMAGE)


def write_pod(image: str, arguments: Sequence[str], limits: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Write what a template needs to run one command in a pod; an engine that loses the pod tries again."""
    container = {
        "image": image,
        "command": ["penstock"],
        "args": list(arguments),
        "securityContext": dict(_CONTAINER),
        "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": dict(limits or {"memory": "256Mi"})},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the pod's own folder
    }
    return {
        "retryStrategy": _retry(),
        "timeout": "24h",
        "container": container,
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }


def write_outputs(*, report: bool) -> dict[str, Any]:
    """Write what a stage tells; the last to tell it tells it for the whole workflow."""
    parameters = []
    for name in OUTPUTS:
        shared = {"globalName": name} if name in _GLOBAL else {}
        parameters.append({"name": name, **shared, "valueFrom": {"path": f"{RESULTS}/{name}", "default": ""}})
    return {"parameters": parameters, **({"artifacts": [write_page("report.html")]} if report else {})}


def write_page(file: str) -> dict[str, Any]:
    """Write an artifact that is shown as a page where there is one, and is not missed where there is none."""
    return {"name": "report", "path": f"{RESULTS}/{file}", "archive": {"none": {}}, "optional": True}


def _retry() -> dict[str, Any]:
    codes = ", ".join((_TROUBLE, *_KILLED))
    return {
        "limit": "5",
        "retryPolicy": "Always",
        "backoff": {"duration": "5s", "factor": "2", "cap": "1m"},
        "expression": f'lastRetry.status == "Error" || asInt(lastRetry.exitCode) in [{codes}]',
    }
