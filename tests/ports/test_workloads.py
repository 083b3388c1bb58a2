"""What every Workload does with two versions, and what the local platform's files say when something is amiss."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cluster import workload_objects
from tests.cluster.kubelet import Kubelet
from tests.local_traffic import deployment, eventually
from workflows.clocks import MemoryClock, SystemClock
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import DEPLOYMENT
from workflows.errors import ConfigurationError, TemporaryError, UnavailableError
from workflows.local.platform import LocalPlatform
from workflows.ports import Workload
from workflows.rollout.traffic import Arm, Readiness
from workflows.workloads import deployment as deployments
from workflows.workloads import process_folder
from workflows.workloads.memory import MemoryWorkload
from workflows.workloads.process_folder import ArmSighting, Replica, Sighting
from workflows.workloads.processes import ProcessWorkload


class Owner:
    """Whoever releases a new revision, on any platform."""

    def __init__(self, workload: Workload, release: Callable[[], object], settle: Callable[[], object]) -> None:
        self.workload = workload
        self.settle = settle
        self._release = release

    def release(self) -> str:
        self._release()
        return self.workload.revision()

    def start(self) -> None:
        self.workload.initialise()
        self.await_ready(Arm.PRIMARY)
        self.workload.initialise()
        self.workload.scale(Arm.CANARY, up=False)
        self.settle()

    def await_ready(self, arm: Arm) -> None:
        self.settle()
        eventually(lambda: self.workload.readiness(arm).ready)

    def await_idle(self, arm: Arm) -> None:
        self.settle()
        eventually(lambda: not self.workload.readiness(arm).serving)


def on_paper() -> Owner:
    workload = MemoryWorkload(MemoryClock(), "v1")
    return Owner(workload, lambda: workload.deploy("v2"), lambda: None)


def in_processes(platform: LocalPlatform) -> Owner:
    workload = ProcessWorkload(platform.directory, SystemClock())
    return Owner(workload, lambda: platform.apply(deployment("v2")), lambda: None)


def in_a_cluster(cluster: Cluster, kubelet: Kubelet) -> Owner:
    site = workload_objects.Owner(cluster)
    site.apply(DEPLOYMENT, workload_objects.deployment())
    return Owner(site.workload, lambda: site.release("ad:v2"), kubelet.settle)


@pytest.fixture(params=["memory", "processes", "kubernetes"])
def owner(request: pytest.FixtureRequest) -> Owner:
    match request.param:
        case "processes":
            return in_processes(request.getfixturevalue("platform"))
        case "kubernetes":
            return in_a_cluster(request.getfixturevalue("cluster"), request.getfixturevalue("kubelet"))
        case _:
            return on_paper()


def test_a_release_goes_from_the_target_over_the_canary_to_the_primary(owner: Owner) -> None:
    owner.start()
    first = owner.workload.revision()
    assert owner.workload.readiness(Arm.CANARY) == Readiness(ready=False, endpoints=0, reason="scaled to zero")

    second = owner.release()
    owner.workload.scale(Arm.CANARY, up=True)
    owner.await_ready(Arm.CANARY)
    owner.workload.promote(second)
    owner.await_ready(Arm.PRIMARY)
    owner.workload.scale(Arm.CANARY, up=False)

    assert first != second
    owner.await_idle(Arm.CANARY)
    assert owner.workload.readiness(Arm.PRIMARY).serving


def test_what_is_done_twice_is_done_once(owner: Owner) -> None:
    owner.start()
    revision = owner.release()
    for _ in range(2):
        owner.workload.scale(Arm.CANARY, up=True)
        owner.workload.promote(revision)

    owner.await_ready(Arm.PRIMARY)
    owner.await_ready(Arm.CANARY)
    assert owner.workload.readiness(Arm.PRIMARY).endpoints == owner.workload.readiness(Arm.CANARY).endpoints


def test_a_revision_that_is_no_longer_the_target_is_not_promoted(owner: Owner) -> None:
    owner.start()
    first = owner.workload.revision()
    owner.release()

    with pytest.raises(TemporaryError, match="a newer release has begun"):
        owner.workload.promote(first)


def test_a_primary_can_be_scaled_to_zero_and_back(owner: Owner) -> None:
    owner.start()

    owner.workload.scale(Arm.PRIMARY, up=False)
    owner.await_idle(Arm.PRIMARY)
    owner.workload.scale(Arm.PRIMARY, up=True)

    owner.await_ready(Arm.PRIMARY)


def test_a_stalled_arm_in_memory_counts_the_time_until_it_recovers() -> None:
    clock = MemoryClock()
    workload = MemoryWorkload(clock)
    workload.stall(Arm.CANARY, "0 of 1")
    clock.sleep(timedelta(seconds=7))

    stalled = workload.readiness(Arm.CANARY)
    workload.recover(Arm.CANARY)

    assert (stalled.ready, stalled.reason, stalled.unready_for) == (False, "0 of 1", timedelta(seconds=7))
    assert workload.readiness(Arm.CANARY).ready


def test_an_unready_primary_in_memory_keeps_the_target_up() -> None:
    workload = MemoryWorkload(MemoryClock())
    workload.stall(Arm.PRIMARY)

    workload.initialise()

    assert workload.readiness(Arm.CANARY).ready


def seen(directory: Path, clock: MemoryClock, *replicas: Replica, unready_for_s: float = 0.0, reason: str = "") -> None:
    arm = ArmSighting(replicas, unready_for_s, reason)
    (directory / "workload").mkdir(exist_ok=True)
    process_folder.write_sighting(directory, Sighting(1, clock.now(), arm, arm))


def replica(revision: str, *, serving: bool = True) -> Replica:
    return Replica(pid=1, port=1, revision=revision, serving=serving)


@pytest.fixture
def revision(tmp_path: Path) -> str:
    """The revision of a platform of two replicas that exists on disk only."""
    return process_folder.apply(tmp_path, deployments.load(deployment("v1"))).target.template.revision


def test_an_arm_that_still_serves_an_older_template_is_not_ready(tmp_path: Path, revision: str) -> None:
    clock = MemoryClock()
    seen(tmp_path, clock, replica(revision), replica(revision), replica("old"))

    readiness = ProcessWorkload(tmp_path, clock).readiness(Arm.PRIMARY)

    assert (readiness.ready, readiness.endpoints, readiness.reason) == (False, 3, "2 of 2 replicas are ready")


def test_an_arm_without_progress_says_for_how_long_and_why(tmp_path: Path, revision: str) -> None:
    clock = MemoryClock()
    seen(tmp_path, clock, replica(revision, serving=False), unready_for_s=9.0, reason="it ended with exit code 1")

    readiness = ProcessWorkload(tmp_path, clock).readiness(Arm.PRIMARY)

    assert readiness.unready_for == timedelta(seconds=9)
    assert readiness.reason == "0 of 2 replicas are ready: it ended with exit code 1"


def test_a_share_of_the_replicas_can_be_enough(tmp_path: Path, revision: str) -> None:
    clock = MemoryClock()
    seen(tmp_path, clock, replica(revision))

    assert ProcessWorkload(tmp_path, clock, primary_ready_percent=50).readiness(Arm.PRIMARY).ready
    assert not ProcessWorkload(tmp_path, clock, primary_ready_percent=51).readiness(Arm.PRIMARY).ready


def test_a_supervisor_without_a_heartbeat_is_taken_for_dead(tmp_path: Path, revision: str) -> None:
    clock = MemoryClock()
    seen(tmp_path, clock, replica(revision))
    clock.sleep(timedelta(seconds=11))

    with pytest.raises(UnavailableError, match="no sign of life; start the platform with `penstock local up`"):
        ProcessWorkload(tmp_path, clock).readiness(Arm.PRIMARY)


def test_without_a_platform_the_way_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="penstock local up"):
        ProcessWorkload(tmp_path, MemoryClock()).revision()
    with pytest.raises(ConfigurationError, match="penstock local up"):
        ProcessWorkload(tmp_path, MemoryClock()).scale(Arm.CANARY, up=True)


def test_a_folder_that_cannot_be_written_is_trouble_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "workload").write_text("a file where the folder belongs")

    with pytest.raises(UnavailableError, match="penstock local up"):
        ProcessWorkload(tmp_path, MemoryClock()).scale(Arm.CANARY, up=True)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"target": 3}'])
def test_a_broken_file_is_named_not_guessed_at(tmp_path: Path, revision: str, text: str) -> None:
    clock = MemoryClock()
    seen(tmp_path, clock, replica(revision))
    for file in ("wish.json", "sighting.json"):
        (tmp_path / "workload" / file).write_text(text)

    with pytest.raises(ConfigurationError, match="start the platform anew"):
        process_folder.read_wish(tmp_path)
    with pytest.raises(ConfigurationError, match="start the platform anew"):
        process_folder.read_sighting(tmp_path)


def test_before_a_release_adopts_the_platform_a_new_deployment_replaces_the_service(
    tmp_path: Path, revision: str
) -> None:
    wish = process_folder.apply(tmp_path, deployments.load(deployment("v2")))

    assert wish.primary == wish.target
    assert wish.primary.template.revision != revision
