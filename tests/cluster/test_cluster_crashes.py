"""A stage is killed at every one of its writes to the cluster and called again: the release comes to the same end."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable

import pytest

from tests.cluster import mesh
from tests.cluster.releases import Stage
from tests.local_traffic import eventually
from webhooks.protocol import HookType
from workflows import stages, wiring
from workflows.canary.override import with_interval
from workflows.cli.subject import read_object
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import Kind, Manifest
from workflows.custody import keeping
from workflows.manifests.argo.pod import write_pod
from workflows.release import Release
from workflows.rollout.phase import Phase
from workflows.rollout.state import Cause
from workflows.states.place import Place

MOST_LIVES = 60

Step = Callable[[Release], object]

TO_30: tuple[Step, ...] = (
    stages.acquire,
    stages.start,
    lambda release: stages.hook(release, HookType.PRE_ROLLOUT),
    stages.gate,
    lambda release: stages.mirror(release, on=True),
    lambda release: stages.mirror(release, on=False),
    lambda release: stages.set_weight(release, 30),
)
TO_PROMOTED: tuple[Step, ...] = (
    stages.gate,
    lambda release: stages.set_weight(release, 60),
    stages.gate,
    stages.promote,
)
TO_END: tuple[Step, ...] = (stages.shift_back, stages.finalise)


def roll_back(release: Release) -> object:
    return stages.rollback(release, Cause.ABORTED, "asked for")


def finish(release: Release) -> object:
    return stages.finish(release, Cause.ABORTED, "the pipeline ended")


class KilledError(BaseException):
    """Stop a process where it stands, as SIGKILL does: nothing catches it."""


class Mortal(Cluster):
    """Dies at the write whose turn has come, before it is carried out or after."""

    def __init__(self, cluster: Cluster, dies_at: int, *, after: bool) -> None:
        super().__init__(cluster._pool, cluster._url, cluster._authorize)
        self._left, self._after = dies_at, after
        self._thread = threading.current_thread()

    def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        return self._write(lambda: super(Mortal, self).create(kind, manifest))

    def replace(self, kind: Kind, manifest: Manifest, subresource: str = "") -> Manifest:
        return self._write(lambda: super(Mortal, self).replace(kind, manifest, subresource))

    def patch(self, kind: Kind, namespace: str, name: str, change: Manifest, subresource: str = "") -> Manifest:
        return self._write(lambda: super(Mortal, self).patch(kind, namespace, name, change, subresource))

    def _write(self, carry_out: Callable[[], Manifest]) -> Manifest:
        self._left -= threading.current_thread() is self._thread
        if self._left == 0 and not self._after:
            raise KilledError
        done = carry_out()
        if self._left == 0:
            raise KilledError
        return done


@pytest.fixture
def stage(unreleased: Stage) -> Stage:
    """A canary whose v1 serves and whose v2 is to be released."""
    assert unreleased.run() == 0
    unreleased.set_image("v2")
    return unreleased


def live(stage: Stage, step: Step, cluster: Cluster) -> None:
    """Run one stage as a process of its own would."""
    plan, text = read_object(cluster, Place("test", "ad"))
    plan = with_interval(plan, "50ms")
    wishes = wiring.Wishes(cluster=cluster, prometheus=stage.prometheus, source=text)
    release = Release(wiring.build("kubernetes", plan, wishes), plan, "pipeline")
    with keeping(release):
        step(release)


def outlive(stage: Stage, step: Step, *, after: bool) -> int:
    """Call a stage until it lives to its end, killed one write later each time; tell how often it died."""
    for deaths in range(MOST_LIVES):
        try:
            live(stage, step, Mortal(stage.cluster, deaths + 1, after=after))
        except KilledError:
            continue
        return deaths
    raise AssertionError(f"killed {MOST_LIVES} times and not at its end")


def reach(stage: Stage, steps: Iterable[Step]) -> None:
    """Run stages that live."""
    for step in steps:
        live(stage, step, stage.cluster)


either_side = pytest.mark.parametrize("after", [False, True], ids=["before", "after"])


@either_side
def test_a_first_release_outlives_a_kill_at_every_write(unreleased: Stage, *, after: bool) -> None:
    deaths = outlive(unreleased, stages.initialise, after=after)

    assert deaths
    assert (unreleased.image("ad-primary"), mesh.weights(unreleased.cluster)["ad-primary"]) == ("ad:v1", 100)
    assert unreleased.status()["phase"] == Phase.INITIALIZED.value


@either_side
def test_a_release_outlives_a_kill_at_every_write_of_its_stages(stage: Stage, *, after: bool) -> None:
    deaths = [outlive(stage, step, after=after) for step in (*TO_30, *TO_PROMOTED, *TO_END)]

    assert all(deaths)
    assert (stage.image("ad-primary"), mesh.weights(stage.cluster)["ad-primary"]) == ("ad:v2", 100)
    assert stage.status()["phase"] == Phase.SUCCEEDED.value


@either_side
@pytest.mark.parametrize("end", [roll_back, finish])
def test_the_way_home_outlives_a_kill_at_every_write(stage: Stage, end: Step, *, after: bool) -> None:
    reach(stage, TO_30)

    deaths = outlive(stage, end, after=after)

    assert deaths
    assert (mesh.weights(stage.cluster)["ad-primary"], stage.status()["phase"]) == (100, "Failed")


@either_side
def test_a_promotion_that_is_finished_outlives_a_kill_at_every_write(stage: Stage, *, after: bool) -> None:
    reach(stage, (*TO_30, *TO_PROMOTED))

    deaths = outlive(stage, finish, after=after)

    assert deaths
    assert (stage.image("ad-primary"), mesh.weights(stage.cluster)["ad-primary"]) == ("ad:v2", 100)
    assert stage.status()["phase"] == Phase.SUCCEEDED.value


def renewed(stage: Stage) -> str:
    return str(stage.lease()["spec"]["renewTime"])


def end_a_gate(stage: Stage, number: signal.Signals) -> int:
    """Send a signal to the process of a gate that is at work, and give its exit code."""
    before = renewed(stage)
    words = ["stage", "gate", "--canary", "ad", *stage.where(), "--interval", "1m", "--prometheus", stage.prometheus]
    child = subprocess.Popen([sys.executable, "-m", "workflows", *words], start_new_session=True)
    eventually(lambda: renewed(stage) != before)
    os.kill(child.pid, number)
    return child.wait(timeout=30)


def test_a_stage_whose_node_is_drained_ends_with_a_code_that_argo_tries_again(stage: Stage) -> None:
    retry = write_pod("penstock", ["stage", "gate"])["retryStrategy"]
    begun = [stage.stage(*words) for words in (["start"], ["gate"], ["set-weight", "30"])]

    code = end_a_gate(stage, signal.SIGTERM)

    assert str(code) in re.findall(r"\d+", retry["expression"])
    assert [*begun, stage.stage("gate"), stage.stage("set-weight", "60")] == [0] * 5
    assert mesh.weights(stage.cluster) == {"ad-primary": 40, "ad": 60}


def test_a_stage_that_is_killed_is_called_again(stage: Stage) -> None:
    codes = [stage.stage(*words) for words in (["start"], ["gate"], ["set-weight", "30"])]

    end_a_gate(stage, signal.SIGKILL)

    codes += [stage.stage(*words) for words in (["gate"], ["set-weight", "60"], ["set-weight", "60"])]

    assert codes == [0] * 6
    assert mesh.weights(stage.cluster) == {"ad-primary": 40, "ad": 60}
    assert stage.stage("finish") == 10
    assert mesh.weights(stage.cluster)["ad-primary"] == 100
