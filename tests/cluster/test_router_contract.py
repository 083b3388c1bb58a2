"""What every router on Kubernetes does with a split, whatever its mesh."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import routing
from tests.cluster.api_server import ApiServer
from tests.cluster.routing import MATCHING, MIRRORING, SPLITTING, STICKING, Scene
from workflows.cluster.client import Cluster
from workflows.cluster.connection import connect
from workflows.cluster.kinds import DEPLOYMENT, SERVICE
from workflows.errors import ConfigurationError, ConflictError, FencedError
from workflows.manifests import gitops
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes.site import Site
from workflows.routers.kubernetes.table import DIALECTS


@pytest.fixture(params=SPLITTING)
def scene(request: pytest.FixtureRequest, cluster: Cluster) -> Scene:
    return routing.set_up(cluster, request.param)


@pytest.fixture
def set_up(cluster: Cluster) -> Callable[..., Scene]:
    return lambda *args, **wishes: routing.set_up(cluster, *args, **wishes)


@pytest.fixture
def small_scene(small_api: ApiServer, tmp_path: Path) -> Callable[[str], Scene]:
    """Scenes on a server that takes what a mesh's own definition would refuse."""
    return lambda provider: routing.set_up(connect(small_api.kubeconfig(tmp_path)), provider)


def test_a_router_begins_at_home_with_nothing_there(scene: Scene) -> None:
    assert scene.router().read() == Route()


def test_every_share_is_read_back(scene: Scene) -> None:
    router = scene.router()
    for percent in (0, 1, 20, 99, 100, 0):
        router.shift(Route(percent))

        assert scene.router().read() == Route(percent)


def test_a_split_put_in_force_twice_is_written_once(scene: Scene, api: ApiServer) -> None:
    scene.router().shift(Route(40))
    written = len(api.writes)

    scene.router().shift(Route(40))

    assert [line for line in api.writes[written:] if not line.endswith("/status")] == []


def test_both_arms_have_their_service_before_any_traffic_is_sent_there(scene: Scene, api: ApiServer) -> None:
    scene.router().shift(Route())

    created = [line for line in api.writes if line.startswith("POST")][2 if scene.plan.references else 1 :]
    made = [service["metadata"]["name"] for service in scene.cluster.list(SERVICE, routing.NAMESPACE)]
    assert sorted(made) == ["ad", "ad-canary", "ad-primary"]
    assert [line.rpartition("/")[2] for line in created[:3]] == ["services"] * 3
    assert scene.dialect.kind.plural in created[-1]


def test_shares_that_somebody_set_meanwhile_are_not_overwritten(scene: Scene) -> None:
    ours, theirs = scene.router(), scene.router()
    ours.shift(Route(20))
    ours.read()
    theirs.shift(Route(5))

    with pytest.raises(ConflictError, match="somebody set canary weight 5 where 20 was read"):
        ours.shift(Route(40))

    assert ours.read() == Route(5)
    ours.shift(Route(0))
    assert theirs.read() == Route(0)


def test_a_change_that_leaves_the_split_alone_stops_nobody(scene: Scene) -> None:
    router = scene.router()
    router.shift(Route(20))
    router.read()
    note = {"metadata": {"annotations": {"team": "weather"}}}
    scene.cluster.patch(scene.dialect.kind, scene.namespace, scene.name, note)

    router.shift(Route(40))

    split = scene.split()
    assert split
    assert split["metadata"]["annotations"]["team"] == "weather"
    assert router.read() == Route(40)


def test_a_write_that_comes_in_between_is_looked_at_again(scene: Scene, api: ApiServer) -> None:
    router = scene.router()
    router.shift(Route(20))
    note = {"metadata": {"annotations": {"team": "weather"}}}
    patch = scene.cluster.patch
    api.meanwhile(f"PUT {_path(scene)}", lambda: patch(scene.dialect.kind, scene.namespace, scene.name, note))

    router.shift(Route(40))

    assert scene.router().read() == Route(40)


def _path(scene: Scene) -> str:
    return scene.dialect.kind.path(scene.namespace, scene.name)


def test_who_makes_the_object_second_looks_what_the_first_one_made_it_say(scene: Scene) -> None:
    ours = scene.router()
    ours.read()
    scene.router().shift(Route(5))

    with pytest.raises(ConflictError, match="somebody set canary weight 5 where 0 was read"):
        ours.shift(Route(40))


