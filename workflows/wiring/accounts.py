"""Write the accounts of releases, with the rights of the table and no others."""

import argparse
from collections.abc import Iterable, Iterator
from typing import Any

from workflows.manifests.argo.pod import name_executor
from workflows.manifests.document import Document
from workflows.rollout.plan import RolloutPlan
from workflows.wiring.rights import CLUSTER_WIDE, Part, Right, list_rights, write_rules

_GROUP = "rbac.authorization.k8s.io"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `penstock render rbac`."""
    parser.add_argument(
        "--engine", choices=["argo"], help="add what the engine's own part of each pod needs; Tekton needs nothing"
    )


def render(plan: RolloutPlan, arguments: argparse.Namespace) -> tuple[Document, ...]:
    """Write the account of a release, and what the engine's own part of its pods needs."""
    (document,) = write_roles(plan)
    if arguments.engine is None:
        return (document,)
    note = f"{document.note}\nThe executor's account is that of the pods which make load: it can do nothing else."
    return (Document(document.name, (*document.objects, *write_executor(plan)), note),)


def write_executor(plan: RolloutPlan) -> Iterator[dict[str, Any]]:
    """Write what Argo's executor may do, for the pods of a release and for an account that has no other rights."""
    account = {"name": f"penstock-{plan.name}", "namespace": plan.namespace}
    metadata = {**account, "name": name_executor(account["name"])}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    role, binding = _write_role("Role", metadata, metadata, list_rights(plan, Part.EXECUTOR))
    yield role
    yield {**binding, "subjects": [{"kind": "ServiceAccount", **each} for each in (account, metadata)]}


def write_roles(plan: RolloutPlan) -> tuple[Document, ...]:
    """Write an account that may release one canary, with its roles; one is of the whole cluster where Kuma routes."""
    metadata = {"name": f"penstock-{plan.name}", "namespace": plan.namespace}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    rights = list_rights(plan, Part.RELEASE)
    roles = _write_role("Role", metadata, metadata, [right for right in rights if right.kind not in CLUSTER_WIDE])
    wide = [right for right in rights if right.kind in CLUSTER_WIDE]
    if wide:
        roles += _write_role("ClusterRole", {"name": f"penstock-{plan.namespace}-{plan.name}"}, metadata, wide)
    note = "The account of the pods that release this canary, with the rights that a release needs and no others."
    return (Document("rbac.yaml", (account, *roles), note),)


def _write_role(
    kind: str, metadata: dict[str, str], account: dict[str, str], rights: Iterable[Right]
) -> list[dict[str, Any]]:
    role = {"apiVersion": f"{_GROUP}/v1", "kind": kind, "metadata": metadata, "rules": write_rules(rights)}
    binding = {
        "apiVersion": f"{_GROUP}/v1",
        "kind": f"{kind}Binding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": metadata["name"]},
        "subjects": [{"kind": "ServiceAccount", **account}],
    }
    return [role, binding]
