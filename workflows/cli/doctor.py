"""Examine what a release needs, and say of each thing how it is and what mends it.

Nothing is changed and no hook is called. Every check has a deadline, and all are made, whatever becomes of the others.
"""

import argparse
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from workflows import canary
from workflows.canary.templates import DEFAULT_NAMESPACE
from workflows.cli.arguments import read_resolve
from workflows.cli.subject import NoCanaryError, add_cluster_options, connect, read_name, read_object
from workflows.cluster import connection
from workflows.cluster.client import Cluster
from workflows.doctor import examination
from workflows.doctor.finding import Finding, Result, failed, ok, skipped
from workflows.doctor.patient import Patient
from workflows.errors import ConfigurationError, ExitCode, PenstockError
from workflows.output import TABLE, add_output_option, show
from workflows.progress import waiting
from workflows.reports.text import printable
from workflows.rollout.plan import RolloutPlan
from workflows.states.place import Place

EXIT_CODES = "exit codes: 0 nothing failed, 1 something did, 78 bad arguments"
FAULTY = 1
"""The exit code where something keeps releases from working."""

_STYLES = {Result.OK: "green", Result.WARNING: "yellow", Result.FAILED: "bold red", Result.SKIPPED: "dim"}


def main(argv: Sequence[str]) -> int:
    """Examine and print; 1 where anything failed."""
    arguments = make_parser().parse_args(list(argv))
    resolve = read_resolve(arguments.resolve)
    findings = [finding for check in examination.HERE for finding in examination.perform(check)]
    with waiting("examining") as tell:
        tell("cluster")
        cluster = _reach(arguments, findings)
        plan = _read_plan(arguments, cluster, findings)
        in_pod = (connection.SERVICE_ACCOUNT / "token").exists()
        patient = Patient(cluster, plan, arguments.prometheus, arguments.server, resolve, in_pod)
        for check in examination.list_checks(patient):
            tell(check.name)
            findings += examination.perform(check)
    _print(arguments.output, findings)
    return FAULTY if any(each.result is Result.FAILED for each in findings) else ExitCode.PROMOTED


def make_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        "penstock doctor",
        description=__doc__,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--canary", default="", metavar="FILE|NAME", help="a file with one Canary, or one of the cluster's"
    )
    add_cluster_options(parser)
    parser.add_argument("--prometheus", default="", metavar="URL", help="where metrics are asked (spec.metricsServer)")
    parser.add_argument(
        "--server",
        default=os.environ.get("PENSTOCK_URL", ""),
        metavar="URL",
        help="the webhook service to look at (PENSTOCK_URL)",
    )
    parser.add_argument(
        "--resolve",
        action="append",
        default=[],
        metavar="HOST:PORT=HOST:PORT",
        help="look for the first, named in a webhook's url, at the second",
    )
    add_output_option(parser)
    return parser


def _reach(arguments: argparse.Namespace, findings: list[Finding]) -> Cluster | None:
    variable = "" if arguments.kubeconfig else os.environ.get("KUBECONFIG", "")
    named = arguments.kubeconfig or arguments.context or variable or _is_object(arguments.canary)
    try:
        cluster = connect(arguments)
    except ConfigurationError as error:
        mend = "name a kubeconfig with --kubeconfig, or run in a pod with a service account"
        mend = f"KUBECONFIG is {variable!r}: name one there that works, or unset it; {mend}" if variable else mend
        findings.append(failed("cluster", str(error), mend) if named else skipped("cluster", str(error)))
        return None
    try:
        version = cluster.read("/version")
    except PenstockError as error:
        findings.append(failed("cluster", str(error), "look at the address and the credentials of the kubeconfig"))
        return None
    findings.append(ok("cluster", f"Kubernetes {version.get('gitVersion')} answers"))
    return cluster


def _read_plan(arguments: argparse.Namespace, cluster: Cluster | None, findings: list[Finding]) -> RolloutPlan | None:
    if not arguments.canary:
        return None
    try:
        if not _is_object(arguments.canary):
            plan = canary.load(Path(arguments.canary))
        elif cluster is None:
            findings.append(skipped("canary", examination.NO_CLUSTER))
            return None
        else:
            place = Place(arguments.namespace or DEFAULT_NAMESPACE, read_name(arguments.canary))
            plan, _ = read_object(cluster, place)
    except NoCanaryError as error:
        unsaid = "" if arguments.namespace else f"; no -n was given, so it was looked for in {DEFAULT_NAMESPACE}"
        findings.append(failed("canary", str(error), f"kubectl get canaries -A lists those of the cluster{unsaid}"))
        return None
    except PenstockError as error:
        findings.append(failed("canary", str(error), "penstock lint FILE says what is wrong with a file"))
        return None
    findings.append(ok("canary", f"{plan.key} can be read; its provider is {plan.provider or 'the default'}"))
    return plan


def _is_object(text: str) -> bool:
    """Tell whether a Canary of the cluster is named, and no file."""
    if not text or Path(text).exists() or text.endswith((".yaml", ".yml", ".json")):
        return False
    return "/" not in text.removeprefix("canary/")


def _print(form: str, findings: Sequence[Finding]) -> None:
    if form != TABLE:
        show(form, [each.write() for each in findings], str)
        return
    # Loaded for people alone; it knows whether a terminal is there to be coloured, and NO_COLOR.
    console = import_module("rich.console").Console(highlight=False, soft_wrap=True)
    text = import_module("rich.text").Text
    width = max(len(each.name) for each in findings)
    for each in findings:
        result = (f"{each.result.value:8}", _STYLES[each.result])
        console.print(text.assemble(f"{each.name:{width}}  ", result, printable(each.said)))
        if each.mend:
            console.print(text(f"{'':{width}}  {'':8}mend: {printable(each.mend)}"))
    counts = {result: sum(each.result is result for each in findings) for result in Result}
    console.print(", ".join(f"{count} {result.value}" for result, count in counts.items() if count))
