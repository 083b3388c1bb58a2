"""The autoscalers of a release: a pair for the primary, which is held at its size until the release has ended."""

import pytest

from tests.cluster.api_server import ApiServer
from tests.cluster.workload_objects import HPA, NAMESPACE, SCALED, Owner, autoscaler, deployment, plan, scaled_object
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import AUTOSCALER, DEPLOYMENT, SCALED_OBJECT
from workflows.errors import ConfigurationError
from workflows.rollout.plan import Autoscaler
from workflows.rollout.traffic import Arm


@pytest.fixture
def owner(cluster: Cluster) -> Owner:
    owner = Owner(cluster, plan(autoscaler=HPA))
    owner.apply(DEPLOYMENT, deployment())
    owner.apply(AUTOSCALER, autoscaler())
    return owner


@pytest.fixture
def scaled(cluster: Cluster) -> Owner:
    owner = Owner(cluster, plan(autoscaler=SCALED))
    owner.apply(DEPLOYMENT, deployment())
    owner.apply(SCALED_OBJECT, scaled_object())
    return owner


def grow(owner: Owner, replicas: int) -> None:
    """Let the primary's autoscaler have found so many pods right."""
    owner.cluster.patch(DEPLOYMENT, NAMESPACE, "ad-primary", {"spec": {"replicas": replicas}})


def test_the_primary_gets_an_autoscaler_of_its_own(owner: Owner) -> None:
    owner.workload.initialise()

    spec = owner.read(AUTOSCALER, "ad-primary")["spec"]
    assert spec["scaleTargetRef"]["name"] == "ad-primary"
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 10)
    assert spec["metrics"] == owner.read(AUTOSCALER, "ad")["spec"]["metrics"]


def test_the_primarys_bounds_may_be_others(owner: Owner) -> None:
    bounds = Autoscaler("HorizontalPodAutoscaler", "ad", min_replicas=3, max_replicas=20)

    Owner(owner.cluster, plan(autoscaler=bounds)).workload.initialise()

    spec = owner.read(AUTOSCALER, "ad-primary")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 20)


def test_the_primary_is_held_at_its_size_until_the_release_has_ended(owner: Owner) -> None:
    owner.workload.initialise()
    grow(owner, 6)

    owner.workload.scale(Arm.CANARY, up=True)
    held = owner.read(AUTOSCALER, "ad-primary")
    owner.workload.scale(Arm.CANARY, up=False)

    assert held["spec"]["minReplicas"] == 6
    assert held["metadata"]["annotations"]["penstock.dev/held-min-replicas"] == "1"
    released = owner.read(AUTOSCALER, "ad-primary")
    assert released["spec"]["minReplicas"] == 1
    assert "penstock.dev/held-min-replicas" not in released["metadata"]["annotations"]


def test_a_hold_that_is_taken_twice_still_knows_the_first_minimum(owner: Owner) -> None:
    owner.workload.initialise()
    for size in (6, 8):
        grow(owner, size)
        owner.workload.scale(Arm.CANARY, up=True)

    owner.workload.scale(Arm.CANARY, up=False)

    assert owner.read(AUTOSCALER, "ad-primary")["spec"]["minReplicas"] == 1


def test_a_hold_goes_no_further_than_the_maximum(owner: Owner) -> None:
    owner.workload.initialise()
    grow(owner, 15)

    owner.workload.scale(Arm.CANARY, up=True)

    assert owner.read(AUTOSCALER, "ad-primary")["spec"]["minReplicas"] == 10


def test_a_promotion_keeps_the_hold_and_the_size_of_the_primary(owner: Owner) -> None:
    owner.workload.initialise()
    grow(owner, 6)
    owner.workload.scale(Arm.CANARY, up=True)
    owner.apply(AUTOSCALER, autoscaler(fewest=2, most=12))

    owner.workload.promote(owner.release("ad:v2"))

    scaler = owner.read(AUTOSCALER, "ad-primary")
    assert owner.read(DEPLOYMENT, "ad-primary")["spec"]["replicas"] == 6
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (6, 12)
    assert scaler["metadata"]["annotations"]["penstock.dev/held-min-replicas"] == "2"


@pytest.mark.parametrize(("fewest", "pods"), [(1, 1), (3, 3)])
def test_a_canary_under_an_autoscaler_starts_with_its_least(owner: Owner, fewest: int, pods: int) -> None:
    owner.apply(AUTOSCALER, autoscaler(fewest=fewest))
    owner.workload.initialise()
    owner.workload.scale(Arm.CANARY, up=False)

    owner.workload.scale(Arm.CANARY, up=True)

    assert owner.read(DEPLOYMENT, "ad")["spec"]["replicas"] == pods


def test_a_missing_autoscaler_is_named_with_the_way_out(owner: Owner) -> None:
    owner.cluster.delete(AUTOSCALER, NAMESPACE, "ad")

    with pytest.raises(ConfigurationError, match=r"HorizontalPodAutoscaler ad in test: not found; apply it, or remove"):
        owner.workload.initialise()


