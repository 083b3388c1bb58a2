"""The example's catalog against the example's service: v3 passes its tests, as the story wants."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webhooks.bench import AdService
from tests.webhooks.served import PATIENCE_S, ROOT, Served, eventually, serving

EXAMPLE = ROOT / "examples" / "ad-service"


@pytest.fixture
def address(ad: AdService) -> str:
    """Give an address that was free a moment ago."""
    ad.shutdown()
    ad.server_close()
    return ad.address


@pytest.fixture
def version_3(address: str) -> Iterator[str]:
    host, _, port = address.partition(":")
    environ = os.environ | {"HOST": host, "PORT": port, "VERSION": "v3"}
    with subprocess.Popen([sys.executable, str(EXAMPLE / "app.py")], env=environ) as service:
        yield address
        service.terminate()
        service.wait(PATIENCE_S)


@pytest.fixture
def served(tmp_path: Path, version_3: str) -> Iterator[Served]:
    flags = ["--catalog", str(EXAMPLE / "catalog.yaml"), "--resolve", f"ad-canary.weather:3003={version_3}"]
    with serving(tmp_path / "data", *flags) as made:
        yield made.settle()


def test_the_faulty_version_passes_every_test_of_the_catalog(served: Served) -> None:
    answers: list[tuple[int, str]] = []
    eventually(
        lambda: (
            (answers.append(served.hook("pre-rollout", tests="ad-contract,ad-suite", wait="30s")) or answers[-1])[0]
            == 200
        ),
        "the service to have started",
    )
    served.hook("rollout", test="ad-load")
    eventually(lambda: "wanted" in served.hook("rollout", test="ad-load")[1], "a load that is judged")

    assert served.hook("rollout", test="ad-load")[0] == 200
