"""Run a service on this machine behind Envoy."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from workflows.clocks import SystemClock
from workflows.errors import ConfigurationError, ExitCode, PenstockError
from workflows.local import folder, platform, supervisor
from workflows.local.platform import Start
from workflows.output import add_output_option, show
from workflows.progress import waiting
from workflows.rollout.traffic import Arm
from workflows.routers.envoy import EnvoyRouter
from workflows.states import files
from workflows.states.files import FileStateStore
from workflows.workloads import deployment, process_folder

_MAX_PORT = (1 << 16) - 1


def main(argv: Sequence[str]) -> int:
    """Run one of the local platform's commands."""
    arguments = make_parser().parse_args(list(argv))
    code: int = arguments.run(arguments)
    return code


def make_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser("penstock local", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="up|apply|status|down")
    _add_up(_add(commands, "up", _up, "start the platform and return once the service answers"))
    apply = _add(commands, "apply", _apply, "ask for another Deployment, as kubectl apply does")
    apply.add_argument("file", type=Path, metavar="FILE", help="a Kubernetes Deployment")
    status = _add(commands, "status", _status, "show what runs and where traffic goes")
    add_output_option(status)
    _add(commands, "down", _down, "send the traffic home and stop everything")
    return parser


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, run: object, summary: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=summary)
    parser.add_argument(
        "--dir", type=Path, default=folder.DEFAULT, metavar="DIR", help=f"the platform's folder ({folder.DEFAULT})"
    )
    parser.set_defaults(run=run)
    return parser


def _add_up(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--deployment", type=Path, required=True, metavar="FILE", help="a Kubernetes Deployment")
    parser.add_argument(
        "--port", type=int, default=0, metavar="PORT", help="where users find the service on 127.0.0.1; 0 is any (0)"
    )
    parser.add_argument("--prometheus", choices=("auto",), default="", help="auto starts this machine's prometheus")
    parser.add_argument("--wait", type=float, default=platform.READY_WITHIN_S, metavar="SECONDS", help="wait at most")
    parser.add_argument("--foreground", action="store_true", help="stay in front until Ctrl+C")
    parser.add_argument("--with-stdin", action="store_true", help="in front: also stop when stdin is closed")


def _up(arguments: argparse.Namespace) -> int:
    if not 0 <= arguments.port <= _MAX_PORT:
        raise ConfigurationError(f"--port {arguments.port}: not within 0 to {_MAX_PORT}")
    if arguments.foreground:
        return _stay(arguments)
    wishes = Start(arguments.deployment, arguments.port, arguments.prometheus, ready_within_s=arguments.wait)
    with waiting("starting the platform"):
        running = platform.start(arguments.dir, wishes)
    book = running.book
    _say(f"{book.name} is at http://{book.addresses.apex}")
    _say(f"primary alone: http://{book.addresses.primary}  canary alone: http://{book.addresses.canary}")
    if book.prometheus:
        _say(f"prometheus: {book.prometheus}")
    return ExitCode.PROMOTED


def _stay(arguments: argparse.Namespace) -> int:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    directory = arguments.dir.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    settings = supervisor.Settings(
        directory=directory,
        deployment=deployment.load(arguments.deployment),
        environment=dict(os.environ),
        port=arguments.port,
        prometheus=arguments.prometheus == "auto",
        with_stdin=arguments.with_stdin,
    )
    supervisor.supervise(settings)
    return ExitCode.PROMOTED


def _apply(arguments: argparse.Namespace) -> int:
    revision = platform.apply(arguments.dir, arguments.file)
    adopted = process_folder.read_wish(arguments.dir).adopted
    then = (
        "release it with `penstock run`"
        if adopted
        else "no release looks after the service yet: it is replaced at once"
    )
    _say(f"target is at revision {revision}; {then}")
    return ExitCode.PROMOTED


def _down(arguments: argparse.Namespace) -> int:
    _say("stopped" if platform.stop(arguments.dir) else f"nothing runs in {arguments.dir}")
    return ExitCode.PROMOTED


def _status(arguments: argparse.Namespace) -> int:
    shown = describe(arguments.dir)
    show(arguments.output, shown, partial(_draw, shown))
    return ExitCode.PROMOTED


def _draw(shown: Mapping[str, object]) -> str:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in shown.items()}
    return "".join(f"{name:10} {text}\n" for name, text in texts.items())


def describe(directory: Path) -> dict[str, object]:
    """Describe a running platform; raises UnavailableError when none runs."""
    book = platform.running(directory)
    wish, seen = process_folder.read_wish(directory), process_folder.read_sighting(directory)
    route = EnvoyRouter(directory).read()
    return {
        "name": book.name,
        "namespace": book.namespace,
        "supervisor": book.pid,
        "addresses": asdict(book.addresses),
        "admin": book.admin,
        "prometheus": book.prometheus,
        "ready": book.ready,
        "weights": {"primary": route.primary_percent, "canary": route.canary_percent},
        "route": asdict(route),
        "revisions": {"target": wish.target.template.revision, "primary": wish.primary.template.revision},
        "replicas": {arm.value: [asdict(replica) for replica in seen.of(arm).replicas] for arm in Arm},
        "releases": {key: _phase(directory, key) for key in files.keys(directory)},
    }


def _phase(directory: Path, key: str) -> str:
    try:
        state = FileStateStore(directory, key, SystemClock()).load()
    except PenstockError as error:
        return str(error)
    return state.phase.value if state else "unknown"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
