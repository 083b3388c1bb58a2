"""Write what Argo Workflows needs to release a canary by the executor plugin: the plugin, and a template that asks it.

The rule to keep: the tree of stages is that of `argo`; only who runs them differs. What runs on exit stays a pod, since
a plugin is told of no stop and its agent may be gone.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from types import MappingProxyType
from typing import Any

from workflows.manifests import names
from workflows.manifests.argo.pod import API
from workflows.manifests.argo.release import LONGEST, write_template
from workflows.manifests.argo.stages import Target
from workflows.manifests.document import Document
from workflows.manifests.pipeline import OUTPUTS, TOKEN, Shape, check_time
from workflows.rollout.plan import RolloutPlan

PLUGIN = "penstock"
"""The plugin's name, which is the key under `plugin` of its templates."""

ACCOUNT = f"{PLUGIN}-executor-plugin"
"""The account of the plugin's container, and the name of its ConfigMap, as Argo wants them."""

PORT = 14355
"""Where the plugin listens; the plugins of all teams share one pod."""

_USER = 8737  # that of Argo's agent: nobody else can read the token
_MEMORY = "/dev/shm"  # noqa: S108 - all that can be written there; it outlives the container, not the pod
_FINISH = "finish"
_STAGE, _LOAD = "plugin-stage", "plugin-load-test"
_READS_ONLY = {"name": "mode", "value": "render"}
_OF_READING = frozenset({"mode", "at-most"})
_MOVED: Mapping[str, str] = MappingProxyType({"stage": _STAGE, "load-test": _LOAD})


def write_argo_plugin(plan: RolloutPlan, shape: Shape, image: str) -> tuple[Document, ...]:
    """Write the plugin in both of its forms, the template of one canary, and a Workflow for each form."""
    names.check_image(image)
    check_time(plan, "Argo Workflows", LONGEST)
    name = names.name_pipeline(plan, suffix="-plugin")
    workflow = _write_workflow(plan, name, [])
    beside = _write_workflow(plan, name, [_write_plugin(image)])
    return (
        Document("executor-plugin.yaml", (_write_config_map(plan.namespace, image),), _ABOUT_CONFIG_MAP),
        Document("plugin-workflow-template.yaml", (_write_template(plan, name, shape),), _ABOUT_TEMPLATE),
        Document("plugin-workflow.yaml", (workflow,), "One release, by the plugin of the namespace."),
        Document("plugin-workflow-alone.yaml", (beside,), _ABOUT_ALONE),
    )


_ABOUT_CONFIG_MAP = (
    "The plugin for all workflows of a namespace. The controller needs ARGO_EXECUTOR_PLUGINS=true; a field that it\n"
    "does not know makes it ignore the plugin, with a line in its log alone."
)
_ABOUT_TEMPLATE = (
    "Release a canary by Argo Workflows 4, its stages run by the plugin and not in a pod each. What runs on exit is\n"
    "a pod: `argo stop` ends safe; after `argo terminate` or a deletion the watchdog sends the traffic home."
)
_ABOUT_ALONE = (
    "One release that brings the plugin along, instead of executor-plugin.yaml. It takes Argo Workflows 4.1 or newer\n"
    "and a controller with ARGO_WORKFLOW_LEVEL_EXECUTOR_PLUGINS=true."
)


def write_container(image: str) -> dict[str, Any]:
    """Write the container of the plugin, as confined as the agent's own."""
    arguments = ["serve", "--argo-plugin", "--host=127.0.0.1", f"--port={PORT}", f"--data-dir={_MEMORY}/penstock"]
    environment = {"HOME": _MEMORY, "TMPDIR": _MEMORY, "PYTHONDONTWRITEBYTECODE": "1"}
    return {
        "name": ACCOUNT,
        "image": image,
        "command": ["penstock"],
        "args": [*arguments, "--log-limit=1048576"],
        "env": [*({"name": name, "value": value} for name, value in environment.items()), dict(TOKEN)],
        "ports": [{"containerPort": PORT}],
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {
            "runAsUser": _USER,
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _write_config_map(namespace: str, image: str) -> dict[str, Any]:
    container = Document("", (write_container(image),))
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": ACCOUNT,
            "namespace": namespace,
            "labels": {"workflows.argoproj.io/configmap-type": "ExecutorPlugin"},
            "annotations": {
                "workflows.argoproj.io/version": ">= v4.0",
                "workflows.argoproj.io/description": "Runs stages of canary releases without a pod for each.",
            },
        },
        "data": {"sidecar.automountServiceAccountToken": "true", "sidecar.container": container.body},
    }


