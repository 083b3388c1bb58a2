"""Write the WorkflowTemplate by which Argo Workflows 4 releases a canary: every stage a node, every weight a step.

The rules to keep: a stage that says no is not tried again, trouble of the platform is; whatever happens, `onExit` ends
safe; nothing is put into a script, since there is none.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from workflows.manifests import names
from workflows.manifests.document import Document
from workflows.rollout.plan import RolloutPlan, Strategy

IMAGE = "penstock:latest"
"""The image of the pods unless a parameter names another."""

_TROUBLE = "75"
_KILLED = ("137", "143")
_USER = 65532
_RESULTS = "/tmp/results"  # noqa: S108 - the one folder of the pod that can be written

_RESTRICTED: Mapping[str, Any] = MappingProxyType(
    {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
)


def write_argo(plan: RolloutPlan) -> tuple[Document, ...]:
    """Write the template of one canary, and a Workflow that runs it."""
    names.check(plan)
    template = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTemplate",
        "metadata": {"name": f"canary-release-{plan.name}", "namespace": plan.namespace},
        "spec": _write_spec(plan),
    }
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"release-{plan.name}-", "namespace": plan.namespace},
        "spec": {"workflowTemplateRef": {"name": template["metadata"]["name"]}},  # type: ignore[index] # a mapping above
    }
    about = (
        f"Release {plan.key} by Argo Workflows 4: kubectl create -f workflow.yaml after this template is there.\n"
        "Stop it with `argo stop`, which ends safe; after `argo terminate` or a deletion only the watchdog sends the\n"
        "traffic home. The service account needs the rights of `penstock render rbac`, and those of Argo's executor."
    )
    return (
        Document("workflow-template.yaml", (template,), about),
        Document("workflow.yaml", (workflow,), "One release: it runs the template to the end."),
    )


def _write_spec(plan: RolloutPlan) -> dict[str, Any]:
    return {
        "entrypoint": "release",
        "onExit": "finish",
        "serviceAccountName": f"penstock-{plan.name}",
        "automountServiceAccountToken": True,
        "activeDeadlineSeconds": 86400,
        "arguments": {"parameters": _write_parameters()},
        "synchronization": {"mutexes": [{"name": f"canary-{plan.namespace}-{plan.name}"}]},
        "podGC": {"strategy": "OnPodSuccess"},
        "ttlStrategy": {"secondsAfterCompletion": 604800},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "podMetadata": {"labels": {"app.kubernetes.io/name": "penstock", "penstock.dev/canary": plan.name}},
        "templates": [
            _write_release(plan),
            *_write_steps(plan),
            _write_approval(),
            _write_stage(plan),
            _write_finish(),
        ],
    }


def _write_parameters() -> list[dict[str, Any]]:
    return [
        {"name": "image", "value": IMAGE, "description": "the image of the pods that run stages"},
        {"name": "lease", "value": "5m", "description": "how long the release may wait for its next stage"},
        {"name": "prometheus", "value": "", "description": "where metrics are asked, instead of spec.metricsServer"},
        {
            "name": "on-conflict",
            "value": "fail",
            "enum": ["fail", "wait", "supersede"],
            "description": "what to do while another owner holds the release",
        },
        {
            "name": "approval",
            "value": "no",
            "enum": ["no", "yes"],
            "description": "whether somebody must say yes before the promotion",
        },
    ]


def _call(name: str, shown: str, stage: str, value: str = "", **more: Any) -> dict[str, Any]:
    parameters = [
        {"name": "stage", "value": stage},
        {"name": "value", "value": value},
        {"name": "shown", "value": shown},
    ]
    return {"name": name, "template": "stage", "arguments": {"parameters": parameters}, **more}


def _write_release(plan: RolloutPlan) -> dict[str, Any]:
    going_on = "'{{steps.start.outputs.parameters.phase}}' == 'Progressing'"
    steps = [
        [_call("acquire", "take the release", "acquire")],
        [_call("initialise", "make the primary", "initialise")],
        [_call("start", "start the canary", "start")],
        [_call("pre-rollout", "pre-rollout", "gate", when=going_on)],
        *([{**step, "when": going_on}] for step in _write_analysis(plan)),
        [
            {
                "name": "approval",
                "template": "approval",
                "when": f"{going_on} && '{{{{workflow.parameters.approval}}}}' == 'yes'",
            }
        ],
        [_check_approval(going_on)],
        [_call("confirm-promotion", "confirm the promotion", "hook", "confirm-promotion", when=going_on)],
        [_call("promote", "promote", "promote", when=going_on)],
        [_call("shift-back", "route all traffic to the primary", "shift-back", when=going_on)],
        [_call("finalise", "scale the canary down", "finalise", when=going_on)],
    ]
    return {"name": "release", "steps": steps}


def _check_approval(going_on: str) -> dict[str, Any]:
    refused = "'{{steps.approval.outputs.parameters.approve}}' == 'NO'"
    wanted = "'{{workflow.parameters.approval}}' == 'yes'"
    return _call("refused", "not approved: roll back", "rollback", when=f"{going_on} && {wanted} && {refused}")


def _write_analysis(plan: RolloutPlan) -> list[dict[str, Any]]:
    """Write the steps between the pre-rollout checks and the promotion, by the plan's strategy."""
    first = "{{steps.pre-rollout.outputs.parameters.next}}"
    if plan.strategy is Strategy.CANARY:
        parameters = [{"name": "weight", "value": first}]
        return [{"name": "analysis", "template": "weight-step", "arguments": {"parameters": parameters}}]
    route = {
        Strategy.AB_TESTING: [_call("matched", "route matched requests to the canary", "set-weight", "100")],
        Strategy.BLUE_GREEN: [_call("mirror", "mirror to the canary", "mirror", "on")]
        if plan.analysis.mirror_percent
        else [],
    }[plan.strategy]
    count = plan.analysis.iterations
    rounds = [_call(f"iteration-{number}", f"iteration {number} of {count}", "gate") for number in range(1, count + 1)]
    last = [_call("all", "route all traffic to the canary", "set-weight", "100")]
    return route + rounds + (last if plan.strategy is Strategy.BLUE_GREEN else [])


