"""Run a pytest suite against the target and read its JUnit file back, failures by name.

The suite finds the target in PENSTOCK_TARGET (a URL it can connect to) and PENSTOCK_TARGET_HOST (for the Host header),
its parameters in PENSTOCK_PARAM_NAME. A suite that ran no test has not passed.
"""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from webhooks.catalog import CatalogTest, PytestSpec
from webhooks.checks.job import CheckResult, Ended, Job, Outcome, Target, describe_target, python_command
from webhooks.checks.junit import JUNIT, Tally, count

_INI = "pytest.ini"
_NO_TESTS = 5


def prepare(test: CatalogTest, target: Target, parameters: Mapping[str, str]) -> Job:
    """Describe the child that runs the suite, apart from any configuration but the suite's own."""
    spec = test.spec
    if not isinstance(spec, PytestSpec):
        raise TypeError(f"{test.name} is not a test of kind pytest")
    suite = Path(spec.path)
    home = suite if suite.is_dir() else suite.parent
    own = home / _INI
    options = [
        "-c",
        str(own) if own.exists() else _INI,
        f"--rootdir={home}",
        f"--junitxml={JUNIT}",
        "-q",
        "--tb=short",
    ]
    options += ["-p", "no:cacheprovider", *(part for name in spec.plugins for part in ("-p", name))]
    options += ["-k", spec.keyword] if spec.keyword else []
    environ = {
        **describe_target(target, parameters),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return Job(python_command("pytest", *options, "--", str(suite)), files={_INI: "[pytest]\n"}, environ=environ)


def read(_: CatalogTest, ended: Ended) -> CheckResult:
    """Read the JUnit file; without one, or with an exit status that does not fit it, the suite is inconclusive."""
    try:
        tally = count(ended.folder / JUNIT)
    except (OSError, ValueError, ET.ParseError):
        return CheckResult(Outcome.INCONCLUSIVE, f"pytest left no readable {JUNIT} ({_explain(ended)})")
    return replace(_judge(tally, ended), report=tally.write_report())


def _judge(tally: Tally, ended: Ended) -> CheckResult:
    if tally.failures:
        return CheckResult(Outcome.FAILED, f"{len(tally.failures)} of {tally.tests} failed: {tally.first_failures}")
    if ended.status == _NO_TESTS or tally.tests == tally.skipped:
        return CheckResult(Outcome.FAILED, f"no test ran ({tally.tests} found, {tally.skipped} skipped)")
    if ended.status != 0:
        return CheckResult(Outcome.INCONCLUSIVE, f"pytest: {_explain(ended)}")
    skipped = f", {tally.skipped} skipped" if tally.skipped else ""
    return CheckResult(Outcome.PASSED, f"{tally.tests - tally.skipped} tests passed{skipped}")


def _explain(ended: Ended) -> str:
    last = next((line.strip() for line in reversed(ended.stdout.splitlines()) if line.strip()), "")
    return f"{ended.describe()}; {last}" if last else ended.describe()
