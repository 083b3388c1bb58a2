"""Own one process of an arm, from its start to its end.

The rule to keep: requests are sent to it only while it is ready, and it is asked to end only once Envoy has let go.
"""

import asyncio
import enum
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from workflows.local import ports, probe
from workflows.local.child import Child, Order
from workflows.workloads import deployment
from workflows.workloads.deployment import Template

_EAGER_S = 0.05
_PYTHONS = frozenset({"python", "python3"})


class Stage(enum.Enum):
    """Name where a process stands."""

    STARTING = "starting"
    READY = "ready"
    LEAVING = "leaving"
    DRAINING = "draining"
    STOPPING = "stopping"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Place:
    """Say where a process works: its name, its log, and the environment that it adds to."""

    name: str
    log: Path
    environment: Mapping[str, str]


class Replica:
    """Run one process made from a template."""

    def __init__(self, template: Template, place: Place) -> None:
        self.template = template
        self.name = place.name
        self.port = ports.free()
        self.stage = Stage.STARTING
        self.serving = False
        self.began = time.monotonic()
        self._deadline = 0.0
        self._quiet = False
        self.child = Child(_order(template, place, self.port))
        self._probing = asyncio.get_running_loop().create_task(self._probe())

    @property
    def wanted(self) -> bool:
        """Tell whether it is to stay."""
        return self.stage in {Stage.STARTING, Stage.READY}

    def leave(self) -> None:
        """Begin to end it: first Envoy is told to let go of it."""
        self.stage = Stage.LEAVING
        self._probing.cancel()

    def let_go(self) -> None:
        """Note that Envoy sends nothing more to it."""
        self.serving = False
        if self.stage is Stage.LEAVING:
            self.stage = Stage.DRAINING
            self._deadline = time.monotonic() + self.template.grace_s

    def advance(self) -> None:
        """Take the next step towards the end, if it is time."""
        now = time.monotonic()
        if self.child.exit_code is not None:
            self._end()
        elif self.stage is Stage.DRAINING:
            # Twice quiet in a row: Envoy's worker may learn of the change a moment after its main thread.
            quiet = not probe.connected(self.port)
            if (quiet and self._quiet) or now > self._deadline:
                self.stage = Stage.STOPPING
                self._deadline = now + self.template.grace_s
                self.child.signal(signal.SIGTERM)
            self._quiet = quiet
        elif self.stage is Stage.STOPPING and now > self._deadline:
            self.child.signal(signal.SIGKILL)

    def _end(self) -> None:
        self.stage = Stage.ENDED
        self.serving = False
        self._probing.cancel()
        # What it started itself may still be there.
        self.child.signal(signal.SIGKILL)

    async def _probe(self) -> None:
        missed = 0
        with suppress(asyncio.CancelledError):
            while self.wanted:
                if await self._answers():
                    missed, self.stage = 0, Stage.READY
                else:
                    missed += 1
                    if missed >= self.template.probe.failure_threshold:
                        self.stage = Stage.STARTING
                await asyncio.sleep(
                    self.template.probe.period_s if self.stage is Stage.READY and not missed else _EAGER_S
                )

    async def _answers(self) -> bool:
        wish = self.template.probe
        if wish.path:
            return await probe.answers(self.port, wish.path, wish.timeout_s)
        return await probe.accepts(self.port, wish.timeout_s)


def _order(template: Template, place: Place, port: int) -> Order:
    # A pod has an address of its own, a process has not: where to listen is ours to say, whatever the template says.
    ours = {"HOST": ports.LOOPBACK, "PORT": str(port)}
    environment = {**place.environment, **ours}
    for name, value in template.environment.items():
        environment[name] = ours.get(name) or deployment.expand(value, environment)
    command = [deployment.expand(word, environment) for word in template.command]
    if command[0] in _PYTHONS:
        command[0] = sys.executable
    return Order(command, environment, Path(template.folder), place.log)
