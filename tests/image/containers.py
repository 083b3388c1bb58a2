"""Build and run images with podman, in a storage of their own below build/containers, which `make clean` removes."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
STORAGE = ROOT / "build" / "containers"

# A plain Debian machine has runc, and where these tests run limits may not be raised.
_CONTAINERS = """[containers]
default_ulimits = []
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"""
_STORAGE = """[storage]
driver = "overlay"
graphroot = "{place}/images"
runroot = "{place}/run"
"""
SHELLS = ("/usr/bin/dash", "/usr/bin/bash")


@dataclass(frozen=True, slots=True)
class Podman:
    """Run podman; where we are root with settings of our own, elsewhere as it is set up."""

    environment: dict[str, str]

    def call(self, *arguments: str, seconds: float = 120, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = ["podman", *arguments]
        done = subprocess.run(
            command, env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False
        )
        if check and done.returncode:
            raise AssertionError(
                f"{' '.join(command)}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
            )
        return done

    def run(self, image: str, *arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Run a command of an image to its end: read-only, without a network, without capabilities."""
        return self.call("run", "--rm", *CONFINED, *options, image, *arguments, check=False)

    @contextmanager
    def running(self, image: str, *arguments: str, options: tuple[str, ...] = ()) -> Iterator["Container"]:
        """Run a command of an image in the background for as long as we look at it."""
        name = f"penstock-{uuid.uuid4().hex[:8]}"
        self.call("run", "--detach", "--name", name, *CONFINED, *options, image, *arguments)
        try:
            yield Container(self, name)
        finally:
            self.call("rm", "--force", "--time", "0", "--volumes", name)


CONFINED = ("--read-only", "--network=none", "--cap-drop=all", "--security-opt=no-new-privileges")
SHELL_LESS = tuple(f"--volume=/dev/null:{shell}:ro" for shell in SHELLS)
"""Takes the shells of the image away."""


@dataclass(frozen=True, slots=True)
class Container:
    """Look at a container that runs."""

    podman: Podman
    name: str

    def python(self, code: str) -> str:
        """Run some Python in the container and give what it printed."""
        return self.podman.call("exec", self.name, "python3", "-c", code).stdout

    def may_write(self, path: str) -> bool:
        return not self.podman.call("exec", self.name, "python3", "-c", f"open({path!r}, 'w')", check=False).returncode

    def penstock(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.podman.call("exec", self.name, "penstock", *arguments, check=False)

    def stop(self) -> tuple[int, str]:
        """End it as a cluster would and give its exit code and its log."""
        self.podman.call("stop", "--time", "30", self.name)
        code = int(self.podman.call("inspect", "--format", "{{.State.ExitCode}}", self.name).stdout)
        log = self.podman.call("logs", self.name)
        return code, log.stdout + log.stderr


def find_podman() -> Podman | None:
    """Give podman ready to use, None where there is none."""
    if not shutil.which("podman"):
        return None
    if os.geteuid() != 0 or not shutil.which("runc"):
        return Podman(dict(os.environ))
    STORAGE.mkdir(parents=True, exist_ok=True)
    settings, storage = STORAGE / "containers.conf", STORAGE / "storage.conf"
    settings.write_text(_CONTAINERS)
    storage.write_text(_STORAGE.format(place=STORAGE))
    # What builds keep between them (the modules of pip and Go) lies in TMPDIR.
    own = {"CONTAINERS_CONF": settings, "CONTAINERS_STORAGE_CONF": storage, "TMPDIR": STORAGE / "temporary"}
    own["TMPDIR"].mkdir(exist_ok=True)
    return Podman({**os.environ, **{name: str(path) for name, path in own.items()}})