def _write_steps(plan: RolloutPlan) -> list[dict[str, Any]]:
    if plan.strategy is not Strategy.CANARY:
        return []
    weight = "{{inputs.parameters.weight}}"
    following = "{{steps.gate.outputs.parameters.next}}"
    recursion = {
        "name": "next",
        "template": "weight-step",
        "when": f"'{following}' != 'promote' && '{following}' != ''",
        "arguments": {"parameters": [{"name": "weight", "value": following}]},
    }
    steps = [
        [_call("set-weight", f"weight {weight}%", "set-weight", weight)],
        [_call("gate", f"judge at {weight}%", "gate")],
        [recursion],
    ]
    return [{"name": "weight-step", "inputs": {"parameters": [{"name": "weight"}]}, "steps": steps}]


def _write_approval() -> dict[str, Any]:
    said = {
        "name": "approve",
        "value": "NO",
        "enum": ["YES", "NO"],
        "description": "YES promotes, NO rolls back; nobody's answer within the duration is a NO",
    }
    return {
        "name": "approval",
        "inputs": {"parameters": [{**said, "default": "NO"}]},
        "suspend": {"duration": "24h"},
        "outputs": {"parameters": [{"name": "approve", "valueFrom": {"supplied": {}, "default": "NO"}}]},
    }


def _write_stage(plan: RolloutPlan) -> dict[str, Any]:
    outputs = [
        {"name": name, "valueFrom": {"path": f"{_RESULTS}/{name}", "default": ""}}
        for name in ("phase", "weight", "next", "reason")
    ]
    return {
        "name": "stage",
        "metadata": {"annotations": {"workflows.argoproj.io/display-name": "{{inputs.parameters.shown}}"}},
        "inputs": {"parameters": [{"name": "stage"}, {"name": "value", "value": ""}, {"name": "shown"}]},
        "outputs": {"parameters": outputs},
        "retryStrategy": _retry(),
        "timeout": "24h",
        "container": _write_container(plan, "{{inputs.parameters.stage}}", "{{inputs.parameters.value}}"),
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }


def _retry() -> dict[str, Any]:
    codes = ", ".join((_TROUBLE, *_KILLED))
    return {
        "limit": "5",
        "retryPolicy": "Always",
        "backoff": {"duration": "5s", "factor": "2", "cap": "1m"},
        "expression": f'lastRetry.status == "Error" || asInt(lastRetry.exitCode) in [{codes}]',
    }


def _write_container(plan: RolloutPlan, stage: str, value: str) -> dict[str, Any]:
    arguments = ["stage", stage, value, "--canary", plan.name, "--namespace", plan.namespace]
    arguments += ["--owner", "argo/{{workflow.uid}}", "--lease", "{{workflow.parameters.lease}}"]
    arguments += ["--on-conflict", "{{workflow.parameters.on-conflict}}", "--wait", "12h", "--results", _RESULTS]
    arguments += ["--prometheus", "{{workflow.parameters.prometheus}}"]
    return {
        "image": "{{workflow.parameters.image}}",
        "command": ["penstock"],
        "args": arguments,
        "securityContext": dict(_RESTRICTED),
        "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the pod's own folder
    }


def _write_finish() -> dict[str, Any]:
    # Steps, not a DAG: exit handlers that are DAGs were broken under `argo stop` until 4.1.0.
    return {"name": "finish", "steps": [[_call("finish", "end safe", "finish")]]}