def test_who_never_gets_a_word_in_gives_up(set_up: Callable[..., Scene], api: ApiServer) -> None:
    scene = set_up("istio")
    router, words = scene.router(), count()
    router.shift(Route(20))

    def write() -> None:
        note = {"metadata": {"annotations": {"word": str(next(words))}}}
        scene.cluster.patch(scene.dialect.kind, scene.namespace, scene.name, note)

    api.meanwhile(f"PUT {_path(scene)}", write, times=9)

    with pytest.raises(ConflictError, match="VirtualService ad in test: others write it faster than we can"):
        router.shift(Route(40))


def test_an_object_deleted_in_mid_release_reads_as_home_and_is_made_again(scene: Scene) -> None:
    scene.router().shift(Route(20))
    scene.cluster.delete(scene.dialect.kind, scene.namespace, scene.name)
    router = scene.router()

    assert router.read() == Route()
    router.shift(Route())

    assert scene.split()


@pytest.mark.parametrize(
    ("provider", "spec"),
    [
        ("istio", {"hosts": ["ad"], "http": [{"route": [{"weight": 1}]}]}),
        ("traefik", {"weighted": {"services": [{"name": "ad-canary", "weight": "many"}]}}),
        ("gloo", {"routes": ["many"]}),
    ],
)
def test_an_object_that_says_nothing_sensible_keeps_nobody_from_going_home(
    small_scene: Callable[[str], Scene], provider: str, spec: dict[str, Any]
) -> None:
    scene = small_scene(provider)
    scene.router().shift(Route(20))
    split = scene.split()
    assert split
    scene.cluster.replace(scene.dialect.kind, {**split, "spec": spec})
    router = scene.router()

    assert router.read() == Route()
    router.shift(Route(20))

    assert scene.router().read() == Route(20)


def test_who_lost_the_release_moves_nothing(scene: Scene) -> None:
    scene.router(fence=7).shift(Route(20))

    with pytest.raises(FencedError, match="fence 7, ours is 6"):
        scene.router(fence=6).shift(Route(40))

    assert scene.router(fence=7).read() == Route(20)


def test_traffic_goes_home_though_the_target_was_deleted(scene: Scene) -> None:
    scene.router().shift(Route(20))
    scene.cluster.delete(DEPLOYMENT, routing.NAMESPACE, "ad")

    scene.router().shift(Route())

    assert scene.router().read() == Route()
    with pytest.raises(ConfigurationError, match="Deployment ad in test: not found"):
        scene.router().shift(Route(20))


def test_traffic_goes_home_though_the_services_cannot_be_looked_after(
    set_up: Callable[..., Scene], api: ApiServer
) -> None:
    router = set_up("istio").router()
    router.shift(Route(20))
    api.refuse("GET /api/v1/namespaces/test/services", status=403)

    with pytest.raises(ConfigurationError, match="told to say 403"):
        router.shift(Route())

    assert router.read() == Route()


def test_no_traffic_is_sent_to_an_arm_whose_service_cannot_be_made(
    set_up: Callable[..., Scene], api: ApiServer
) -> None:
    scene = set_up("istio")
    own = {"metadata": {"name": "ad", "namespace": routing.NAMESPACE}, "spec": {"hosts": ["ad"]}}
    kind = scene.dialect.kind
    scene.cluster.create(kind, {"apiVersion": kind.api_version, "kind": kind.kind, **own})
    api.refuse("POST /api/v1/namespaces/test/services", status=403)

    with pytest.raises(ConfigurationError, match="told to say 403"):
        scene.router().shift(Route())

    assert (scene.split() or {})["spec"] == {"hosts": ["ad"]}


def test_without_its_kind_the_cluster_is_told_to_be_mended(scene: Scene, api: ApiServer) -> None:
    kind = scene.dialect.kind

    with api.without(kind), pytest.raises(ConfigurationError, match=f"does not serve {kind.kind}"):
        scene.router().read()


def test_flux_is_kept_from_setting_ours_back(scene: Scene) -> None:
    scene.router().shift(Route())

    split = scene.split()
    assert split
    assert split["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/reconcile"] == "disabled"


@pytest.mark.parametrize("provider", ["apisix", "nginx", "skipper"])
def test_traffic_goes_home_though_the_object_we_copied_was_deleted(set_up: Callable[..., Scene], provider: str) -> None:
    scene = set_up(provider)
    scene.router().shift(Route(20))
    kind, manifest = routing.OWNED_BY_USERS[provider]
    scene.cluster.delete(kind, routing.NAMESPACE, manifest["metadata"]["name"])

    scene.router().shift(Route())

    assert scene.router().read() == Route()
    with pytest.raises(ConfigurationError, match=rf"{kind.kind} ad in test: not found; .* correct spec\."):
        scene.router().shift(Route(20))


