"""Run a command of the catalog, without a shell, and read its exit status and the JUnit file it may leave.

Exit status 0 has passed, unless the JUnit file names failures, or the command is a load tool that met errors alone.
"""

import logging
import shutil
import signal
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from webhooks.catalog import CatalogTest, CommandSpec
from webhooks.checks import tool_output
from webhooks.checks.job import CheckResult, Ended, Job, Outcome, Target, describe_target, fill
from webhooks.checks.junit import Tally, count

_log = logging.getLogger("penstock.commands")
_NOT_FOUND = 127


def prepare(test: CatalogTest, target: Target, parameters: Mapping[str, str]) -> Job:
    """Describe the child; raises FileNotFoundError when there is no such program."""
    spec = _spec(test)
    values = {**parameters, "folder": spec.folder, "target": target.direct_url, "target_host": target.host}
    argv = spec.argv if spec.verbatim else tuple(fill(word, values) for word in spec.argv)
    program = spec.needs or argv[0]
    if not test.in_cluster and shutil.which(program) is None:
        raise FileNotFoundError(f'exec: "{program}": executable file not found in $PATH')
    own = {name: fill(text, values) for name, text in spec.environment.items()}
    return Job(argv, environ=describe_target(target, parameters) | own, passed_on=spec.pass_on)


def _spec(test: CatalogTest) -> CommandSpec:
    if not isinstance(test.spec, CommandSpec):
        raise TypeError(f"{test.name} is not a test of kind command")
    return test.spec


def read(test: CatalogTest, ended: Ended) -> CheckResult:
    """Judge the end of the command."""
    spec = _spec(test)
    result = _judge(spec, ended)
    if spec.log_output or result.outcome is not Outcome.PASSED:
        _log.info("output of %s: %s", test.name, ended.stdout + ended.stderr)
    return result


def _judge(spec: CommandSpec, ended: Ended) -> CheckResult:
    tally = _read_junit(ended.folder / spec.junit)
    result = _judge_end(spec, ended, tally)
    return result if tally is None else replace(result, report=tally.write_report())


def _judge_end(spec: CommandSpec, ended: Ended, tally: Tally | None) -> CheckResult:
    if tally is not None and tally.failures:
        return CheckResult(Outcome.FAILED, f"{len(tally.failures)} of {tally.tests} failed: {tally.first_failures}")
    if ended.status != 0:
        return CheckResult(Outcome.FAILED, describe_exit(ended))
    fault = tool_output.find_fault(" ".join(spec.argv), ended.stdout)
    if fault:
        return CheckResult(Outcome.FAILED, fault)
    if tally is None:
        return CheckResult(Outcome.PASSED, "exit status 0")
    skipped = f", {tally.skipped} skipped" if tally.skipped else ""
    return CheckResult(Outcome.PASSED, f"{tally.tests - tally.skipped} tests passed{skipped}")


def _read_junit(path: Path) -> Tally | None:
    try:
        return count(path)
    except (OSError, ValueError, ET.ParseError):
        return None


def describe_exit(ended: Ended) -> str:
    """Say how a command ended, as Go does, and the last thing it wrote."""
    how = f"exit status {ended.status}"
    if ended.status < 0:
        number = signal.Signals(-ended.status)
        how = f"signal: {_GO_NAMES.get(number, number.name)}"
    lines = [line.strip() for text in (ended.stdout, ended.stderr) for line in text.splitlines() if line.strip()]
    last = lines[-1] if lines else "command not found" if ended.status == _NOT_FOUND else ""
    return f"{how}: {last}" if last else how


_GO_NAMES = {signal.SIGKILL: "killed", signal.SIGTERM: "terminated", signal.SIGINT: "interrupt"}
