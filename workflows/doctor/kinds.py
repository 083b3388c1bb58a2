"""Examine which kinds of objects the cluster serves: Canaries, what a canary names, and what its provider routes by."""

from collections.abc import Iterator

from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CANARY, SERVICE, Kind
from workflows.doctor.finding import Finding, failed, ok, warning
from workflows.errors import PenstockError
from workflows.rollout.plan import RolloutPlan
from workflows.routers.kubernetes.table import DEFAULT
from workflows.wiring.rights import Part, list_rights

_FLAGGER = "flagger.app"


def look_at_definitions(cluster: Cluster, plan: RolloutPlan | None) -> Iterator[Finding]:
    """See whether the cluster knows Canaries, and the other kinds of Flagger that this one names."""
    named = [kind for kind in _list_kinds(plan) if kind.group == _FLAGGER] if plan else []
    for kind in dict.fromkeys([CANARY, *named]):
        why = _find_fault(cluster, kind)
        if not why:
            yield ok("crds", f"the cluster serves {kind}")
        elif kind == CANARY:
            # A canary that is released from its file needs no object.
            yield warning("crds", why, "install Flagger's CRDs, or release from a file: penstock run FILE")
        else:
            yield failed("crds", why, "install Flagger's CRDs (artifacts/flagger/crd.yaml)")


def look_at_mesh(cluster: Cluster, plan: RolloutPlan) -> Iterator[Finding]:
    """See whether the cluster serves what the provider of the canary routes by."""
    provider = plan.provider or DEFAULT
    kinds = [kind for kind in _list_kinds(plan) if "." in kind.group and kind.group != _FLAGGER]
    routing = [kind for kind in dict.fromkeys(kinds) if not kind.group.endswith(".k8s.io") or "gateway" in kind.group]
    faults = [why for kind in routing if (why := _find_fault(cluster, kind))]
    if faults:
        mend = f"install {provider} with its CRDs, or name another provider in spec.provider"
        yield failed("mesh", f"{provider}: {'; '.join(faults)}", mend)
    else:
        served = ", ".join(map(str, routing)) or str(SERVICE)
        yield ok("mesh", f"{provider}: the cluster serves {served}")


def _list_kinds(plan: RolloutPlan) -> list[Kind]:
    return [right.kind for right in list_rights(plan, Part.RELEASE)]


def _find_fault(cluster: Cluster, kind: Kind) -> str:
    """Say what keeps a kind from being used, nothing where it is served."""
    try:
        found = cluster.read(f"/apis/{kind.api_version}")
    except PenstockError:
        found = {}
    if any(each.get("name") == kind.plural for each in found.get("resources") or ()):
        return ""
    others = _list_versions(cluster, kind)
    return f"{kind} is not served{f'; the cluster has {others}' if others else ''}"


def _list_versions(cluster: Cluster, kind: Kind) -> str:
    try:
        found = cluster.read(f"/apis/{kind.group}")
    except PenstockError:
        return ""
    return ", ".join(str(each.get("groupVersion")) for each in found.get("versions") or ())
