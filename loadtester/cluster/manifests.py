"""Write the manifests of a run: plan, headless Service, NetworkPolicy, master Job, worker Job.

The one rule to keep: pods meet the `restricted` pod security standard, are never retried and have a deadline.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtester.errors import PlanError
from loadtester.plan import LoadPlan
from loadtester.plan_file import document_of

PORT = 5557
"""The port of Locust's master; its protocol has no authentication, hence the NetworkPolicy."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?\Z")
_FOLDER = "/etc/penstock-load"
_SPARE_S = 180
_KEPT_S = 600
_USER = 10001


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Say where a run lives, which image it uses and how many workers it has."""

    name: str
    namespace: str
    image: str
    workers: int

    def __post_init__(self) -> None:
        """Refuse what Kubernetes would refuse."""
        for key in ("name", "namespace"):
            if not _NAME.match(getattr(self, key)):
                raise PlanError(f"--{key}: {getattr(self, key)!r} is not a Kubernetes name; use a-z, 0-9 and -")
        if self.workers < 1:
            raise PlanError(f"--workers: {self.workers} is below 1")


def render(plan: LoadPlan, settings: ClusterSettings) -> str:
    """Give the manifests as YAML, the master Job first."""
    import yaml  # noqa: PLC0415 - only this needs it

    head = "# Run by `kubectl apply`; written by `penstock load render`.\n"
    return head + "---\n".join(yaml.safe_dump(item, sort_keys=False) for item in manifests(plan, settings))


def manifests(plan: LoadPlan, settings: ClusterSettings) -> list[dict[str, Any]]:
    """Give the manifests, the master Job first: the others belong to it."""
    others = (_plan(plan, settings), _service(settings), _policy(settings), _worker(plan, settings))
    return [_master(plan, settings), *others]


def _meta(settings: ClusterSettings, part: str, suffix: str = "") -> dict[str, Any]:
    name = f"{settings.name}-{suffix}" if suffix else settings.name
    return {"name": name, "namespace": settings.namespace, "labels": _labels(settings, part)}


def _labels(settings: ClusterSettings, part: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "penstock-load",
        "app.kubernetes.io/instance": settings.name,
        "app.kubernetes.io/component": part,
    }


def _plan(plan: LoadPlan, settings: ClusterSettings) -> dict[str, Any]:
    document = document_of(plan)
    data = {}
    if plan.locustfile:
        document["locustfile"] = "locustfile.py"
        data["locustfile.py"] = _read(plan.locustfile)
    data["plan.json"] = json.dumps(document, indent=1)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta(settings, "plan"), "data": data}


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise PlanError(f"locustfile: {path} cannot be read ({error})") from error


def _service(settings: ClusterSettings) -> dict[str, Any]:
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": _labels(settings, "master"),
        "ports": [{"name": "locust", "port": PORT, "targetPort": PORT}],
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": _meta(settings, "master", "master"), "spec": spec}


def _policy(settings: ClusterSettings) -> dict[str, Any]:
    spec = {
        "podSelector": {"matchLabels": _labels(settings, "master")},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [{"podSelector": {"matchLabels": _labels(settings, "worker")}}],
                "ports": [{"protocol": "TCP", "port": PORT}],
            }
        ],
    }
    metadata = _meta(settings, "master", "master")
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _master(plan: LoadPlan, settings: ClusterSettings) -> dict[str, Any]:
    workers = str(settings.workers)
    command = ["run", f"{_FOLDER}/plan.json", "--live", "--workers", workers, "--bind", f"0.0.0.0:{PORT}"]
    return _job(plan, settings, "master", command, pods=1)


def _worker(plan: LoadPlan, settings: ClusterSettings) -> dict[str, Any]:
    host = f"{settings.name}-master.{settings.namespace}.svc"
    command = ["worker", f"{_FOLDER}/plan.json", "--master", f"{host}:{PORT}", "--workers", str(settings.workers)]
    return _job(plan, settings, "worker", command, pods=settings.workers)


def _job(plan: LoadPlan, settings: ClusterSettings, part: str, command: list[str], *, pods: int) -> dict[str, Any]:
    template = {"metadata": {"labels": _labels(settings, part)}, "spec": _pod(plan, settings, part, command)}
    spec = {
        "backoffLimit": 0,
        "completions": pods,
        "parallelism": pods,
        "activeDeadlineSeconds": int(plan.length_s + plan.limits.timeout_s) + _SPARE_S,
        "ttlSecondsAfterFinished": _KEPT_S,
        "template": template,
    }
    suffix = "" if part == "master" else part
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": _meta(settings, part, suffix), "spec": spec}


def _pod(plan: LoadPlan, settings: ClusterSettings, part: str, command: list[str]) -> dict[str, Any]:
    container = {
        "name": part,
        "image": settings.image,
        "command": ["python", "-m", "loadtester", *command],
        "resources": {
            "requests": {"cpu": "1" if part == "worker" else "250m", "memory": "256Mi"},
            "limits": {"memory": f"{plan.limits.memory_mb + 128}Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "plan", "mountPath": _FOLDER, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a path inside the pod
        ],
    }
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "plan", "configMap": {"name": settings.name}}, {"name": "tmp", "emptyDir": {}}],
    }
