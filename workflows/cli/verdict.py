"""Give the verdict on a release, or on the metrics of a canary, as an exit code.

Without --window it is that of the release: under way, promoted, rolled back. With --window the metrics of so long are
judged now, by --prometheus here or by a service (--server URL, which gets PENSTOCK_TOKEN).
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from workflows import canary, wiring
from workflows.canary import durations
from workflows.canary.source import fetch
from workflows.canary.templates import DEFAULT_NAMESPACE
from workflows.cli.subject import KUBERNETES, LOCAL, add_cluster_options, connect, read_name, read_object
from workflows.clocks import SystemClock
from workflows.errors import ConfigurationError, ExitCode, TemporaryError
from workflows.output import add_output_option, show
from workflows.ports import Clock
from workflows.progress import waiting
from workflows.reports.text import number, printable
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.state import Verdict
from workflows.states.place import Place
from workflows.verdicts import remote, standing
from workflows.verdicts.bench import Bench, UnknownCanaryError
from workflows.verdicts.question import Question, read_question

EXIT_CODES = """exit codes:
  0 passed    10 failed    11 inconclusive: under way, or too little to tell
  75 temporary trouble     78 bad configuration"""

ASK_EVERY = timedelta(seconds=5)
"""How often is asked while the verdict is waited for."""

_CODES = {Verdict.PASSED: ExitCode.PROMOTED, Verdict.FAILED: ExitCode.ROLLED_BACK}

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Subject:
    """Hold which canary is meant, and its plan where it comes from a file."""

    place: Place
    plan: RolloutPlan | None = None
    spec: Mapping[str, Any] | None = None


def main(argv: Sequence[str], clock: Clock | None = None) -> int:
    """Give the verdict; wait for it where that was asked."""
    arguments = make_parser().parse_args(list(argv))
    subject = _find(arguments)
    fields = _write_fields(arguments, subject)
    question = read_question(fields)
    ask = _choose(arguments, subject, question, fields)
    with waiting(f"waiting for the verdict on {subject.place.key}"):
        answer = _await(ask, _read_wait(arguments.wait), clock or SystemClock())
    show(arguments.output, answer, partial(_draw, subject.place, answer))
    return _CODES.get(Verdict(answer["verdict"]), ExitCode.INCONCLUSIVE)


def make_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        "penstock verdict", description=__doc__, epilog=EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, nargs="?", metavar="CANARY", help="a file with one Canary")
    parser.add_argument("--canary", metavar="NAME", help="a Canary in the cluster, not a file")
    add_cluster_options(parser)
    parser.add_argument("--platform", choices=(KUBERNETES, LOCAL), help="where its release is (of a file local)")
    parser.add_argument("--dir", type=Path, default=wiring.LOCAL_DIRECTORY, metavar="DIR", help="the local platform")
    parser.add_argument(
        "--server", default="", metavar="URL", help="ask this service, with PENSTOCK_TOKEN if it is set"
    )
    parser.add_argument("--prometheus", default="", metavar="URL", help="judge by the metrics there, without a service")
    parser.add_argument("--window", default="", metavar="5m", help="judge the metrics of so long")
    parser.add_argument("--judge", default="", metavar="NAME", help="threshold, evidence or evidence-strict")
    parser.add_argument(
        "--weight", default="", metavar="PERCENT", help="the canary's share of the traffic in the window"
    )
    parser.add_argument("--primary-hash", default="", metavar="HASH", help="the pod template hash of an Argo Rollout")
    parser.add_argument("--canary-hash", default="", metavar="HASH", help="the same of its canary")
    parser.add_argument("--wait", metavar="10m", help="ask again until the verdict is final, at most so long")
    add_output_option(parser)
    return parser


def _find(arguments: argparse.Namespace) -> _Subject:
    if (arguments.file is None) is (arguments.canary is None):
        raise ConfigurationError("name one canary: a file, or --canary NAME for one in the cluster")
    if arguments.file is None:
        return _Subject(Place(arguments.namespace or DEFAULT_NAMESPACE, read_name(arguments.canary)))
    plan, text = canary.load(arguments.file), fetch(str(arguments.file))
    if arguments.namespace not in {None, plan.namespace}:
        raise ConfigurationError(f"{arguments.file}: its namespace is {plan.namespace}, not {arguments.namespace}")
    documents = [json.loads(each) for each in canary.extract(str(text)).split("\n---\n")]
    spec = next(each["spec"] for each in documents if "targetRef" in each["spec"])
    return _Subject(Place(plan.namespace, plan.name), plan, spec)


def _write_fields(arguments: argparse.Namespace, subject: _Subject) -> dict[str, object]:
    """Write the question as it goes to a service."""
    fields: dict[str, object] = {
        "window": arguments.window,
        "judge": arguments.judge,
        "weight": arguments.weight,
        "primaryHash": arguments.primary_hash,
        "canaryHash": arguments.canary_hash,
        "spec": subject.spec if arguments.window and arguments.server else None,
    }
    return {"canary": subject.place.key, **{name: value for name, value in fields.items() if value}}


def _choose(
    arguments: argparse.Namespace, subject: _Subject, question: Question, fields: Mapping[str, object]
) -> Callable[[], Answer]:
    if arguments.server:
        if arguments.prometheus:
            raise ConfigurationError("--server, --prometheus: give one; a service judges by its own Prometheus")
        token = os.environ.get("PENSTOCK_TOKEN", "")
        return lambda: remote.ask(arguments.server, fields, token)
    if question.window is None:
        return lambda: _stand(arguments, question.place)
    window = question.window
    bench, plan = _open(arguments, subject)
    return lambda: bench.measure(plan, question, window).describe()


def _open(arguments: argparse.Namespace, subject: _Subject) -> tuple[Bench, RolloutPlan]:
    if subject.plan is not None:
        cluster = connect(arguments) if arguments.platform == KUBERNETES else None
        plan = subject.plan
    else:
        cluster = connect(arguments)
        plan, _ = read_object(cluster, subject.place)
    return Bench(arguments.prometheus or plan.metrics_server, cluster, SystemClock()), plan


def _stand(arguments: argparse.Namespace, place: Place) -> Answer:
    platform = arguments.platform or (LOCAL if arguments.file else KUBERNETES)
    if platform == KUBERNETES:
        return Bench("", connect(arguments), SystemClock()).stand(place).describe()
    state = wiring.open_states(LOCAL, place, wiring.Wishes(directory=arguments.dir)).load()
    if state is None:
        raise UnknownCanaryError(f"{place.key}: no release of it is known in {arguments.dir}; look at --dir")
    plan = canary.load(arguments.file) if arguments.file else None
    return standing.of_state(state, plan).describe()


def _read_wait(text: str | None) -> timedelta:
    if text is None:
        return timedelta()
    try:
        return durations.parse(text)
    except durations.DurationError as error:
        raise ConfigurationError(f"--wait: {text!r} {error}") from error


def _await(ask: Callable[[], Answer], patience: timedelta, clock: Clock) -> Answer:
    """Ask until the verdict is final or the patience ends; trouble on the way is told and asked through."""
    deadline = clock.now() + patience
    while True:
        left = deadline - clock.now()
        try:
            answer = ask()
        except TemporaryError as error:
            if left <= timedelta():
                raise
            sys.stderr.write(f"penstock: {printable(str(error))}; asking again\n")
        else:
            if answer.get("final", True) or left <= timedelta():
                return answer
        clock.sleep(min(ASK_EVERY, left))


def _draw(place: Place, answer: Answer) -> str:
    score = f", score {number(answer['score'])}" if answer.get("score") is not None else ""
    lines = [f"{place.key}: {answer['verdict']}{score}: {answer.get('reason', '')}"]
    metrics = answer.get("metrics") or {}
    lines += [f"  {name}: {each.get('verdict')}: {each.get('reason')}" for name, each in metrics.items()]
    return "".join(f"{line[: len(line) - len(line.lstrip())]}{printable(line)}\n" for line in lines)
