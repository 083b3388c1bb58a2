"""Write the Task and the Pipeline by which Tekton 1.x releases a canary: one task of the pipeline for each weight.

The rules to keep: `finally` gets parameters and never results, since a task that fails leaves none; nothing is put into
a script, since there is none; a task is not tried again by the engine, which cannot tell a no from trouble.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from workflows.manifests import names
from workflows.manifests.document import Document
from workflows.rollout import ladder, trial
from workflows.rollout.plan import RolloutPlan, Strategy

TASK = "penstock-stage"
"""The name of the one Task, which runs any stage."""

VERSION = "0.1"
_IMAGE = "penstock:latest"
_USER = 65532
_RESULTS = ("phase", "weight", "next", "reason")
_MEANINGS = {
    "phase": "the phase of the release",
    "weight": "the canary's share of the traffic in percent",
    "next": "the weight that follows, or promote",
    "reason": "why a check did not pass, or why the release ended",
}


def write_tekton(plan: RolloutPlan) -> tuple[Document, ...]:
    """Write the Task in catalog layout, the Pipeline of one canary, and a PipelineRun."""
    names.check(plan)
    about = (
        f"Release {plan.key} by Tekton 1.13 or newer: kubectl create -f pipelinerun.yaml when the others are there.\n"
        "Cancel it with spec.status CancelledRunFinally or StoppedRunFinally, which end safe; after plain Cancelled\n"
        "or a deletion only the watchdog sends the traffic home. Its account: `penstock render rbac`."
    )
    return (
        Document(f"task/{TASK}/{VERSION}/{TASK}.yaml", (write_task(),), "Run one stage of a release."),
        Document("pipeline.yaml", (_write_pipeline(plan),), about),
        Document("pipelinerun.yaml", (_write_run(plan),), "One release: it runs the pipeline to the end."),
    )


def write_task() -> dict[str, Any]:
    """Write the Task that runs one stage of any canary."""
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "Task",
        "metadata": {
            "name": TASK,
            "labels": {"app.kubernetes.io/version": VERSION},
            "annotations": {
                "tekton.dev/pipelines.minVersion": "1.13.0",
                "tekton.dev/categories": "Deployment",
                "tekton.dev/tags": "canary, progressive delivery",
                "tekton.dev/displayName": "Penstock stage",
                "tekton.dev/platforms": "linux/amd64,linux/arm64",
            },
        },
        "spec": {
            "description": "Run one stage of a canary release.\nThe exit code says how the release stands.",
            "params": list(_write_task_params()),
            "results": [{"name": name, "type": "string", "description": _MEANINGS[name]} for name in _RESULTS],
            "steps": [_write_step()],
        },
    }


def _write_task_params() -> Iterator[dict[str, Any]]:
    described = {
        "stage": "the stage: acquire, initialise, start, set-weight, mirror, gate, hook, promote, shift-back, finalise",
        "canary": "the name of the Canary",
        "namespace": "its namespace",
        "owner": "who owns the release; the same for all its stages",
    }
    for name, description in described.items():
        yield {"name": name, "type": "string", "description": description}
    defaults = {
        "value": ("", "what the stage needs: a percent, on or off, a type of hook"),
        "lease": ("5m", "how long the release may wait for its next stage"),
        "on-conflict": ("fail", "fail, wait or supersede while another owner holds the release"),
        "wait": ("12h", "how long to wait for another owner, or for a hook to say yes"),
        "prometheus": ("", "where metrics are asked, instead of spec.metricsServer"),
        "image": (_IMAGE, "the image that has the penstock command"),
    }
    for name, (default, description) in defaults.items():
        yield {"name": name, "type": "string", "default": default, "description": description}


def _write_step() -> dict[str, Any]:
    options = ["canary", "namespace", "owner", "lease", "on-conflict", "wait", "prometheus"]
    arguments = ["stage", "$(params.stage)", "$(params.value)"]
    arguments += [word for name in options for word in (f"--{name}", f"$(params.{name})")]
    return {
        "name": "stage",
        "image": "$(params.image)",
        "command": ["penstock"],
        "args": [*arguments, "--results", "/tekton/results"],
        "computeResources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _write_pipeline(plan: RolloutPlan) -> dict[str, Any]:
    shared = {
        "lease": ("5m", "how long the release may wait for its next stage"),
        "on-conflict": ("fail", "fail, wait or supersede while another owner holds the release"),
        "prometheus": ("", "where metrics are asked, instead of spec.metricsServer"),
        "image": (_IMAGE, "the image that has the penstock command"),
    }
    params = [
        {"name": name, "type": "string", "default": default, "description": description}
        for name, (default, description) in shared.items()
    ]
    finish = _write_call(plan, "finish", "end safe", "finish", timeout="30m")
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "Pipeline",
        "metadata": {"name": f"canary-release-{plan.name}", "namespace": plan.namespace},
        "spec": {
            "description": f"Release {plan.key}, one task for each weight.",
            "params": params,
            "tasks": _chain(list(_write_tasks(plan))),
            "finally": [finish],
        },
    }


def _write_tasks(plan: RolloutPlan) -> Iterator[dict[str, Any]]:
    yield _write_call(plan, "acquire", "take the release", "acquire")
    yield _write_call(plan, "initialise", "make the primary", "initialise")
    yield _write_call(plan, "start", "start the canary", "start")
    # Without a new revision the release rests, and what follows is skipped.
    going_on = [{"input": "$(tasks.start.results.phase)", "operator": "in", "values": ["Progressing"]}]
    yield _write_call(plan, "pre-rollout", "pre-rollout", "gate", when=going_on)
    for name, shown, stage, value in _list_analysis(plan):
        yield _write_call(plan, name, shown, stage, value, when=going_on)
    yield _write_call(plan, "confirm-promotion", "confirm the promotion", "hook", "confirm-promotion", when=going_on)
    yield _write_call(plan, "promote", "promote", "promote", when=going_on)
    yield _write_call(plan, "shift-back", "route all traffic to the primary", "shift-back", when=going_on)
    yield _write_call(plan, "finalise", "scale the canary down", "finalise", when=going_on)


def _list_analysis(plan: RolloutPlan) -> Iterator[tuple[str, str, str, str]]:
    analysis = plan.analysis
    if plan.strategy is Strategy.CANARY:
        weights = ladder.rungs(analysis.weights, None) if trial.write_terms(plan) else analysis.weights
        for weight in weights:
            yield f"weight-{weight}", f"weight {weight}%", "set-weight", str(weight)
            yield f"judge-{weight}", f"judge at {weight}%", "gate", ""
        return
    if plan.strategy is Strategy.AB_TESTING:
        yield "matched", "route matched requests to the canary", "set-weight", "100"
    elif analysis.mirror_percent:
        yield "mirror", "mirror to the canary", "mirror", "on"
    for number in range(1, analysis.iterations + 1):
        yield f"iteration-{number}", f"iteration {number} of {analysis.iterations}", "gate", ""
    if plan.strategy is Strategy.BLUE_GREEN:
        yield "all", "route all traffic to the canary", "set-weight", "100"


def _write_call(plan: RolloutPlan, name: str, shown: str, stage: str, value: str = "", **more: Any) -> dict[str, Any]:
    values = {
        "stage": stage,
        "value": value,
        "canary": plan.name,
        "namespace": plan.namespace,
        "owner": "tekton/$(context.pipelineRun.uid)",
        **{param: f"$(params.{param})" for param in ("lease", "on-conflict", "prometheus", "image")},
    }
    params = [{"name": key, "value": each} for key, each in values.items()]
    return {"name": name, "displayName": shown, "taskRef": {"name": TASK}, "params": params, "timeout": "12h", **more}


def _chain(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    following = ({**task, "runAfter": [before["name"]]} for before, task in pairwise(tasks))
    return [tasks[0], *following]


def _write_run(plan: RolloutPlan) -> dict[str, Any]:
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"generateName": f"release-{plan.name}-", "namespace": plan.namespace},
        "spec": {
            "pipelineRef": {"name": f"canary-release-{plan.name}"},
            "timeouts": {"pipeline": "24h0m0s", "tasks": "23h0m0s", "finally": "1h0m0s"},
            "taskRunTemplate": {
                "serviceAccountName": f"penstock-{plan.name}",
                "podTemplate": {"securityContext": {"runAsNonRoot": True, "fsGroup": _USER}},
            },
        },
    }
