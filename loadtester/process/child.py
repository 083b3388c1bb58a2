"""Start one engine process, watch it, stop it; nothing here imports locust.

The one rule to keep: an engine has an owner. It runs in a session of its own, is told to end with SIGTERM, has its
grace, is killed by its pid after it, and ends by the kernel's hand when its owner is killed.
"""

import enum
import json
import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, Self

from loadtester.errors import EngineError
from loadtester.plan import LoadPlan
from loadtester.plan_file import document_of
from loadtester.process.team import Team
from loadtester.report import LoadReport

_ALONE = Team()
_START_S = 30.0
_SPARE_S = 120.0
_END_S = 3.0
_LOOK_S = 0.25
_PAGE_MB = resource.getpagesize() / 1024 / 1024


class Ending(enum.Enum):
    """Name how an engine's run ended."""

    COMPLETE = "complete"
    CANCELLED = "cancelled"
    SCRIPT = "script"
    STALLED = "stalled"
    MEMORY = "memory"
    DIED = "died"

    @property
    def finished(self) -> bool:
        """Tell whether the engine ended as it should."""
        return self in (Ending.COMPLETE, Ending.CANCELLED)


class EngineProcess:
    """Own one engine from its start to its end; use it as a context, so that it cannot be left behind."""

    def __init__(self, child: "subprocess.Popen[bytes] | None" = None, *, lines: int = subprocess.PIPE) -> None:
        """Own this child, or start one; it imports Locust while the plan is still being read.

        `lines` may be DEVNULL for an engine that nobody reads. What it and the user's script print is our error output.
        """
        command = [sys.executable, "-m", "loadtester.engine", str(os.getpid())]
        self._child = child or subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.PIPE, stdout=lines, start_new_session=True
        )
        self._buffer = b""
        self._plan: LoadPlan | None = None
        self._stop_at: float | None = None
        self._heard_at = monotonic()
        self._told = False
        self._begun = False
        self.on_ready: Callable[[int], None] = lambda _: None
        self.ending = Ending.DIED
        self.reason = ""
        self.report = LoadReport()

    def __enter__(self) -> Self:
        """Own it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind."""
        self.kill()

    @property
    def alive(self) -> bool:
        """Tell whether the engine runs."""
        return self._child.poll() is None

    @property
    def pid(self) -> int:
        """Give the engine's process id."""
        return self._child.pid

    def order(self, plan: LoadPlan, *, tick_s: float = 1.0, team: Team = _ALONE) -> None:
        """Tell the engine what to run; raises EngineError when it is gone already."""
        self._plan = plan
        order = {"plan": document_of(plan), "tick_s": tick_s, **team.to_dict()}
        line = json.dumps(order).encode() + b"\n"
        try:
            if self._child.stdin is not None:
                self._child.stdin.write(line)
                self._child.stdin.flush()
        except BrokenPipeError as error:
            raise EngineError(f"the engine ended before it had its plan (exit {self._child.wait(_END_S)})") from error

    def reports(self) -> Iterator[LoadReport]:
        """Give each tick's report until the run has ended; then `ending`, `reason` and `report` say how."""
        try:
            for line in self._lines():
                if self._take(line):
                    yield self.report
        finally:
            self.kill()

    def cancel(self) -> None:
        """Ask the engine to stop, give its requests their grace and end; callable from a signal handler."""
        if self._stop_at is None:
            grace_s = self._plan.limits.grace_s if self._plan is not None else 0.0
            self._stop_at = monotonic() + grace_s + _END_S
            self._signal(signal.SIGTERM)

    def join(self, deadline_s: float = _END_S) -> None:
        """Let an engine that was told to end do so."""
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(deadline_s)

    def kill(self) -> None:
        """End the engine and what it started, now."""
        if self._child.poll() is None:
            self._signal(signal.SIGKILL)
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _signal(self, number: signal.Signals) -> None:
        # the engine leads its own session, so this reaches its children and nobody else's
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, number)

    def _take(self, line: bytes) -> bool:
        content: dict[str, Any] = json.loads(line)
        match content.get("kind"):
            case "tick":
                self.report = LoadReport.from_dict(content["report"])
                return True
            case "begun":
                self._begun = True
            case "waiting":
                pass
            case "ready":
                self.on_ready(int(content["port"]))
            case "end":
                self.report = LoadReport.from_dict(content["report"])
                self._told = True
                cancelled = self._stop_at is not None
                self._end(Ending.CANCELLED if cancelled else Ending.COMPLETE, content.get("fault", ""))
            case kind:
                self._told = True
                by_script = kind == "script"
                self._end(Ending.SCRIPT if by_script else Ending.DIED, str(content.get("message", "")))
        return False

    def _end(self, ending: Ending, reason: str) -> None:
        self.ending = ending
        self.reason = reason

    def _lines(self) -> Iterator[bytes]:
        stdout = self._child.stdout
        if stdout is None or self._plan is None:
            raise EngineError("the engine has no plan yet; call order() first")
        give_up_at = monotonic() + self._plan.length_s + self._plan.limits.timeout_s + _SPARE_S
        while not self._broken(self._plan, give_up_at):
            if not select.select([stdout], [], [], _LOOK_S)[0]:
                continue
            data = os.read(stdout.fileno(), 1 << 20)
            if not data:
                self._note_death()
                return
            self._heard_at = monotonic()
            *lines, self._buffer = (self._buffer + data).split(b"\n")
            yield from lines

    def _note_death(self) -> None:
        code = self._child.wait(_END_S)
        if not self._told:
            cancelled = self._stop_at is not None
            self._end(Ending.CANCELLED if cancelled else Ending.DIED, f"the engine ended by itself (exit {code})")

    def _broken(self, plan: LoadPlan, give_up_at: float) -> bool:
        """Tell whether to wait no longer, and note why."""
        now = monotonic()
        silent_s = now - self._heard_at
        allowed_s = plan.limits.silence_s if self._begun else max(plan.limits.silence_s, _START_S)
        memory_mb = self._memory_mb()
        if self._stop_at is not None and now > self._stop_at:
            self._end(Ending.CANCELLED, "the engine did not stop in its grace and was killed")
        elif memory_mb > plan.limits.memory_mb:
            self._end(Ending.MEMORY, f"the engine used {memory_mb:.0f} MB, allowed are {plan.limits.memory_mb} MB")
        elif silent_s > allowed_s or now > give_up_at:
            self._end(Ending.STALLED, f"the engine gave no sign of life for {silent_s:.0f} s: a script never yields?")
        else:
            return False
        return True

    def _memory_mb(self) -> float:
        try:
            return int(Path(f"/proc/{self._child.pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_MB
        except (OSError, IndexError):
            return 0.0