def test_an_autoscaler_of_something_else_is_refused_before_anything_is_written(owner: Owner, api: ApiServer) -> None:
    manifest = autoscaler()
    manifest["spec"]["scaleTargetRef"]["name"] = "shop"
    owner.apply(AUTOSCALER, manifest)
    before = api.writes

    with pytest.raises(ConfigurationError, match="ad in test: scales shop, not the target ad; correct one of the two"):
        owner.workload.initialise()

    assert api.writes == before


def test_autoscalers_deleted_in_mid_release_do_not_keep_the_canary_up(owner: Owner) -> None:
    owner.workload.initialise()
    owner.workload.scale(Arm.CANARY, up=True)
    for name in ("ad", "ad-primary"):
        owner.cluster.delete(AUTOSCALER, NAMESPACE, name)

    owner.workload.scale(Arm.CANARY, up=False)

    assert owner.read(DEPLOYMENT, "ad")["spec"]["replicas"] == 0


def test_an_unknown_autoscaler_is_refused(cluster: Cluster) -> None:
    with pytest.raises(
        ConfigurationError, match="PodScaler is not known; known: HorizontalPodAutoscaler, ScaledObject"
    ):
        Owner(cluster, plan(autoscaler=Autoscaler("PodScaler", "ad")))


def test_a_scaled_object_of_the_primary_asks_for_the_primary(scaled: Owner) -> None:
    scaled.workload.initialise()

    spec = scaled.read(SCALED_OBJECT, "ad-primary")["spec"]
    assert spec["scaleTargetRef"]["name"] == "ad-primary"
    assert spec["triggers"][0]["metadata"]["query"] == 'sum(rate(hits{app="ad-primary"}[1m]))'


def test_a_query_of_the_plan_is_taken_instead(scaled: Owner) -> None:
    queries = Autoscaler("ScaledObject", "ad", queries={"rps": "sum(primary)"})

    Owner(scaled.cluster, plan(autoscaler=queries)).workload.initialise()

    trigger = scaled.read(SCALED_OBJECT, "ad-primary")["spec"]["triggers"][0]
    assert trigger["metadata"]["query"] == "sum(primary)"


def test_a_query_that_names_the_primary_already_names_it_once(scaled: Owner) -> None:
    scaled.apply(SCALED_OBJECT, scaled_object("ad-primary / ad"))

    scaled.workload.initialise()

    trigger = scaled.read(SCALED_OBJECT, "ad-primary")["spec"]["triggers"][0]
    assert trigger["metadata"]["query"] == "ad-primary / ad-primary"


def test_a_trigger_without_a_query_is_the_same_for_both_arms(scaled: Owner) -> None:
    manifest = scaled_object()
    manifest["spec"]["triggers"] = [{"type": "cpu", "metadata": {"value": "60"}}]
    scaled.apply(SCALED_OBJECT, manifest)

    scaled.workload.initialise()

    assert scaled.read(SCALED_OBJECT, "ad-primary")["spec"]["triggers"] == manifest["spec"]["triggers"]


def test_a_named_inner_autoscaler_gets_a_name_of_its_own(scaled: Owner) -> None:
    manifest = scaled_object()
    manifest["spec"]["advanced"] = {"horizontalPodAutoscalerConfig": {"name": "ad-hpa"}}
    scaled.apply(SCALED_OBJECT, manifest)

    scaled.workload.initialise()

    inner = scaled.read(SCALED_OBJECT, "ad-primary")["spec"]["advanced"]["horizontalPodAutoscalerConfig"]
    assert inner["name"] == "ad-hpa-primary"


def test_a_scaled_object_rests_while_the_canary_is_down(scaled: Owner) -> None:
    scaled.workload.initialise()
    annotation = "autoscaling.keda.sh/paused-replicas"

    scaled.workload.scale(Arm.CANARY, up=False)
    paused = scaled.read(SCALED_OBJECT, "ad")["metadata"]["annotations"]
    scaled.workload.scale(Arm.CANARY, up=True)

    assert paused[annotation] == "0"
    assert annotation not in scaled.read(SCALED_OBJECT, "ad")["metadata"]["annotations"]
    assert annotation not in scaled.read(SCALED_OBJECT, "ad-primary")["metadata"].get("annotations", {})


def test_a_scaled_object_holds_the_primary_too(scaled: Owner) -> None:
    scaled.workload.initialise()
    grow(scaled, 5)

    scaled.workload.scale(Arm.CANARY, up=True)
    held = scaled.read(SCALED_OBJECT, "ad-primary")["spec"]["minReplicaCount"]
    scaled.workload.scale(Arm.CANARY, up=False)

    assert (held, scaled.read(SCALED_OBJECT, "ad-primary")["spec"]["minReplicaCount"]) == (5, 1)


def test_a_minimum_that_was_not_written_is_not_written_back(scaled: Owner) -> None:
    manifest = scaled_object()
    del manifest["spec"]["minReplicaCount"]
    scaled.apply(SCALED_OBJECT, manifest)
    scaled.workload.initialise()

    scaled.workload.scale(Arm.CANARY, up=True)
    scaled.workload.scale(Arm.CANARY, up=False)

    assert "minReplicaCount" not in scaled.read(SCALED_OBJECT, "ad-primary")["spec"]
