"""Answer `penstock render argo-plugin`: the manifests, and the accounts with just the rights that the code asks for."""

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from workflows.manifests import pipeline
from workflows.manifests.argo_plugin import ACCOUNT, write_argo_plugin
from workflows.manifests.document import Document
from workflows.manifests.pipeline import Need, Shape
from workflows.rollout.plan import RolloutPlan
from workflows.wiring.accounts import write_executor, write_roles

_NEEDS = (Need((4, 0, 0), "is no longer maintained, and treats the outputs of skipped steps otherwise"),)
_AGENT_RULES = (
    {"apiGroups": ["argoproj.io"], "resources": ["workflowtasksets"], "verbs": ["list", "watch"]},
    {"apiGroups": ["argoproj.io"], "resources": ["workflowtasksets/status"], "verbs": ["patch"]},
)
"""What Argo's own agent does in the name of a workflow's account."""

_GROUP = "rbac.authorization.k8s.io"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this kind."""
    pipeline.add_options(parser)
    parser.add_argument(
        "--image", default=pipeline.IMAGE, metavar="IMAGE", help=f"the image of the plugin ({pipeline.IMAGE})"
    )


def render(plan: RolloutPlan, arguments: argparse.Namespace) -> tuple[Document, ...]:
    """Write the plugin, the template of one canary, its Workflows, and the accounts of both."""
    pipeline.refuse_older("Argo Workflows", arguments.engine_version, _NEEDS)
    parts = pipeline.read_parts(arguments.stages, approval=arguments.approval)
    shape = Shape(parts=parts, approval=arguments.approval)
    return (*write_argo_plugin(plan, shape, arguments.image), _write_accounts(plan))


def _write_accounts(plan: RolloutPlan) -> Document:
    note = (
        "The account of the workflow, under which Argo's agent and the pod at the end run, that of pods which can do\n"
        "nothing but Argo's part, and that of the plugin's container, which runs the stages; Argo takes the tokens of\n"
        "the first and the last from Secrets."
    )
    roles = [each for document in write_roles(plan) for each in document.objects]
    argo = (*write_executor(plan), *_write_agent(plan))
    return Document("plugin-rbac.yaml", [*roles, *argo, *_write_plugin(plan, roles)], note)


def _write_agent(plan: RolloutPlan) -> Iterator[Mapping[str, Any]]:
    account = f"penstock-{plan.name}"
    metadata = {"name": f"{account}-argo", "namespace": plan.namespace}
    yield {"apiVersion": f"{_GROUP}/v1", "kind": "Role", "metadata": metadata, "rules": list(_AGENT_RULES)}
    yield {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _GROUP, "kind": "Role", "name": metadata["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": plan.namespace}],
    }
    yield _write_token(account, plan.namespace)


def _write_plugin(plan: RolloutPlan, roles: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": plan.namespace}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": plan.namespace}}
    yield _write_token(ACCOUNT, plan.namespace)
    for each in roles:
        if each["kind"].endswith("Binding"):
            metadata = {**each["metadata"], "name": f"{each['metadata']['name']}-plugin"}
            yield {**each, "metadata": metadata, "subjects": [subject]}


def _write_token(account: str, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"{account}.service-account-token",
            "namespace": namespace,
            "annotations": {"kubernetes.io/service-account.name": account},
        },
        "type": "kubernetes.io/service-account-token",
    }
