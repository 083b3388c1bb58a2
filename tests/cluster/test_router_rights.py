"""Every router works with just the rights that its role gives; Kuma's routes belong to no namespace, and to no role."""

from collections.abc import Callable

import pytest

from tests.cluster import routing
from tests.cluster.resources import Manifest
from workflows.cluster.client import Cluster
from workflows.rollout.traffic import Route
from workflows.wiring.rights import Part, list_rights, write_rules

IN_A_NAMESPACE = [name for name in routing.SPLITTING if name != "kuma"]


@pytest.mark.parametrize("provider", [*IN_A_NAMESPACE, "kubernetes"])
def test_a_router_needs_no_more_than_its_role(
    cluster: Cluster, account: Callable[[list[Manifest]], Cluster], provider: str
) -> None:
    scene = routing.set_up(cluster, provider)
    limited = account(write_rules(list_rights(scene.plan, Part.RELEASE)))
    for percent in (0, 100, 0):
        scene.router(limited).shift(Route(percent))

        assert scene.router(limited).read() == Route(percent)
