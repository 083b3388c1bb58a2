"""Examine what the account that asks may do, by the table of rights from which roles are written."""

from collections.abc import Iterator

from workflows.cluster.client import Cluster
from workflows.doctor.finding import Finding, failed, ok, warning
from workflows.rollout.plan import RolloutPlan
from workflows.wiring.rights import Part, Right, list_rights

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_LOOKED_AT = (Part.RELEASE, Part.WAIT, Part.ORDER)


def look_at_rights(cluster: Cluster, plan: RolloutPlan) -> Iterator[Finding]:
    """Ask the cluster whether this account may do what releases, waiting and orders need."""
    known: dict[tuple[str, str, str], bool] = {}
    for part in _LOOKED_AT:
        lacking = list(_list_lacking(cluster, plan, part, known))
        commands = part.summary.replace("`", "")
        if not lacking:
            yield ok("rights", f"{commands}: all rights are there")
        else:
            give = failed if part is Part.RELEASE else warning
            mend = "penstock render rbac --canary FILE | kubectl apply -f -, and act as that account; see docs/rbac.md"
            yield give("rights", f"{commands}: may not {', '.join(lacking)} in {plan.namespace}", mend)


def _list_lacking(
    cluster: Cluster, plan: RolloutPlan, part: Part, known: dict[tuple[str, str, str], bool]
) -> Iterator[str]:
    for right in list_rights(plan, part):
        for verb in right.verbs:
            key = (right.kind.group, right.resource, verb)
            if key not in known:
                known[key] = _ask(cluster, plan.namespace, right, verb)
            if not known[key]:
                yield f"{verb} {right.resource}{f'.{right.kind.group}' if right.kind.group else ''}"


def _ask(cluster: Cluster, namespace: str, right: Right, verb: str) -> bool:
    wanted = {
        "namespace": namespace,
        "verb": verb,
        "group": right.kind.group,
        "resource": right.kind.plural,
        "subresource": right.subresource,
    }
    question = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": wanted},
    }
    return bool((cluster.post(_REVIEWS, question).get("status") or {}).get("allowed"))