def _write_plugin(image: str) -> dict[str, Any]:
    sidecar = {"automountServiceAccountToken": True, "container": write_container(image)}
    return {"metadata": {"name": PLUGIN}, "spec": {"sidecar": sidecar}}


def _write_workflow(plan: RolloutPlan, template: str, plugins: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": API,
        "kind": "Workflow",
        "metadata": {"generateName": f"release-{plan.name}-", "namespace": plan.namespace},
        "spec": {
            "workflowTemplateRef": {"name": template},
            **({"executorPlugins": list(plugins)} if plugins else {}),
        },
    }


def _write_template(plan: RolloutPlan, name: str, shape: Shape) -> dict[str, Any]:
    target = Target(plan.name, plan.namespace, f"penstock-{plan.name}", plan.strategy, plan.analysis, plan.provider)
    template = deepcopy(write_template(name, target, shape))
    templates = {each["name"]: each for each in template["spec"]["templates"]}
    made = [_write_stage(target, templates["stage"]), _write_load(templates["load-test"])]
    for each in templates.values():
        if each["name"] != _FINISH:
            _move(each)
    steps = [step for each in templates.values() for group in each.get("steps", []) for step in group]
    called = {step["template"] for step in steps} | {template["spec"]["entrypoint"], template["spec"]["onExit"]}
    template["spec"]["templates"] = [each for each in (*templates.values(), *made) if each["name"] in called]
    return template


def _move(template: dict[str, Any]) -> None:
    """Have the steps of a template ask the plugin where they started a pod; what only reads a plan stays there."""
    for group in template.get("steps", []):
        for step in group:
            if _READS_ONLY not in step.get("arguments", {}).get("parameters", []):
                step["template"] = _MOVED.get(step["template"], step["template"])


def _write_stage(target: Target, pod: Mapping[str, Any]) -> dict[str, Any]:
    asked = {
        "opId": "{{node.name}}",
        "stage": "{{inputs.parameters.stage}}",
        "value": "{{inputs.parameters.value}}",
        "canary": target.name,
        "namespace": target.namespace,
        "lease": "{{workflow.parameters.lease}}",
        "hold": "{{workflow.parameters.approval-timeout}}",
        "onConflict": "{{workflow.parameters.on-conflict}}",
        "wait": "12h",
        "prometheus": "{{workflow.parameters.prometheus}}",
        "reportTo": "{{workflow.parameters.report-to}}",
        "reportUrl": "{{workflow.parameters.report-url}}",
    }
    outputs = [{"name": name, "valueFrom": {"default": ""}} for name in OUTPUTS]
    return _ask(_STAGE, pod, asked, outputs)


def _write_load(pod: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: f"{{{{inputs.parameters.{name}}}}}" for name in ("target", "rate", "duration", "threshold")}
    load = {
        "kind": "load",
        "target": given["target"],
        "plan": {"rate": given["rate"], "duration": given["duration"]},
        "thresholds": [given["threshold"]],
    }
    outputs = [{"name": name, "valueFrom": {"default": ""}} for name in ("verdict", "reason")]
    return _ask(_LOAD, pod, {"opId": "{{node.name}}", "test": load}, outputs)


def _ask(name: str, pod: Mapping[str, Any], body: Mapping[str, Any], outputs: Sequence[Any]) -> dict[str, Any]:
    """Write a template with the inputs of one that starts a pod."""
    inputs = [each for each in pod["inputs"]["parameters"] if each["name"] not in _OF_READING]
    return {
        "name": name,
        "annotations": pod["annotations"],
        "inputs": {"parameters": inputs},
        "outputs": {"parameters": list(outputs)},
        # Argo heeds it while the node is pending; the plugin keeps a deadline of its own.
        "timeout": "24h",
        "plugin": {PLUGIN: body},
    }
