"""Measure what the processes of the service and of its runs use, from /proc."""

import contextlib
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT, _USER, _SYSTEM, _RESIDENT = 1, 11, 12, 21


@dataclass(frozen=True, slots=True)
class Usage:
    """Carry what some processes use."""

    processes: int = 0
    resident_bytes: int = 0
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Process:
    parent: int
    resident_bytes: int
    cpu_s: float


def measure_family() -> tuple[tuple[str, Usage], ...]:
    """Measure the service and its runs, asked from one of its web workers (supervisor, web server, worker)."""
    found = _read_all()
    web = found.get(os.getpid(), _Process(0, 0, 0.0)).parent
    top = found[web].parent if web in found else 0
    children: dict[int, list[int]] = defaultdict(list)
    for pid, process in found.items():
        children[process.parent].append(pid)
    service = [top, *children[top], *children[web]]
    runs = [pid for part in children[top] if part != web for pid in _below(part, children)]
    return (("service", _add(service, found)), ("runs", _add(runs, found)))


def _below(pid: int, children: dict[int, list[int]]) -> list[int]:
    found = list(children[pid])
    for child in found:
        found += children[child]
    return found


def _add(pids: list[int], found: dict[int, _Process]) -> Usage:
    known = [found[pid] for pid in pids if pid in found]
    return Usage(len(known), sum(each.resident_bytes for each in known), sum(each.cpu_s for each in known))


def _read_all() -> dict[int, _Process]:
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                cpu_s = (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS
                found[int(folder.name)] = _Process(int(fields[_PARENT]), int(fields[_RESIDENT]) * _PAGE, cpu_s)
    return found
