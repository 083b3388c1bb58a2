"""Start the engine: read the order, see to it that it never outlives its parent, run it.

The one rule to keep: what a run does not need is not imported before its first request.
"""

import ctypes
import gc
import json
import logging
import os
import resource
import signal
import sys
import types
from importlib import import_module
from typing import Any

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


def bring_in_web() -> None:
    """Import Locust's web UI after all, for a user's file that may ask for it."""
    sys.modules.pop("locust.web")
    env, web = import_module("locust.env"), import_module("locust.web")
    env.WebUI = web.WebUI  # type: ignore[attr-defined]  # the stand-in gives way


def main() -> int:
    """Run the order that stands on standard input."""
    die_with_parent(int(sys.argv[1]))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    leave_out_web()
    gc.disable()
    import locust  # noqa: F401, PLC0415 - it must patch before anything else is imported

    from loadtester.engine import plan_load, session  # noqa: F401, PLC0415 - while the plan is still being read
    from loadtester.engine.stream import Stream  # noqa: PLC0415
    from loadtester.errors import EngineError, ScriptError  # noqa: PLC0415

    # what stands now stands to the end: no collection need look at it
    gc.freeze()
    gc.enable()
    line = sys.stdin.buffer.readline()
    if not line:
        return 1
    lines = Stream.take_over_stdout()
    try:
        run(json.loads(line), lines)
    except ScriptError as error:
        lines.say("script", message=str(error))
        return 1
    except EngineError as error:
        lines.say("engine", message=str(error))
        return 1
    return 0


def run(order: dict[str, Any], lines: Any) -> None:
    """Run the order alone, or as master or worker of a team."""
    plan, source = make_source(order["plan"])
    if order["web_port"]:
        bring_in_web()
    if order["role"] == "local":
        from loadtester.engine.session import Session  # noqa: PLC0415

        Session(plan, source, lines, order).run()
        return
    from loadtester.engine import team_session  # noqa: PLC0415

    kind = team_session.MasterSession if order["role"] == "master" else team_session.WorkerSession
    kind(plan, source, lines, order).run()


def make_source(document: dict[str, Any]) -> Any:
    """Read the plan and make what its load comes from."""
    from loadtester.plan_file import plan_from  # noqa: PLC0415

    plan = plan_from(document)
    if plan.locustfile:
        bring_in_web()
        from loadtester.engine.file_load import FileLoad  # noqa: PLC0415

        return plan, FileLoad(plan)
    from loadtester.engine.plan_load import PlanLoad  # noqa: PLC0415

    return plan, PlanLoad(plan)


if __name__ == "__main__":
    sys.exit(main())
