"""Write the tasks and step actions that Tekton runs, each one call of the command.

The rules to keep: nothing is put into a script, since there is none; a task is not tried again by the engine, which
cannot tell a no from trouble; whatever waits has a time-out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from workflows.manifests.pipeline import IMAGE, OUTPUTS, TOKEN, USER

VERSION = "0.1"
TASK_API, STEP_API = "tekton.dev/v1", "tekton.dev/v1beta1"
MINIMUM = "1.13.0"
_RESULTS = "/tekton/results"
_SECURITY: Mapping[str, Any] = MappingProxyType(
    {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
)


@dataclass(frozen=True, slots=True)
class Param:
    """Name a parameter; one without a default must be given. `sample` is what the sample gives."""

    name: str
    description: str
    default: str | None = None
    sample: str = ""

    def write(self) -> dict[str, Any]:
        """Write it."""
        given = {} if self.default is None else {"default": self.default}
        return {"name": self.name, "type": "string", **given, "description": self.description}


@dataclass(frozen=True, slots=True)
class Entry:
    """Describe a task of the catalog: what it is called, what it runs, and what it tells.

    A test is a stranger: it runs without the token of its account.
    """

    name: str
    title: str
    summary: str
    about: str
    arguments: tuple[str, ...]
    params: tuple[Param, ...]
    results: tuple[str, ...] = ()
    workspaces: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    timeout: str = "12h"
    memory: str = "256Mi"
    reports: bool = False
    needs_token: bool = True


IMAGE_PARAM = Param("image", "the image that has the penstock command", IMAGE)
CANARY_PARAMS = (
    Param("canary", "the name of the Canary", sample="ad"),
    Param("namespace", "its namespace", sample="weather"),
)
SAY_CANARY = ("--canary", "$(params.canary)", "--namespace", "$(params.namespace)")

STAGE = Entry(
    "penstock-stage",
    "Penstock stage",
    "Run one stage of a canary release.",
    "The exit code says how the release stands: 0 goes on, 10 rolled back, 11 inconclusive, 12 refused by a gate,\n"
    "13 failed otherwise, 14 held by another owner, 75 temporary trouble, 78 bad configuration. A stage is absolute:\n"
    "run twice, it finds its work done. `penstock render tekton` writes a pipeline of these for a canary.",
    (
        *("stage", "$(params.stage)", "$(params.value)", *SAY_CANARY),
        *("--owner", "$(params.owner)", "--lease", "$(params.lease)", "--hold", "$(params.hold)"),
        *("--on-conflict", "$(params.on-conflict)", "--wait", "$(params.wait)"),
        *("--prometheus", "$(params.prometheus)", "--report-to", "$(params.report-to)"),
        *("--report-url", "$(params.report-url)", "--results", _RESULTS),
    ),
    (
        Param(
            "stage",
            "acquire, initialise, start, set-weight, mirror, gate, hook, hold, promote, shift-back, finalise or finish",
            sample="gate",
        ),
        *CANARY_PARAMS,
        Param("owner", "who owns the release; the same for all its stages", sample="a-run-of-mine"),
        Param("value", "what the stage needs: a percent (gate: that must still be set), on or off, a type of hook", ""),
        Param("lease", "how long the release may wait for its next stage", "5m"),
        Param("hold", "hold: how long somebody may take to approve, for which the lease is made longer", ""),
        Param("on-conflict", "fail, wait or supersede while another owner holds the release", "fail"),
        Param("wait", "how long to wait for another owner, or for a hook to say yes", "12h"),
        Param("prometheus", "where metrics are asked, instead of spec.metricsServer", ""),
        Param("report-to", "a penstock serve whose pages show the release; its token: Secret penstock-token", ""),
        Param("report-url", "where people see the release; told as the result report", ""),
        IMAGE_PARAM,
    ),
    results=tuple(OUTPUTS),
    reports=True,
)

LOAD_TEST = Entry(
    "penstock-load-test",
    "Penstock load test",
    "Make load on a URL and judge it.",
    "The exit code is the verdict: 0 passed, 98 inconclusive, 99 failed.",
    (
        *("load", "$(params.mode)", "--target", "$(params.target)", "--rate", "$(params.rate)"),
        *("--duration", "$(params.duration)", "--threshold", "$(params.threshold)"),
        *("--at-most", "$(params.at-most)"),
    ),
    (
        Param("target", "the URL that gets the load", sample="http://ad-canary.weather:3003/ad"),
        Param("rate", "requests a second", "10"),
        Param("duration", "how long", "1m"),
        Param("threshold", "what must hold", "http_req_failed: rate<0.05"),
        Param("at-most", "refuse a load that lasts longer; empty for any", ""),
        Param("mode", "run makes the load, render only reads what is asked for", "run"),
        IMAGE_PARAM,
    ),
    timeout="2h",
    memory="512Mi",
    needs_token=False,
)


def write_task(entry: Entry) -> dict[str, Any]:
    """Write a task of the catalog."""
    workspaces = [
        {"name": name, "description": meaning, "readOnly": True} for name, meaning in entry.workspaces.items()
    ]
    return {
        "apiVersion": TASK_API,
        "kind": "Task",
        "metadata": _write_metadata(entry),
        "spec": {
            "description": f"{entry.summary}\n{entry.about}",
            "params": [param.write() for param in entry.params],
            **({"workspaces": workspaces} if workspaces else {}),
            **_write_results(entry),
            "steps": [_write_step(entry)],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }


def write_step_action(entry: Entry) -> dict[str, Any]:
    """Write a step action; a task that uses it declares the results that it tells."""
    return {
        "apiVersion": STEP_API,
        "kind": "StepAction",
        "metadata": _write_metadata(entry),
        "spec": {
            "description": f"{entry.summary}\n{entry.about}",
            "params": [param.write() for param in entry.params],
            "image": "$(params.image)",
            "command": ["penstock"],
            "args": list(entry.arguments),
            **_write_env(entry),
            "securityContext": dict(_SECURITY),
        },
    }


def _write_metadata(entry: Entry) -> dict[str, Any]:
    annotations = {
        "tekton.dev/pipelines.minVersion": MINIMUM,
        "tekton.dev/categories": "Deployment",
        "tekton.dev/tags": "canary, progressive delivery",
        "tekton.dev/displayName": entry.title,
        "tekton.dev/platforms": "linux/amd64,linux/arm64",
        "artifacthub.io/category": "integration-delivery",
        "artifacthub.io/license": "Apache-2.0",
        "artifacthub.io/prerelease": "true",
    }
    labels = {"app.kubernetes.io/version": VERSION}
    return {"name": entry.name, "labels": labels, "annotations": annotations}


def _write_results(entry: Entry) -> dict[str, Any]:
    results = [{"name": name, "type": "string", "description": OUTPUTS[name]} for name in entry.results]
    return {"results": results} if results else {}


def _write_env(entry: Entry) -> dict[str, Any]:
    return {"env": [dict(TOKEN)]} if entry.reports else {}


def _write_step(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name.removeprefix("penstock-"),
        "image": "$(params.image)",
        "command": ["penstock"],
        "args": list(entry.arguments),
        **_write_env(entry),
        "timeout": entry.timeout,
        "computeResources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": entry.memory}},
        "securityContext": {**_SECURITY, "readOnlyRootFilesystem": True},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the pod's own folder
    }
