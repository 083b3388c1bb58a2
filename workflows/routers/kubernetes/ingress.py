"""Copy the user's Ingress for a canary, as the controllers of nginx and Skipper want it.

The copy leads to the arms' services where the original leads to the apex; the numbers stand in its annotations.
"""

import copy
from collections.abc import Callable
from typing import Any

from workflows.cluster.kinds import Kind, Manifest
from workflows.errors import ConfigurationError
from workflows.routers.kubernetes.dialect import Draft, Source
from workflows.routers.kubernetes.site import Site

INGRESS = Kind("networking.k8s.io/v1", "Ingress", "ingresses")
SOURCE = Source(INGRESS, "ingressRef")


def name_of(site: Site) -> str:
    """Name the copy."""
    return f"{site.plan.references[SOURCE.field].name}-canary"


def spec_of(draft: Draft, *, arms: Callable[[Site], list[str]]) -> Manifest:
    """Give the original's spec with the arms' services in the place of the apex, each arm by a path of its own."""
    if draft.source is None:
        # The user's Ingress is gone and the traffic goes home: ours stays as it is but for the weights.
        spec: Manifest = (draft.found or {})["spec"]
        return spec
    spec = copy.deepcopy(draft.source["spec"])
    led = [_lead(rule, draft.site, arms(draft.site)) for rule in spec.get("rules") or []]
    if not any(led):
        name = f"{draft.site.plan.key}: Ingress {draft.source['metadata']['name']} in {draft.site.namespace}"
        raise ConfigurationError(f"{name}: no path leads to service {draft.site.apex}; add one, or correct ingressRef")
    return spec


def _lead(rule: Manifest, site: Site, arms: list[str]) -> bool:
    paths: list[Manifest] = (rule.get("http") or {}).get("paths") or []
    ours = [path for path in paths if _service_of(path) == site.apex]
    for path in ours:
        path["backend"]["service"]["name"] = arms[0]
    for arm in arms[1:]:
        paths.extend(_towards(path, arm) for path in ours)
    return bool(ours)


def _towards(path: Manifest, arm: str) -> Manifest:
    other = copy.deepcopy(path)
    other["backend"]["service"]["name"] = arm
    return other


def _service_of(path: Manifest) -> Any:
    return ((path.get("backend") or {}).get("service") or {}).get("name")
