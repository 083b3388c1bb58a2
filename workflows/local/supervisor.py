"""Run the platform: one long-lived process that owns Envoy and the service's processes.

It makes real what others wish, tells what it sees, and takes everything down with it. The rule to keep: one thread
only, since the kernel ties a child's life to the thread that started it.
"""

import asyncio
import fcntl
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from workflows.clocks import SystemClock
from workflows.errors import ConfigurationError, PenstockError, UnavailableError
from workflows.local import bootstrap, child, folder, leftovers, ports
from workflows.local.child import Child
from workflows.local.envoy import EnvoyProcess
from workflows.local.fleet import ArmFleet
from workflows.local.folder import Book
from workflows.local.prometheus import PrometheusProcess
from workflows.local.replica import Replica
from workflows.local.watchdog import Watchdog
from workflows.rollout.phase import Phase
from workflows.rollout.traffic import Arm, Route, home, route_home
from workflows.routers import envoy as envoy_router
from workflows.workloads import process_folder
from workflows.workloads.deployment import Deployment
from workflows.workloads.process_folder import Sighting, Wish
from workflows.workloads.processes import ProcessWorkload

_TICK_S = 0.05
_HEARTBEAT_S = 0.5
_KILL_GRACE_S = 3.0
_STOP_GRACE_S = 10.0

log = logging.getLogger("penstock.local")


@dataclass(frozen=True, slots=True)
class Settings:
    """Say what to run and where; `port` is the apex's, 0 for any. `with_stdin` ends the platform when stdin closes."""

    directory: Path
    deployment: Deployment
    environment: Mapping[str, str]
    port: int = 0
    prometheus: bool = False
    with_stdin: bool = False


@dataclass(slots=True)
class _Published:
    """Hold the endpoints that were last written for an arm, and whether Envoy has taken them."""

    members: tuple[Replica, ...] = ()
    version: str = ""
    taken: bool = False


