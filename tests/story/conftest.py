"""A stage for whole releases: a real platform, a webhook service, steady users, and `penstock` as a user calls it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.local_traffic import EXAMPLE, deployment, eventually
from workflows.clocks import SystemClock
from workflows.local.hookservice import HookService, ServiceOrder
from workflows.local.platform import LocalPlatform, Start, start
from workflows.local.users import UserTraffic
from workflows.rollout.state import RolloutState
from workflows.states.files import FileStateStore

PENSTOCK = [sys.executable, "-m", "workflows"]
INTERVAL = "800ms"


@dataclass
class Ended:
    """What a user sees of a command that ended."""

    code: int
    out: str
    err: str


def penstock(*words: str, cwd: Path | None = None, within_s: float = 90) -> Ended:
    done = subprocess.run([*PENSTOCK, *words], cwd=cwd, capture_output=True, text=True, timeout=within_s, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


class Running:
    """A command that goes on in the background until it is waited for."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen([*PENSTOCK, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self, within_s: float = 90) -> Ended:
        out, err = self.process.communicate(timeout=within_s)
        return Ended(self.process.returncode, out, err)


class Theatre:
    """One platform with its users, and the Canary file that a test writes for it."""

    def __init__(self, platform: LocalPlatform, users: UserTraffic, folder: Path) -> None:
        self.platform = platform
        self.users = users
        self.report = folder / "report.json"
        self.file = folder / "canary.yaml"
        self.resolve: tuple[str, ...] = ()
        self.write()

    def write(self, *, annotations: dict[str, str] | None = None, spec: Any = None, **analysis: object) -> None:
        """Write the story's Canary file with other values; without webhooks unless they are given."""
        document = yaml.safe_load((EXAMPLE / "canary.yaml").read_text())
        document["metadata"]["annotations"] = annotations or {}
        document["spec"] |= spec or {}
        document["spec"]["analysis"] |= {"webhooks": [], **analysis}
        self.file.write_text(yaml.safe_dump(document))

    @property
    def options(self) -> list[str]:
        resolve = [word for pair in self.resolve for word in ("--resolve", pair)]
        return ["--platform", "local", "--dir", str(self.platform.directory), "--interval", INTERVAL, *resolve]

    def run(self, *words: str) -> Ended:
        return penstock("run", str(self.file), *self.options, "--report", str(self.report), *words)

    def begin(self) -> Running:
        return Running("run", str(self.file), *self.options, "--report", str(self.report))

    def stage(self, name: str, *words: str) -> Ended:
        return penstock("stage", name, *words, "--file", str(self.file), *self.options)

    def initialise(self) -> None:
        """Let the first revision be the primary's."""
        assert self.run().code == 0

    def release(self, version: str) -> Ended:
        """Ask for a version and release it."""
        self.platform.apply(deployment(version))
        return self.run()

    @property
    def state(self) -> RolloutState:
        return FileStateStore(self.platform.directory, "ad.weather", SystemClock()).load() or RolloutState()

    def reaches(self, weight: int) -> None:
        eventually(lambda: self.state.weight >= weight, within_s=30)

    @property
    def told(self) -> dict[str, Any]:
        """The one release that the last run reported."""
        (release,) = json.loads(self.report.read_text())["releases"]
        return release


@pytest.fixture
def theatre(platform: LocalPlatform, tmp_path: Path) -> Iterator[Theatre]:
    """A platform on which v1 is the primary, with 60 user requests a second."""
    with UserTraffic(f"http://{platform.addresses.apex}/ad", 60) as users:
        theatre = Theatre(platform, users, tmp_path)
        theatre.initialise()
        yield theatre


@pytest.fixture
def empty_house(platform: LocalPlatform, tmp_path: Path) -> Theatre:
    """A platform on which v1 is the primary, and no users."""
    theatre = Theatre(platform, UserTraffic(f"http://{platform.addresses.apex}/ad", 60), tmp_path)
    theatre.initialise()
    return theatre


@pytest.fixture(scope="session")
def idle_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """A platform on which v1 is the primary, for tests in which nothing may move."""
    folder = tmp_path_factory.mktemp("idle-house")
    with start(folder / "platform", Start(deployment("v1"), owned=True)) as running:
        theatre = Theatre(running, UserTraffic(f"http://{running.addresses.apex}/ad", 60), folder)
        theatre.initialise()
        yield theatre


@pytest.fixture
def still_house(idle_house: Theatre) -> Iterator[Theatre]:
    """The idle platform with the story's file anew; what its state was before a test it is after it."""
    idle_house.write()
    before = idle_house.state
    yield idle_house
    assert idle_house.state == before


@pytest.fixture
def hooks(theatre: Theatre, tmp_path: Path) -> Iterator[HookService]:
    """The webhook service with the example's catalog, reached under the name that the story's file uses."""
    order = ServiceOrder(
        tmp_path / "hooks", EXAMPLE / "catalog.yaml", {"ad-canary.weather:3003": theatre.platform.addresses.canary}
    )
    with HookService(order) as service:
        theatre.resolve = (f"penstock.weather:80={service.address}",)
        yield service
