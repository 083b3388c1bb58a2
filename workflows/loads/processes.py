"""Send a top-up with the load engine, as a process of its own: both arms in turns on one schedule.

The rules to keep: the requests carry the engine's mark and go where no user is counted; the process ends before its
deadline, whatever becomes of it, and by itself when nobody reads its lines any more.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from loadtester.report import LoadReport, NameReport
from workflows.errors import UnavailableError
from workflows.rollout.decision import TopUp
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.samples import ArmCounts, TrafficCounts

START_S = 20.0
"""How long the engine may take to start and to end, besides its load."""

LEAST_S = 1.0
_ANSWERED = ("1xx", "2xx", "3xx", "4xx")
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Arms:
    """Name where each arm is reached by tests and loads, as URLs."""

    primary: str
    canary: str


class ProcessLoad:
    """Run `penstock load compare` for each top-up; `find` tells where the arms are."""

    def __init__(self, find: Callable[[], Arms], *, command: tuple[str, ...] = ("-m", "loadtester")) -> None:
        self._find = find
        self._command = (sys.executable, *command)

    def send(self, wanted: TopUp, plan: RolloutPlan) -> TrafficCounts:
        """Give what both arms answered; raises UnavailableError when the engine gave no report."""
        with tempfile.TemporaryDirectory(prefix="penstock-top-up-") as folder:
            file = Path(folder) / "plan.json"
            file.write_text(json.dumps(write_plan(wanted, plan.top_up, self._find())))
            said = _run([*self._command, "compare", str(file), "--live"], wanted.within_s + START_S)
        return read_counts(said, wanted.bounds_ms)


def read_arms(directory: Path) -> Arms:
    """Read from the local platform's address book where its arms are."""
    file = directory / "platform.json"
    try:
        addresses = json.loads(file.read_text())["addresses"]
        return Arms(f"http://{addresses['primary']}", f"http://{addresses['canary']}")
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UnavailableError(f"{file}: no addresses of the arms there ({error!r})") from error


def write_plan(wanted: TopUp, path: str, arms: Arms) -> dict[str, object]:
    """Write the load: as many requests to each arm as are wanted, spread over the time there is."""
    length_s = max(LEAST_S, wanted.within_s)
    return {
        "target": arms.canary,
        "compare_with": arms.primary,
        "mode": "open",
        "rate": max(1.0, wanted.requests / length_s),
        "duration": max(LEAST_S, min(length_s, float(wanted.requests))),
        # As for users, only an answer of class 5xx has failed.
        "requests": [{"name": "top-up", "path": path, "expect": {"status": list(_ANSWERED)}}],
    }


def _run(command: list[str], within_s: float) -> str:
    try:
        with _start(command) as process:
            said, complained = _hear(process, within_s)
    except OSError as error:
        raise UnavailableError(f"{command[0]}: cannot be started: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"the load engine did not end within {within_s:.1f} s") from error
    if '"end"' not in said:
        raise UnavailableError(f"the load engine gave no report: {complained.strip()[-_SHOWN:] or said[-_SHOWN:]}")
    return said


def _start(command: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 - our own command; the plan is a file
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # So that it can be ended with all that it started.
        start_new_session=True,
    )


def _hear(process: "subprocess.Popen[str]", within_s: float) -> tuple[str, str]:
    try:
        return process.communicate(timeout=within_s)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def read_counts(said: str, bounds_ms: tuple[float, ...]) -> TrafficCounts:
    """Read both arms' counts from the engine's lines."""
    try:
        last = json.loads(said.strip().splitlines()[-1])
        report = LoadReport.from_dict(last["report"])
    except (ValueError, LookupError, TypeError) as error:
        raise UnavailableError(f"the load engine's report cannot be read ({error!r})") from error
    return TrafficCounts(*(_count(report.arm(prefix).total, bounds_ms) for prefix in ("primary ", "canary ")))


def _count(arm: NameReport, bounds_ms: tuple[float, ...]) -> ArmCounts:
    responses = _classes(arm.statuses)
    # What ended without an answer, or too late for one, has failed.
    responses["5xx"] = responses.get("5xx", 0) + max(0, arm.requests - sum(responses.values()))
    timed = tuple((bound, arm.service.count_within(bound)) for bound in bounds_ms)
    # Without bounds to compare by, no request counts as timed.
    return ArmCounts(MappingProxyType(responses), (*timed, (float("inf"), arm.service.count)) if timed else ())


def _classes(statuses: Mapping[str, int]) -> dict[str, int]:
    classes: dict[str, int] = {}
    for status, count in statuses.items():
        name = f"{status[:1]}xx"
        classes[name] = classes.get(name, 0) + count
    return classes
