"""What tests of several rooms share: a running local platform."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.local_traffic import deployment, eventually
from workflows.clocks import SystemClock
from workflows.local.platform import LocalPlatform, Start, start
from workflows.rollout.traffic import Arm, Route
from workflows.routers.envoy import EnvoyRouter
from workflows.workloads.processes import ProcessWorkload

# How long an example takes says nothing on a machine that runs several suites at once.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[LocalPlatform]:
    """A platform that runs v1 of the ad service and nothing else."""
    with start(tmp_path / "platform", Start(deployment("v1"), owned=True)) as running:
        yield running


@pytest.fixture(scope="session")
def two_versions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    """A platform on which v1 is the primary and v2 the canary, both up, for tests that only route."""
    directory = tmp_path_factory.mktemp("two-versions")
    with start(directory, Start(deployment("v1"), owned=True)) as running:
        workload = ProcessWorkload(directory, SystemClock())
        workload.initialise()
        running.apply(deployment("v2"))
        workload.scale(Arm.CANARY, up=True)
        eventually(lambda: workload.readiness(Arm.CANARY).ready)
        yield running


@pytest.fixture
def pair(two_versions: LocalPlatform) -> LocalPlatform:
    """The two versions, with all traffic at home."""
    EnvoyRouter(two_versions.directory).shift(Route())
    return two_versions
