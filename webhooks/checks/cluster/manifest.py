"""Write the Kubernetes Job of a run: it never starts a container twice, holds no token, and goes away by itself."""

import json
import math
import re
from typing import Any

MANAGER = "penstock"
"""The value of `app.kubernetes.io/managed-by`."""

ORDER_VARIABLE = "PENSTOCK_JOB"
"""The variable in which our own image finds what it is to do."""

_KEPT_S = 3600
_LABEL = re.compile(r"[^A-Za-z0-9._-]")
_RUN_SHOWN = 32


def name_of(run_id: str) -> str:
    """Name the Job of a run."""
    return f"penstock-run-{run_id[:_RUN_SHOWN].lower()}"


def write_manifest(order: dict[str, Any], run_id: str) -> dict[str, Any]:
    """Write the manifest of a Job."""
    name = name_of(run_id)
    labels = {
        "app.kubernetes.io/managed-by": MANAGER,
        "penstock.dev/run": _label(run_id),
        "penstock.dev/canary": _label(order["canary"]),
        "penstock.dev/test": _label(order["test"]),
    }
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_write_container(order)],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": order["namespace"], "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": max(1, math.ceil(order["timeout_s"])),
            "ttlSecondsAfterFinished": _KEPT_S,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _write_container(order: dict[str, Any]) -> dict[str, Any]:
    environ = dict(order["environ"])
    container: dict[str, Any] = {
        "name": "test",
        "image": order["image"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    if order["command"]:
        container["command"] = order["command"]
    if "inside" in order:
        environ[ORDER_VARIABLE] = json.dumps(order["inside"])
        container["command"] = ["python3", "-m", "webhooks.checks.inside"]
        container["securityContext"]["runAsNonRoot"] = True
    if order["user"]:
        container["securityContext"] |= {"runAsNonRoot": True, "runAsUser": order["user"]}
    plain = [{"name": name, "value": _escape(value)} for name, value in environ.items()]
    secret = [{"name": name, "valueFrom": {"secretKeyRef": key}} for name, key in order["secrets"].items()]
    container["env"] = [*plain, *secret]
    return container


def _escape(value: str) -> str:
    # Kubernetes expands $(NAME) in values; a doubled dollar is a plain one.
    return value.replace("$(", "$$(")


def _label(text: str) -> str:
    return _LABEL.sub("-", text)[:63].strip("-._")
