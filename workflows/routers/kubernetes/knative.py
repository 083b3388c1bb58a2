"""Split traffic by Knative: between two revisions, in the user's own Service, which is the target itself.

The newest revision is the canary; which one is the primary stands in an annotation (Flagger's).
"""

from collections.abc import Iterable

from workflows.cluster.kinds import KNATIVE_SERVICE, Manifest
from workflows.cluster.targets import PRIMARY_REVISION
from workflows.errors import ConfigurationError
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes.dialect import Companion, Dialect, Draft
from workflows.routers.kubernetes.layout import to_percent
from workflows.routers.kubernetes.site import Site


def _write(draft: Draft) -> Manifest:
    if draft.found is None:
        raise ConfigurationError(
            f"{draft.site.plan.key}: Service {_name(draft.site)} of Knative: not found; apply it first"
        )
    route, primary = draft.route, _primary_of(draft.found)
    if not primary:
        raise ConfigurationError(f"{draft.site.plan.key}: Service {_name(draft.site)} of Knative has no revision yet")
    traffic = [
        {"latestRevision": True, "percent": route.canary_percent},
        {"revisionName": primary, "latestRevision": False, "percent": route.primary_percent},
    ]
    return {
        "metadata": {"annotations": {PRIMARY_REVISION: primary}},
        "spec": {**draft.found["spec"], "traffic": traffic},
    }


def _primary_of(manifest: Manifest) -> str:
    annotations = manifest["metadata"].get("annotations") or {}
    return str(
        annotations.get(PRIMARY_REVISION) or (manifest.get("status") or {}).get("latestCreatedRevisionName") or ""
    )


def _read(_: Site, manifest: Manifest) -> Route:
    if PRIMARY_REVISION not in (manifest["metadata"].get("annotations") or {}):
        return Route()
    shares = {True: 0, False: 0}
    for target in manifest["spec"].get("traffic") or [{"latestRevision": True, "percent": 100}]:
        # A target without a revision is the newest one (Knative's own default).
        shares["revisionName" not in target] += target.get("percent") or 0
    return Route(to_percent(shares[False], shares[True]))


def _pending(manifest: Manifest) -> str:
    """Say why Knative has not taken the newest spec yet."""
    status = manifest.get("status") or {}
    if status.get("observedGeneration", 0) < manifest["metadata"].get("generation", 0):
        return "Knative has not taken the split; is its controller running?"
    conditions = {condition["type"]: condition for condition in status.get("conditions") or []}
    routes = conditions.get("RoutesReady", {})
    return "" if routes.get("status") == "True" else f"its routes are not ready ({routes.get('message', 'no reason')})"


def _name(site: Site) -> str:
    return site.plan.target.name


def _no_companions(_: Draft) -> Iterable[Companion]:
    return ()


DIALECT = Dialect(KNATIVE_SERVICE, _write, _read, _no_companions, name=_name, pending=_pending, is_target=True)
