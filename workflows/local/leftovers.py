"""End what a supervisor that was killed may have left behind.

The kernel kills its children with it; their own children it does not. The rule to keep: a process is only ended when
it is the one that was noted, since its number may be another's by now.
"""

import json
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from workflows.errors import UnavailableError
from workflows.local import child, folder
from workflows.routers import envoy as envoy_router

_GRACE_S = 5.0


def note(directory: Path, pids: Iterable[int]) -> None:
    """Note which processes there are."""
    folder.write(folder.children_file(directory), [[pid, child.birth(pid)] for pid in sorted(pids)])


def clear(directory: Path) -> None:
    """End the noted processes with all their children; raises UnavailableError when one does not end."""
    file = folder.children_file(directory)
    noted = json.loads(file.read_text()) if file.exists() else []
    # A group whose leader is gone is still the noted one: the kernel does not give its number away while it is used.
    left = [pid for pid, mark in noted if child.birth(pid) in {"", mark}]
    for pid in left:
        child.signal_group(pid, signal.SIGKILL)
    deadline = time.monotonic() + _GRACE_S
    for pid in left:
        if not child.gone(pid, max(0.0, deadline - time.monotonic())):
            raise UnavailableError(f"{directory}: process {pid} of an earlier platform does not end; end it by hand")
    for stale in (file, envoy_router.admin_file(directory)):
        stale.unlink(missing_ok=True)
