"""Read what `run` and `stage` have in common from the command line: the canary, the platform, and how to reach it."""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path

from workflows import canary, wiring
from workflows.canary.override import with_interval, with_judge
from workflows.errors import ConfigurationError
from workflows.local.folder import read_book
from workflows.ports import EventSink, Platform
from workflows.rollout.plan import RolloutPlan


def add_platform_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where a release happens."""
    parser.add_argument("--platform", default="local", metavar="NAME", help="local, memory or kubernetes (local)")
    parser.add_argument("--dir", type=Path, default=wiring.LOCAL_DIRECTORY, help="the local platform's folder")
    parser.add_argument("--interval", metavar="4s", help="instead of spec.analysis.interval")
    parser.add_argument("--judge", metavar="NAME", help="threshold, evidence or evidence-strict")
    parser.add_argument("--prometheus", default="", metavar="URL", help="where custom queries are asked, or auto")
    parser.add_argument(
        "--resolve",
        action="append",
        default=[],
        metavar="HOST:PORT=HOST:PORT",
        help="reach the first, named in a webhook's url, at the second",
    )


def read_plan(path: Path, arguments: argparse.Namespace) -> RolloutPlan:
    """Read a Canary file, with another interval or judge if one is given."""
    plan = canary.load(path)
    plan = plan if arguments.interval is None else with_interval(plan, arguments.interval)
    return plan if arguments.judge is None else with_judge(plan, arguments.judge)


def read_resolve(pairs: Iterable[str]) -> Mapping[str, str]:
    """Read `HOST:PORT=HOST:PORT` pairs."""
    resolved: dict[str, str] = {}
    for pair in pairs:
        left, sign, right = pair.partition("=")
        if not sign or not _is_address(left) or not _is_address(right):
            raise ConfigurationError(f"--resolve: {pair!r} is not HOST:PORT=HOST:PORT")
        resolved[left] = right
    return resolved


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdecimal() and int(port) < 1 << 16


def build_platform(arguments: argparse.Namespace, file: Path, plan: RolloutPlan, events: EventSink) -> Platform:
    """Build the platform that the options name; one that is not there is said now, not after a deadline."""
    prometheus = _find_prometheus(arguments.dir) if arguments.prometheus == "auto" else arguments.prometheus
    resolve = read_resolve(arguments.resolve)
    wishes = wiring.Wishes(arguments.dir, file, prometheus, resolve, events)
    return wiring.build(arguments.platform, plan, wishes)


def _find_prometheus(directory: Path) -> str:
    url = read_book(directory).prometheus
    if not url:
        raise ConfigurationError(
            f"--prometheus auto: the platform in {directory} has no Prometheus; "
            "start it with `penstock local up --prometheus auto`, or name one with --prometheus URL"
        )
    return url
