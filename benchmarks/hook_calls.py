"""Call hooks at a rate, each on a connection of its own as Flagger does, and say how they were answered."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
CALLERS = 16
READY_S = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Latency:
    """Hold how calls were answered; `cpu_us` is the time on processors of the whole service for each call."""

    server: str
    situation: str
    calls: int
    calls_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: int
    failed: int
    load: float


@dataclass(frozen=True, slots=True)
class Served:
    """Hold a server that was started."""

    name: str
    url: str
    pid: int


@dataclass(frozen=True, slots=True)
class Drive:
    """Say how to call: so many calls a second (0: as fast as it goes) for so long, the n-th as `ask` does.

    Callers take turns, or call `together`.
    """

    situation: str
    rate: int
    seconds: float
    ask: Callable[[str, int], bool]
    together: bool = False


_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def call(
    url: str, path: str, body: object = None, patience_s: float = 60.0, headers: Mapping[str, str] = _NO_HEADERS
) -> tuple[int, str]:
    """Post JSON on a connection of its own, or get where there is no body."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=patience_s)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(
            "GET" if body is None else "POST", path, text, {"Content-Type": "application/json", **headers}
        )
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def payload(name: str, **metadata: str) -> dict[str, object]:
    """Write what Flagger sends."""
    return {"name": name, "namespace": "weather", "phase": "Progressing", "checksum": "r2", "metadata": metadata}


def ask_gate(url: str, number: int = 0) -> bool:
    """Ask a closed gate and tell whether it answered as it must."""
    del number
    return call(url, "/hooks/confirm-promotion", payload("ad", gate="promotion"))[0] == 403  # noqa: PLR2004 - closed


def measure(served: Served, drive: Drive) -> Latency:
    """Call from a few threads and give the times."""
    taken: list[tuple[float, bool]] = []
    family = family_of(served.pid)
    cpu_s, began = spent_s(family), time.monotonic()

    def work(index: int) -> None:
        turn_s = index / drive.rate if drive.rate and not drive.together else 0.0
        due, number, pause = began + turn_s, index, threading.Event()
        while time.monotonic() < began + drive.seconds:
            pause.wait(max(0.0, due - time.monotonic()))
            taken.append(_time(served.url, drive, number))
            due += CALLERS / drive.rate if drive.rate else 0.0
            number += CALLERS

    with ThreadPoolExecutor(CALLERS) as callers:
        list(callers.map(work, range(CALLERS)))
    seconds, cpu_s = time.monotonic() - began, spent_s(family) - cpu_s
    times = sorted(each for each, _ in taken)
    count = len(times)
    return Latency(
        served.name,
        drive.situation,
        count,
        round(count / seconds, 1),
        round(times[count // 2], 2),
        round(times[min(count - 1, count * 99 // 100)], 2),
        round(cpu_s / count * 1e6),
        sum(not good for _, good in taken),
        round(os.getloadavg()[0], 1),
    )


def _time(url: str, drive: Drive, number: int) -> tuple[float, bool]:
    began = time.monotonic()
    try:
        good = drive.ask(url, number)
    except (OSError, http.client.HTTPException):
        good = False
    return (time.monotonic() - began) * 1000, good


@contextlib.contextmanager
def started(name: str, command: Sequence[str], log: Path, more: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Start a server that says where it listens, and end it with all its processes."""
    with log.open("w") as file:
        environ = {**os.environ, **(more or {})}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, text=True, cwd=ROOT, env=environ)
    try:
        if process.stdout is None:
            raise SystemExit("no output")
        yield Served(name, process.stdout.readline().removeprefix("listening at ").strip(), process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(READY_S)


def family_of(pid: int) -> list[int]:
    """List a process and everything below it."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            parents.setdefault(int(_stat(folder)[1]), []).append(int(folder.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


def spent_s(pids: Sequence[int]) -> float:
    """Give the time on processors of those that are alive."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = _stat(Path(f"/proc/{pid}"))
            ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


def _stat(folder: Path) -> list[str]:
    return (folder / "stat").read_text().rpartition(")")[2].split()


def memory_mb(pids: Sequence[int]) -> tuple[int, int]:
    """Give the memory of processes in MB: summed, and with what they share counted once."""
    total = shared_once = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:] if line.endswith("kB")}
            total += sizes["Rss"]
            shared_once += sizes["Pss"]
    return total // 1024, shared_once // 1024


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + READY_S
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"not in time: {what}")
        threading.Event().wait(0.05)
