"""Start the engine: read the order, see to it that it never outlives its parent, run it.

The one rule to keep: what a run does not need is not imported before its first request.
"""

import ctypes
import json
import logging
import os
import signal
import sys
import types

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process when its parent ends, even by kill -9."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def leave_out_web() -> None:
    """Stand in for Locust's web UI, which alone needs Flask and a third of the import time."""
    web = types.ModuleType("locust.web")
    web.WebUI = type("WebUI", (), {})  # type: ignore[attr-defined]  # Locust imports this one name
    sys.modules["locust.web"] = web


def main() -> int:
    """Run the order that stands on standard input."""
    die_with_parent(int(sys.argv[1]))
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    leave_out_web()
    import locust  # noqa: F401, PLC0415 - it must patch before anything else is imported

    from loadtester.engine.session import Session  # noqa: PLC0415
    from loadtester.engine.stream import Stream  # noqa: PLC0415
    from loadtester.plan_file import plan_from  # noqa: PLC0415

    order = json.loads(sys.stdin.buffer.readline())
    Session(plan_from(order["plan"]), Stream.take_over_stdout(), order["tick_s"]).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
