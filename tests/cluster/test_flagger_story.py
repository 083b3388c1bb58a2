"""The first users' story under the real Flagger: our hooks answer it, and `kubectl describe canary` shows why.

Runs by `make test-flagger`: it needs the controller (`make flagger`), the API server (`make control-plane`), the
projects' own CRDs (PENSTOCK_CRDS), kubectl and Prometheus, and takes some five minutes of Flagger's own ticks.
"""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cluster import definitions, flagger
from tests.cluster.flagger import NAMESPACE, Stage
from tests.cluster.real_server import RealServer
from workflows.cluster.connection import connect
from workflows.cluster.kinds import Kind
from workflows.errors import ConflictError

pytestmark = [pytest.mark.flagger, pytest.mark.timeout(900)]

_TICK_S = 10.0


_PROGRAMS = ("kubectl", "prometheus")
_DEFINITIONS = {"canaries.flagger.app", "virtualservices.networking.istio.io"}


def _list_missing() -> Iterator[str]:
    for program in _PROGRAMS:
        if shutil.which(program) is None:
            yield f"{program} is not on the PATH; install it (Debian: apt-get install {program})"
    if not flagger.BINARY.exists():
        yield f"{flagger.BINARY} is not there; `make build/flagger` compiles it"
    if lacking := _DEFINITIONS - {definition["metadata"]["name"] for definition in definitions.published()}:
        yield f"PENSTOCK_CRDS must name a folder with the definitions of {' and '.join(sorted(lacking))}"


@pytest.fixture(scope="session", autouse=True)
def everything_is_there() -> None:
    """Fail before anything is started: a story that was not played has proved nothing."""
    if missing := list(_list_missing()):
        pytest.fail("; ".join(missing), pytrace=False)


@pytest.fixture(scope="module")
def stage(real_server: RealServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One stage for the whole story, whose scenes follow each other."""
    real_server.clean()
    cluster = connect(real_server.kubeconfig)
    with suppress(ConflictError):
        cluster.create(Kind("v1", "Namespace", "namespaces"), {"metadata": {"name": NAMESPACE, "namespace": ""}})
    folder: Path = tmp_path_factory.mktemp("flagger")
    with flagger.open_stage(folder, cluster, real_server.kubeconfig) as raised:
        raised.await_phase("Initialized", 6 * _TICK_S)
        yield raised


def test_the_story_of_three_releases(stage: Stage) -> None:
    _promote_v2(stage)
    stage.flagger.restart()
    _roll_v3_back(stage)
    stage.flagger.restart()
    _roll_v1_back_by_hook(stage)


def _begin(stage: Stage, version: str) -> None:
    """Change the image; nothing happens until somebody approves."""
    stage.set_image(version)
    stage.await_phase("Waiting", 5 * _TICK_S)
    stage.approve("start")
    stage.await_phase("Progressing", 3 * _TICK_S)


def _promote_v2(stage: Stage) -> None:
    before = stage.users.snapshot()
    _begin(stage, "v2")

    stage.await_event("Halt ad.weather advancement waiting for traffic increase approval", 6 * _TICK_S)
    stage.await_event("Advance ad.weather canary weight 20", 6 * _TICK_S)
    stage.await_event("Advance ad.weather canary weight 60", 5 * _TICK_S)
    stage.await_phase("WaitingPromotion", 4 * _TICK_S)
    stage.approve("promotion")
    stage.await_phase("Succeeded", 8 * _TICK_S)
    stage.await_event("Promotion completed! Scaling down ad.weather", _TICK_S)

    assert stage.status["failedChecks"] == 0
    assert stage.bridge.percents == [20, 40, 60, 0]
    assert stage.users.snapshot().since(before).failures == 0
    shown = stage.describe()
    assert "New revision detected! Scaling up ad.weather" in shown
    assert "Pre-rollout check long-suite passed" in shown
    assert "Advance ad.weather canary weight 20" in shown


def _roll_v3_back(stage: Stage) -> None:
    _begin(stage, "v3")

    stage.await_phase("Failed", 16 * _TICK_S)
    stage.await_event("Rolling back ad.weather failed checks threshold reached 3", _TICK_S)

    assert stage.bridge.percents[4:] == [20, 0]
    shown = stage.describe()
    assert "Halt ad.weather advancement success rate" in shown
    assert "failed checks threshold reached 3" in shown
    assert "Canary failed! Scaling down ad.weather" in shown


def _roll_v1_back_by_hook(stage: Stage) -> None:
    _begin(stage, "v1")

    stage.ask_for_rollback()
    stage.await_phase("Failed", 6 * _TICK_S)
    stage.await_event("Rolling back ad.weather manual webhook invoked", _TICK_S)

    assert stage.bridge.percents[6:] in ([], [20, 0])
    assert "manual webhook invoked" in stage.describe()
