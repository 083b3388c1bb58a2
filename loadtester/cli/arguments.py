"""Say which words the commands understand, and make a plan of them."""

import argparse
import sys
from pathlib import Path
from typing import Any

from loadtester.cli.exits import EXIT_BAD_PLAN
from loadtester.errors import PlanError
from loadtester.plan import LoadPlan
from loadtester.plan_file import parse_command, parse_duration, plan_from, read_plan

_PLAN_KEYS = ("target", "rate", "users", "duration", "timeout", "thresholds", "compare_with", "locustfile")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]  # it never returns either way
        """End with the exit code of a bad plan."""
        self.print_usage(sys.stderr)
        self.exit(EXIT_BAD_PLAN, f"{self.prog}: {message}\n")


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line; a fault in it ends the process with 104."""
    return make_parser().parse_args(argv)


def make_parser() -> argparse.ArgumentParser:
    """Describe the commands."""
    parser = _Parser(prog="penstock load", description="Make load on a target and judge it.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser, metavar="COMMAND")
    run = _add(commands, "run", "run a plan; the exit code is its verdict")
    _add_plan(run)
    run.set_defaults(compare_with=None)
    compare = _add(commands, "compare", "run one plan against canary and primary at once")
    _add_plan(compare)
    compare.add_argument("--primary", dest="compare_with", metavar="URL", help="the URL of the primary")
    _add_share(compare, "--error-tolerance", 0.01, "how many more may fail, as a share of the requests")
    _add_share(compare, "--latency-tolerance", 0.1, "how much slower it may be, as a share of the primary's latency")
    report = _add(commands, "report", "write the reports of a run from its JSON document")
    report.add_argument("document", type=Path, metavar="FILE", help="what --json wrote")
    report.add_argument(
        "--report", type=Path, metavar="DIR", default=Path("load-report"), help="where to write them (load-report)"
    )
    _add_others(commands)
    return parser


def _add(commands: "argparse._SubParsersAction[_Parser]", name: str, text: str) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=text, description=text)


def _add_share(parser: argparse.ArgumentParser, flag: str, default: float, text: str) -> None:
    parser.add_argument(flag, type=float, default=default, metavar="SHARE", help=f"{text} ({default})")


def _add_others(commands: "argparse._SubParsersAction[_Parser]") -> None:
    render = _add(commands, "render", "print the manifests of a run in a cluster")
    _add_plan(render)
    render.set_defaults(compare_with=None)
    _add(commands, "schema", "print the JSON schema of a plan file")
    worker = _add(commands, "worker", "be one worker of a run that another process leads")
    worker.add_argument("plan", type=Path, metavar="FILE", help="a plan file, YAML or JSON")
    worker.add_argument("--master", required=True, metavar="HOST:PORT", help="where the process is that leads")
    worker.add_argument("--workers", type=int, required=True, metavar="N", help="how many workers the run has")


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", nargs="?", type=Path, metavar="FILE", help="a plan file, YAML or JSON")
    parser.add_argument("--target", metavar="URL", help="the URL to load")
    parser.add_argument("--rate", metavar="RPS", help="arrivals per second (open mode)")
    parser.add_argument("--users", metavar="N", help="users (closed mode)")
    parser.add_argument("--duration", metavar="30s", help="how long; without one until cancelled, at most one hour")
    parser.add_argument("--timeout", metavar="5s", help="a request without an answer by then has failed")
    parser.add_argument("--threshold", action="append", dest="thresholds", metavar="EXPR", help="what must hold")
    parser.add_argument("--locustfile", metavar="FILE", help="run this file's users instead of a plan's requests")
    parser.add_argument("--line", metavar="'hey ...'", help="take the plan from a hey or wrk command line")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the run's JSON document there")
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="write HTML, JUnit, Markdown and other reports there"
    )
    parser.add_argument("--live", action="store_true", help="write one JSON line a tick to standard output")
    parser.add_argument("--tick", type=float, default=1.0, metavar="SECONDS", help="how often (1)")
    _add_team(parser)
    parser.add_argument("--at-most", metavar="5m", default="", help="refuse a load that lasts longer")
    parser.add_argument("--allow-target", action="append", metavar="HOST", help="refuse any other host")


def _add_team(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="make the load with so many processes")
    parser.add_argument("--bind", metavar="HOST:PORT", help="lead workers that others start, from this address")
    parser.add_argument("--web", type=int, default=0, metavar="PORT", help="show Locust's web UI on this loopback port")
    parser.add_argument("--in-cluster", action="store_true", help="run master and workers as Kubernetes Jobs")
    for flag, default, metavar, text in (
        ("--image", "penstock", "IMAGE", "the image that has penstock installed"),
        ("--namespace", "default", "NS", "where the Jobs run"),
        ("--name", "penstock-load", "NAME", "what the Jobs are called"),
    ):
        parser.add_argument(flag, default=default, metavar=metavar, help=f"in a cluster: {text} ({default})")


def plan_of(given: argparse.Namespace) -> LoadPlan:
    """Make the plan that the command line asks for; raises PlanError."""
    words = _move_query({key: getattr(given, key) for key in _PLAN_KEYS if getattr(given, key, None) is not None})
    sources = [given.plan is not None, given.line is not None]
    if all(sources):
        raise PlanError("--line: the plan file says it already; leave one of the two out")
    extra = [key for key in words if key != "compare_with"]
    if any(sources) and extra:
        raise PlanError(f"--{extra[0].rstrip('s')}: the plan says it already; leave one of the two out")
    if given.plan is not None:
        plan = read_plan(given.plan, **words)
    elif given.line is not None:
        plan = plan_from(parse_command(given.line) | words)
    else:
        plan = plan_from(words)
    if given.command == "compare" and not plan.compare_with:
        raise PlanError("compare_with: is missing; say --primary URL")
    plan.require_allowed(given.allow_target)
    _require_within(plan, given.at_most)
    if plan.http.ca_file and not Path(plan.http.ca_file).is_file():
        raise PlanError(f"tls.ca_file: {plan.http.ca_file} is not a file")
    return plan


def _require_within(plan: LoadPlan, at_most: str) -> None:
    if not at_most:
        return
    try:
        longest_s = parse_duration(at_most)
    except ValueError:
        raise PlanError(f"--at-most: {at_most!r} is not a duration, such as 90s or 5m") from None
    if plan.length_s > longest_s:
        raise PlanError(f"duration: {plan.length_s:g}s is longer than {at_most}, the most that is allowed (--at-most)")


def _move_query(words: dict[str, Any]) -> dict[str, Any]:
    """Let `--target http://host/path?query` mean one request with that path and query."""
    base, mark, query = str(words.get("target", "")).partition("?")
    if not mark:
        return words
    scheme, sign, rest = base.partition("://")
    host, _, path = rest.partition("/")
    return {**words, "target": f"{scheme}{sign}{host}", "requests": [{"path": f"/{path}?{query}"}]}
