"""Images that are built once for all tests of this folder."""

import shutil

import pytest

from tests.image import base_images
from tests.image.containers import Podman, find_podman

_BUILD_SECONDS = 3000


@pytest.fixture(scope="session")
def podman() -> Podman:
    found = find_podman()
    if found is None:
        pytest.skip("podman is not on this machine (Debian: apt-get install podman runc debootstrap)")
    return found


@pytest.fixture(scope="session")
def arguments(podman: Podman) -> list[str]:
    return ["build", "--network=host", "--build-arg=VERSION=0.0.0+test", *base_images.choose(podman)]


@pytest.fixture(scope="session")
def image(podman: Podman, arguments: list[str]) -> str:
    podman.call(*arguments, "--tag=localhost/penstock:test", ".", seconds=_BUILD_SECONDS)
    return "localhost/penstock:test"


@pytest.fixture(scope="session")
def tools_image(podman: Podman, arguments: list[str], image: str) -> str:
    if not shutil.which("go") and f"--build-arg=BASE={base_images.DEBIAN}" in arguments:
        pytest.skip("Go is not on this machine, and without a registry the tools cannot be built")
    tag = image.replace("penstock:", "penstock-tools:")
    podman.call(*arguments, "--target=tools", f"--tag={tag}", ".", seconds=_BUILD_SECONDS)
    return tag