@pytest.mark.parametrize("provider", MATCHING)
def test_an_a_b_test_is_read_back_and_ends_at_home(set_up: Callable[..., Scene], provider: str) -> None:
    router = set_up(provider, routing.MATCH).router()
    for route in (Route(), Route(100, matched=True), Route(100), Route(100, matched=True), Route()):
        router.shift(route)

        assert router.read() == route


@pytest.mark.parametrize("provider", MIRRORING)
def test_copies_are_read_back(set_up: Callable[..., Scene], provider: str) -> None:
    router = set_up(provider, routing.MIRROR).router()
    for route in (Route(), Route(mirrored=True), Route(20), Route()):
        router.shift(route)

        assert router.read() == route


@pytest.mark.parametrize("provider", STICKING)
def test_sticky_users_are_read_back(set_up: Callable[..., Scene], provider: str) -> None:
    router = set_up(provider, routing.STICKY).router()
    for route in (Route(), Route(20, sticky=True), Route(40, sticky=True), Route(100), Route(), Route(20, sticky=True)):
        router.shift(route)

        assert router.read() == route


@pytest.mark.parametrize(
    ("able", "wish", "place"),
    [
        (MATCHING, routing.MATCH, "match"),
        (MIRRORING, routing.MIRROR, "mirror"),
        (STICKING, routing.STICKY, "sessionAff"),
    ],
)
def test_a_wish_beyond_a_provider_is_refused_before_anything_moves(
    set_up: Callable[..., Scene], able: list[str], wish: dict[str, Any], place: str
) -> None:
    scene = set_up("istio")
    for provider in sorted(set(SPLITTING) - set(able)):
        scene.plan = routing.plan(provider, wish)

        with pytest.raises(
            ConfigurationError, match=rf"provider {provider}: spec\.analysis\.{place}.*remove it, or use"
        ):
            scene.router()


@pytest.mark.parametrize("route", [Route(100, matched=True), Route(mirrored=True), Route(20, sticky=True)])
def test_a_split_beyond_a_router_is_refused(set_up: Callable[..., Scene], route: Route) -> None:
    with pytest.raises(ConfigurationError, match=r"ad\.test: .* is beyond TraefikService"):
        set_up("traefik").router().shift(route)


@pytest.mark.parametrize(
    ("provider", "field"), [("apisix", "routeRef"), ("nginx", "ingressRef"), ("skipper", "ingressRef")]
)
def test_a_provider_without_its_reference_is_refused(set_up: Callable[..., Scene], provider: str, field: str) -> None:
    scene = set_up("istio")
    scene.plan = routing.plan(provider, **{field: None})

    with pytest.raises(ConfigurationError, match=rf"provider {provider}: spec\.{field}: is missing"):
        scene.router()


@pytest.mark.parametrize("provider", ["appmesh", "appmesh:v1beta2", "osm", "smi:v1alpha1", "smi:v1alpha3"])
def test_a_provider_that_is_no_more_names_its_successor(set_up: Callable[..., Scene], provider: str) -> None:
    scene = set_up("istio")
    scene.plan = routing.plan(provider)

    with pytest.raises(ConfigurationError, match=rf"spec\.provider: {provider}: .* move to .*gatewayapi:v1"):
        scene.router()


def test_an_unknown_provider_is_refused(set_up: Callable[..., Scene]) -> None:
    scene = set_up("istio")
    scene.plan = replace(scene.plan, provider="istoi")

    with pytest.raises(
        ConfigurationError, match=r"ad\.test: spec\.provider: istoi: unknown; known: apisix, contour, gat"
    ):
        scene.router()


def test_a_plan_without_a_provider_is_served_by_istio(set_up: Callable[..., Scene]) -> None:
    scene = set_up("istio")
    scene.plan = replace(scene.plan, provider="")

    scene.router().shift(Route(20))

    assert scene.cluster.get(DIALECTS["istio"].kind, routing.NAMESPACE, "ad")


@pytest.mark.parametrize("provider", SPLITTING)
def test_what_must_be_left_alone_by_others_is_the_object_of_the_split(provider: str) -> None:
    plan = routing.plan(provider)
    dialect = DIALECTS[provider]
    ours = (dialect.kind.api_version, dialect.kind.kind, dialect.name(Site(plan)))

    left_alone = {(each.api_version, each.kind, each.name) for each in gitops.moving(plan)}

    # A copy of the user's object never stood in git.
    assert (ours in left_alone) is (not plan.references)


def test_every_provider_of_the_table_is_tested() -> None:
    assert {*SPLITTING, "knative", "kubernetes"} == DIALECTS.keys()
