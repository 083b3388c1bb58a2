"""Commands on a canary of a cluster: stages in and out of order, orders of people, and what goes wrong around them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.cluster import accounts, mesh, releases
from tests.cluster.api_server import ApiServer
from tests.cluster.kubelet import Fate, Kubelet
from tests.cluster.mesh import Mesh
from tests.cluster.releases import Stage
from workflows import canary, wiring
from workflows.cli import main
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CANARY, DEPLOYMENT
from workflows.errors import ConfigurationError
from workflows.routers.kubernetes.istio import VIRTUAL_SERVICE


@pytest.fixture
def bare(api: ApiServer, cluster: Cluster, kubelet: Kubelet, tmp_path: Path) -> Iterator[Stage]:
    with mesh.serving(Mesh(cluster)) as served, kubelet.running():
        yield Stage(cluster, api.kubeconfig(tmp_path), served.url)


@pytest.fixture
def stage(bare: Stage) -> Stage:
    """v1 is the primary, v2 waits to be released."""
    bare.set_up()
    assert bare.run() == 0
    bare.set_image("v2")
    return bare


def climb(stage: Stage) -> None:
    for words in (["start"], ["gate"], ["set-weight", "30"]):
        assert stage.stage(*words) == 0


def order(stage: Stage, *words: str) -> int:
    name, *more = words
    return main([name, "canary/ad", *stage.where(), *more])


def test_a_stage_that_is_called_twice_finds_its_work_done(stage: Stage, api: ApiServer) -> None:
    climb(stage)
    before = [line for line in api.writes if "virtualservices" in line]

    codes = [stage.stage("set-weight", "30"), stage.stage("start")]

    assert codes == [0, 0]
    assert [line for line in api.writes if "virtualservices" in line] == before


def test_a_stage_out_of_order_is_refused_and_moves_nothing(stage: Stage) -> None:
    codes = [stage.stage(*words) for words in (["gate"], ["set-weight", "30"], ["promote"], ["finalise"])]

    assert codes == [78] * 4
    assert mesh.weights(stage.cluster)["ad-primary"] == 100


def test_the_status_is_told_by_the_cluster(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    climb(stage)
    capsys.readouterr()

    stage.stage("status")

    said = json.loads(capsys.readouterr().out)
    assert (said["phase"], said["canary_weight"]) == ("Progressing", 30)
    assert (stage.status()["phase"], stage.status()["canaryWeight"]) == ("Progressing", 30)


def test_another_owner_is_fenced_out(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    climb(stage)

    codes = [stage.stage("gate", "--owner", "another"), stage.run()]

    assert codes == [14, 14]
    assert "held by pipeline" in capsys.readouterr().err


def test_another_owner_supersedes_by_its_own_will(stage: Stage) -> None:
    climb(stage)

    code = stage.stage("acquire", "--owner", "another", "--on-conflict", "supersede")

    assert (code, stage.stage("gate")) == (0, 14)
    assert stage.lease()["spec"]["holderIdentity"] == "another"


def test_an_aborted_pipeline_goes_home_at_its_next_stage(stage: Stage) -> None:
    climb(stage)

    codes = [order(stage, "abort"), stage.stage("gate")]

    assert codes == [0, 10]
    assert mesh.weights(stage.cluster)["ad-primary"] == 100


def test_a_failed_revision_is_retried(stage: Stage) -> None:
    climb(stage)
    assert stage.stage("finish") == 10
    stage.run()
    assert stage.image("ad-primary") == "ad:v1"

    code = order(stage, "retry")

    assert (code, stage.run(), stage.image("ad-primary")) == (0, 0, "ad:v2")


def test_a_run_goes_on_with_what_a_pipeline_left(stage: Stage) -> None:
    climb(stage)
    stage.stage("release")

    assert stage.stage("status") == 0


def test_a_file_says_the_same_as_the_object_in_the_cluster(bare: Stage, tmp_path: Path) -> None:
    bare.set_up()
    bare.cluster.delete(CANARY, "test", "ad")
    file = tmp_path / "canary.yaml"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"key": "hunter2"}}
    file.write_text(yaml.safe_dump_all([secret, releases.canary()]))

    code = main(["run", str(file), "--platform", "kubernetes", *bare.where()[2:], *bare.metrics()])

    assert (code, bare.image("ad-primary")) == (0, "ad:v1")
    kept = bare.record()["data"]["canary.yaml"]
    assert canary.parse(kept, "kept") == canary.load(file)
    assert "hunter2" not in kept


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--canary", "none", "-n", "test"], "canary/none -n test: not found"),
        (["--canary", "ad/ad"], "write canary/NAME"),
        (["--canary", "ad", "--platform", "local"], "has no Canary objects"),
        ([], "name one canary"),
        (["{file}", "--platform", "kubernetes", "-n", "other"], "its namespace is test, not other"),
        (["{file}", "--platform", "kubernetes", "--kubeconfig", "/none"], "no cluster is configured"),
    ],
)
def test_a_canary_that_cannot_be_had_is_named(
    words: list[str], said: str, bare: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "canary.yaml"
    file.write_text(yaml.safe_dump(releases.canary()))
    chosen = [word.format(file=file) for word in words]

    code = main(["run", "--kubeconfig", str(bare.kubeconfig), *chosen])

    assert code == 78
    assert said in capsys.readouterr().err


def test_a_canary_that_people_suspended_is_left_alone(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.cluster.patch(CANARY, "test", "ad", {"spec": {"suspend": True}})

    codes = [stage.run(), stage.stage("start"), stage.stage("status"), stage.stage("finish")]

    assert codes == [78, 78, 0, 0]
    assert "spec.suspend: true" in capsys.readouterr().err


def test_an_adopted_canary_is_released_though_it_is_suspended(stage: Stage) -> None:
    assert order(stage, "adopt") == 0

    assert (stage.run(), stage.image("ad-primary")) == (0, "ad:v2")


def test_a_release_that_is_resumed_for_flagger_is_let_go_where_it_is(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert order(stage, "adopt") == 0
    climb(stage)
    stage.cluster.patch(CANARY, "test", "ad", {"status": {"lastAppliedSpec": "5978589476"}}, "status")
    stage.cluster.patch(CANARY, "test", "ad", {"spec": {"suspend": False}})

    codes = [stage.stage("gate"), stage.stage("finish")]

    assert codes == [14, 14]
    assert "Flagger drives it again" in capsys.readouterr().err
    assert mesh.weights(stage.cluster)["ad"] == 30


def test_a_target_that_is_not_there_is_named(bare: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    bare.cluster.create(CANARY, releases.canary())

    assert bare.run() == 78

    assert "Deployment ad in test" in capsys.readouterr().err


def test_a_mesh_that_is_not_installed_is_named(bare: Stage, api: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    bare.set_up()

    with api.without(VIRTUAL_SERVICE):
        code = bare.run()

    assert code == 78
    assert "VirtualService" in capsys.readouterr().err


def test_rights_that_are_missing_are_named(
    bare: Stage, api: ApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare.set_up()
    reads = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}
    token = accounts.make(bare.cluster, "test", [reads])

    code = replace(bare, kubeconfig=api.kubeconfig(tmp_path, token)).run()

    assert code == 78
    said = capsys.readouterr().err
    assert "forbidden" in said
    assert "docs/rbac.md lists the rights that are needed" in said


def test_a_cluster_that_is_away_in_mid_release_is_waited_for(stage: Stage, api: ApiServer) -> None:
    climb(stage)
    api.refuse("virtualservices", status=410, times=3)

    assert stage.stage("gate") == 0


def test_a_cluster_that_does_not_answer_a_stage_is_named(
    bare: Stage, api: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    api.refuse("canaries", status=410)

    assert bare.run() == 75

    assert "told to say 410" in capsys.readouterr().err


def test_a_target_that_is_deleted_in_mid_release_sends_the_traffic_home(stage: Stage) -> None:
    climb(stage)
    stage.cluster.delete(DEPLOYMENT, "test", "ad")

    code = stage.stage("gate")

    assert code == 10
    assert mesh.weights(stage.cluster)["ad-primary"] == 100


def test_a_canary_that_is_deleted_with_its_primary_leaves_the_traffic_where_it_is_served(stage: Stage) -> None:
    climb(stage)
    stage.cluster.delete(CANARY, "test", "ad")

    code = stage.stage("finish")

    assert code == 10
    assert mesh.weights(stage.cluster)["ad"] == 100


def test_a_primary_that_crashes_while_it_is_promoted_leaves_the_traffic_on_the_canary(
    stage: Stage, kubelet: Kubelet
) -> None:
    stage.cluster.patch(CANARY, "test", "ad", {"spec": {"progressDeadlineSeconds": 1}})
    for words in (["start"], ["gate"], ["set-weight", "60"]):
        assert stage.stage(*words) == 0
    kubelet.give("ad-primary", Fate.CRASHED)

    code = stage.stage("promote")

    assert code == 13
    assert mesh.weights(stage.cluster)["ad"] == 100


def test_a_primary_that_never_gets_ready_is_what_a_run_says(
    bare: Stage, kubelet: Kubelet, capsys: pytest.CaptureFixture[str]
) -> None:
    kubelet.give("ad-primary", Fate.STUCK)
    bare.set_up(progressDeadlineSeconds=1)

    code = bare.run()

    assert code == 13
    assert "ad.test: nothing was released, ad-primary.test not ready: " in capsys.readouterr().out


def test_a_cluster_is_not_wired_without_a_connection() -> None:
    plan = canary.parse(json.dumps(releases.canary()), "canary/ad")

    with pytest.raises(ConfigurationError, match="needs a connection"):
        wiring.build("kubernetes", plan, wiring.Wishes())


def test_a_pipeline_that_gives_a_release_up_under_way_keeps_its_lease(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    climb(stage)

    stage.stage("release")

    assert stage.lease()["spec"]["holderIdentity"] == "pipeline"
    assert "when its lease runs out, the watchdog ends it" in capsys.readouterr().err


def test_a_hook_after_the_end_leaves_no_lease_behind(stage: Stage) -> None:
    assert stage.stage("hook", "post-rollout") == 0

    assert not stage.lease()["spec"].get("holderIdentity")


def test_an_owner_without_a_name_is_refused(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert stage.stage("gate", "--owner", "") == 78

    assert "--owner: empty" in capsys.readouterr().err
