"""Read what `run` and `stage` have in common from the command line: the platform, and how to reach it."""

import argparse
import os
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path

from workflows import canary, wiring
from workflows.cli.subject import Subject
from workflows.errors import ConfigurationError
from workflows.ports import EventSink, Platform


def add_platform_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where a release happens."""
    parser.add_argument(
        "--dir", type=Path, default=wiring.LOCAL_DIRECTORY, metavar="DIR", help="the local platform's folder"
    )
    parser.add_argument("--interval", metavar="4s", help="instead of spec.analysis.interval")
    parser.add_argument("--judge", metavar="NAME", help="threshold, evidence or evidence-strict")
    parser.add_argument("--prometheus", default="", metavar="URL", help="where metrics are asked, or auto")
    parser.add_argument(
        "--notify",
        action="append",
        default=[],
        metavar="URL",
        help="an Apprise URL that hears of the release; more stand in PENSTOCK_NOTIFY, with spaces between them",
    )
    parser.add_argument(
        "--resolve",
        action="append",
        default=[],
        metavar="HOST:PORT=HOST:PORT",
        help="reach the first, named in a webhook's url, at the second",
    )


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


def build_platform(arguments: argparse.Namespace, subject: Subject, events: EventSink) -> Platform:
    """Build the platform that the options name; one that is not there is said now, not after a deadline."""
    prometheus = _find_prometheus(arguments.dir) if arguments.prometheus == "auto" else arguments.prometheus
    wishes = wiring.Wishes(
        directory=arguments.dir,
        canary=subject.file,
        prometheus=prometheus,
        resolve=read_resolve(arguments.resolve),
        events=events,
        cluster=subject.cluster,
        source=canary.extract(subject.text) if subject.cluster else "",
        notify=(*arguments.notify, *os.environ.get("PENSTOCK_NOTIFY", "").split()),
    )
    return wiring.build(subject.platform, subject.plan, wishes)


def _find_prometheus(directory: Path) -> str:
    # Loaded when asked for: a stage of a cluster has no local platform to pay for.
    url: str = import_module("workflows.local.folder").read_book(directory).prometheus
    if not url:
        raise ConfigurationError(
            f"--prometheus auto: the platform in {directory} has no Prometheus; "
            "start it with `penstock local up --prometheus auto`, or name one with --prometheus URL"
        )
    return url
