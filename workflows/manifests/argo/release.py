"""Write the WorkflowTemplate by which Argo Workflows 4 releases a canary: every stage a node, every weight a step.

The rules to keep: a stage that says no is not tried again, trouble of the platform is; whatever happens, `onExit` ends
safe; nothing is put into a script, since there is none.
"""

from datetime import timedelta
from typing import Any

from workflows.errors import ConfigurationError
from workflows.manifests import names
from workflows.manifests.argo import stages
from workflows.manifests.argo.pod import API, SECURITY, image_parameter, name_executor, parameter
from workflows.manifests.argo.small import write_approval, write_load_test
from workflows.manifests.argo.stages import MOST_WEIGHTS, Target
from workflows.manifests.document import Document
from workflows.manifests.pipeline import Shape, check_time
from workflows.rollout.ladder import count_judged
from workflows.rollout.plan import RolloutPlan

LONGEST = timedelta(hours=24)
"""How long a release may take in all."""


def write_argo(plan: RolloutPlan, shape: Shape | None = None) -> tuple[Document, ...]:
    """Write the template of one canary, and a Workflow that runs it."""
    check_time(plan, "Argo Workflows", LONGEST)
    shape = shape or Shape()
    name = names.name_pipeline(plan, cluster_wide=shape.cluster_wide)
    target = Target(plan.name, plan.namespace, f"penstock-{plan.name}", plan.strategy, plan.analysis, plan.provider)
    template = write_template(name, target, shape)
    reference = {"name": name, **({"clusterScope": True} if shape.cluster_wide else {})}
    workflow = {
        "apiVersion": API,
        "kind": "Workflow",
        "metadata": {"generateName": f"release-{plan.name}-", "namespace": plan.namespace},
        "spec": {"workflowTemplateRef": reference},
    }
    about = (
        f"Release {plan.key} by Argo Workflows 4: kubectl create -f workflow.yaml after this template is there.\n"
        "Stop it with `argo stop`, which ends safe; after `argo terminate` or a deletion only the watchdog sends the\n"
        "traffic home. Its account: `penstock render rbac --engine argo`."
    )
    return (
        Document("workflow-template.yaml", (template,), about),
        Document("workflow.yaml", (workflow,), "One release: it runs the template to the end."),
    )


def write_template(name: str, target: Target, shape: Shape) -> dict[str, Any]:
    """Write the template of a release, for one namespace or for all; raises ConfigurationError for too many weights."""
    _check_depth(target)
    place = {} if shape.cluster_wide else {"namespace": target.namespace}
    return {
        "apiVersion": API,
        "kind": "ClusterWorkflowTemplate" if shape.cluster_wide else "WorkflowTemplate",
        "metadata": {"name": name, **place, "annotations": {"workflows.argoproj.io/version": ">= v4.0"}},
        "spec": _write_spec(target, shape),
    }


def _check_depth(target: Target) -> None:
    count = count_judged(target.analysis)
    if count > MOST_WEIGHTS:
        raise ConfigurationError(
            f"spec.analysis: {count} weights, of which Argo Workflows can take {MOST_WEIGHTS}, each within the last; "
            "take a larger stepWeight, or `penstock run`, which releases it in one pod"
        )


def _write_spec(target: Target, shape: Shape) -> dict[str, Any]:
    return {
        "entrypoint": "release",
        "onExit": "finish",
        "serviceAccountName": target.account,
        "automountServiceAccountToken": True,
        "activeDeadlineSeconds": int(LONGEST.total_seconds()),
        "arguments": {"parameters": [*target.parameters, *_write_parameters(shape)]},
        "synchronization": {"mutexes": [{"name": f"canary-{target.namespace}-{target.name}"}]},
        "podGC": {"strategy": "OnPodSuccess"},
        "ttlStrategy": {"secondsAfterCompletion": 604800},
        "securityContext": dict(SECURITY),
        "podMetadata": {"labels": {"app.kubernetes.io/name": "penstock", "penstock.dev/canary": target.name}},
        "templates": [
            stages.write_release(target, shape),
            *stages.write_weight_step(target),
            write_approval(),
            stages.write_stage(target, shape),
            write_load_test(name_executor(target.account)),
            stages.write_finish(),
        ],
    }


def _write_parameters(shape: Shape) -> list[dict[str, Any]]:
    return [
        image_parameter(),
        parameter("lease", "how long the release may wait for its next stage", "5m"),
        parameter("prometheus", "where metrics are asked, instead of spec.metricsServer", ""),
        parameter(
            "on-conflict",
            "what to do while another owner holds the release",
            "fail",
            enum=["fail", "wait", "supersede"],
        ),
        parameter(
            "approval",
            "whether somebody must say yes before the promotion",
            "yes" if shape.approval else "no",
            enum=["no", "yes"],
        ),
        parameter("approval-timeout", "how long is waited for a yes", "12h"),
        parameter("load-target", "the URL that gets load while the canary is judged; empty for none", ""),
        parameter("load-rate", "requests a second", "10"),
        parameter("load-duration", "how long each load lasts; less than the lease", "1m"),
        parameter("load-threshold", "what must hold for the load to pass", "http_req_failed: rate<0.05"),
        parameter("report-to", "a penstock serve whose pages show the release; its token: Secret penstock-token", ""),
        parameter("report-url", "where people see the release; told as the output report", ""),
    ]
