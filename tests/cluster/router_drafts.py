"""Write objects of routers as data, without a server."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from tests.cluster import routing
from workflows.cluster.kinds import DEPLOYMENT, Manifest
from workflows.cluster.ownership import Claim
from workflows.cluster.targets import describe
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes import manifests
from workflows.routers.kubernetes.dialect import Draft
from workflows.routers.kubernetes.site import Site
from workflows.routers.kubernetes.table import DIALECTS


def draft(site: Site, route: Route | None = None, **more: Any) -> Draft:
    """A draft for a plan whose Deployment is there."""
    target = describe(DEPLOYMENT, routing.deployment(), site.plan)
    return Draft(site, route or Route(), Claim("ad", "uid-1"), **{"target": target, **more})


def write(site: Site, *routes: Route, source: Manifest | None = None, found: Manifest | None = None) -> Manifest:
    """The object that holds the split after some splits, one on the other; cookies are t1, t2, ..."""
    dialect, tokens = DIALECTS[site.plan.provider], _tokens()
    for route in routes:
        said = dialect.write(draft(site, route, source=source, found=found, token=lambda: next(tokens)))
        found = manifests.assemble(dialect.name(site), found, said, Claim("ad"))
    assert found
    return found


def companions(site: Site, found: dict[str, Manifest] | None = None, **more: Any) -> dict[str, Manifest]:
    """The objects that stand before the split, by kind and name."""
    there = found or {}
    listed = DIALECTS[site.plan.provider].companions(draft(site, **more))
    return {f"{each.kind.kind}/{each.name}": each.build(there.get(f"{each.kind.kind}/{each.name}")) for each in listed}


def read(site: Site, manifest: Manifest) -> Route:
    """The split that an object holds."""
    return DIALECTS[site.plan.provider].read(site, manifest)


def _tokens() -> Iterator[str]:
    return (f"t{number}" for number in count(1))