class Supervisor:
    """Own everything that runs on the platform."""

    def __init__(self, settings: Settings, book: Book) -> None:
        self._settings = settings
        self._directory = settings.directory
        self._book = book
        self._stop = asyncio.Event()
        self._clock = SystemClock()
        self._watchdog = Watchdog(self._directory, settings.environment, self._clock)
        self._prometheus: PrometheusProcess | None = None
        self._envoy = EnvoyProcess(self._directory, book.addresses, settings.environment)
        logs = self._directory / "logs"
        logs.mkdir(exist_ok=True)
        self._fleets = {arm: ArmFleet(arm, logs, settings.environment) for arm in Arm}
        self._published = {arm: _Published() for arm in Arm}
        self._told: tuple[object, float] = (None, 0.0)
        self._children: set[int] = set()

    async def run(self) -> None:
        """Keep the platform running until it is told to stop; raises UnavailableError when it cannot go on."""
        self._listen()
        try:
            for arm in Arm:
                self._publish(arm, ())
            self._envoy.start()
            if self._settings.prometheus:
                self._prometheus = PrometheusProcess(self._directory, self._settings.environment, self._book)
            while not self._stop.is_set():
                await self._tick()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_TICK_S):
                        await self._stop.wait()
        finally:
            await self._end()

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        if self._settings.with_stdin:
            loop.add_reader(sys.stdin.fileno(), self._read_stdin)

    def _read_stdin(self) -> None:
        if not os.read(sys.stdin.fileno(), 1):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self._stop.set()

    async def _tick(self) -> None:
        wish = process_folder.read_wish(self._directory)
        if self._envoy.keep():
            log.warning("Envoy ended and was started again; its counters begin anew")
        for arm, fleet in self._fleets.items():
            fleet.advance(wish)
            await self._agree(arm, fleet)
        self._watchdog.look()
        self._list_children()
        self._tell(wish)
        await self._announce(wish)

    async def _agree(self, arm: Arm, fleet: ArmFleet) -> None:
        members = fleet.members()
        published = self._published[arm]
        if members != published.members:
            published = self._publish(arm, members)
        if not published.taken:
            published.taken = await self._envoy.versions(arm) == {published.version}
        if published.taken:
            fleet.acknowledge(members)

    def _publish(self, arm: Arm, members: tuple[Replica, ...]) -> _Published:
        published = _Published(members, secrets.token_hex(8))
        document = bootstrap.endpoints(arm, tuple(replica.port for replica in members), published.version)
        folder.write(bootstrap.endpoints_file(self._directory, arm), document)
        self._published[arm] = published
        return published

    def _tell(self, wish: Wish) -> None:
        seen = {arm: fleet.sighting(wish) for arm, fleet in self._fleets.items()}
        mark = [replace(arm, unready_for_s=0.0) for arm in seen.values()]
        now = time.monotonic()
        if mark != self._told[0] or now - self._told[1] > _HEARTBEAT_S:
            sighting = Sighting(os.getpid(), self._clock.now(), seen[Arm.PRIMARY], seen[Arm.CANARY])
            process_folder.write_sighting(self._directory, sighting)
            self._told = (mark, now)

    async def _announce(self, wish: Wish) -> None:
        book = replace(self._book, admin=self._envoy.admin)
        if self._prometheus:
            self._prometheus.scrape(book.admin)
            book = replace(book, prometheus=self._prometheus.url)
        if not book.ready and ProcessWorkload(self._directory, self._clock).readiness(Arm.PRIMARY).ready:
            live = await self._envoy.live() and (self._prometheus is None or await self._prometheus.live())
            book = replace(book, ready=live)
        if book.ready and not self._book.ready:
            log.info("%s is at http://%s", wish.primary.name, book.addresses.apex)
        if book != self._book:
            self._book = book
            folder.write_book(self._directory, book)

    def _list_children(self) -> None:
        pids = {one.pid for one in self._running()}
        if pids != self._children:
            self._children = pids
            leftovers.note(self._directory, pids)

    def _running(self) -> list[Child]:
        """List the children, those first that may end first."""
        served = [self._envoy.child, self._prometheus.child if self._prometheus else None]
        replicas = [replica.child for fleet in self._fleets.values() for replica in fleet.replicas]
        return [*self._watchdog.children, *(one for one in served if one), *replicas]

    async def _end(self) -> None:
        log.info("stopping")
        self._go_home()
        for fleet in self._fleets.values():
            for replica in fleet.replicas:
                replica.leave()
        running = self._running()
        for one in running:
            one.signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_GRACE_S
        for one in running:
            _end_child(one, max(0.0, deadline - time.monotonic()))
        for file in (folder.book_file, folder.children_file, envoy_router.admin_file):
            file(self._directory).unlink(missing_ok=True)

    def _go_home(self) -> None:
        workload = ProcessWorkload(self._directory, self._clock)
        try:
            arm = home(Phase.PROGRESSING, *(workload.readiness(arm) for arm in Arm)) or Arm.PRIMARY
            workload.scale(Arm.CANARY, up=arm is Arm.CANARY)
            self._shift(route_home(arm))
        except PenstockError as error:
            log.warning("traffic could not be sent home: %s", error)

    def _shift(self, route: Route) -> None:
        if self._envoy.child and self._envoy.child.exit_code is None:
            envoy_router.EnvoyRouter(self._directory, patience_s=_KILL_GRACE_S).shift(route)
        else:
            # Nobody is there to obey; the next Envoy shall begin at home.
            envoy_router.place(self._directory, route)


def supervise(settings: Settings) -> None:
    """Run a platform in its folder until it is told to stop."""
    directory = settings.directory
    for place in (envoy_router.routes_folder(directory), bootstrap.endpoints_file(directory, Arm.CANARY).parent):
        place.mkdir(parents=True, exist_ok=True)
    with _alone(directory):
        leftovers.clear(directory)
        old = _old_book(directory)
        wish = process_folder.apply(directory, settings.deployment)
        if not (envoy_router.routes_folder(directory) / "apex.json").exists():
            envoy_router.place(directory, Route())
        with ports.kept(old.addresses if old else None, settings.port) as addresses:
            book = Book(os.getpid(), child.birth(os.getpid()), wish.primary.name, wish.primary.namespace, addresses)
            folder.write_book(directory, book)
            try:
                asyncio.run(_run(settings, book))
            except OSError as error:
                raise UnavailableError(f"{directory}: the platform stopped: {error}") from error


async def _run(settings: Settings, book: Book) -> None:
    await Supervisor(settings, book).run()


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    with folder.lock_file(directory).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise ConfigurationError(
                f"{directory}: supervisor {lock.read().strip()} already runs a platform here; stop it with "
                f"`penstock local down --dir {directory}`, or choose another --dir"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _old_book(directory: Path) -> Book | None:
    try:
        return folder.read_book(directory)
    except PenstockError:
        return None


def _end_child(process: Child, grace_s: float) -> None:
    if not process.wait(grace_s):
        log.warning("process %d did not end within %.1f s and was killed", process.pid, grace_s)
    process.signal(signal.SIGKILL)
    process.wait(_KILL_GRACE_S)
