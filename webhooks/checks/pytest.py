"""Run a pytest suite against the target and read its JUnit file back, failures by name.

The suite finds the target in PENSTOCK_TARGET (a URL it can connect to) and PENSTOCK_TARGET_HOST (for the Host header),
its parameters in PENSTOCK_PARAM_NAME. A suite that ran no test has not passed.
"""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from webhooks.catalog import CatalogTest, PytestSpec
from webhooks.checks.job import CheckResult, Ended, Job, Outcome, Target, join_reasons, python_command

_JUNIT = "junit.xml"
_INI = "pytest.ini"
_NO_TESTS = 5
_JUNIT_LIMIT = 16 * 1024 * 1024
_FAILED = ("failure", "error")


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
        f"--junitxml={_JUNIT}",
        "-q",
        "--tb=short",
    ]
    options += ["-p", "no:cacheprovider", *(part for name in spec.plugins for part in ("-p", name))]
    options += ["-k", spec.keyword] if spec.keyword else []
    environ = {
        "PENSTOCK_TARGET": target.direct_url,
        "PENSTOCK_TARGET_HOST": target.host,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **{f"PENSTOCK_PARAM_{name.upper()}": value for name, value in parameters.items()},
    }
    return Job(python_command("pytest", *options, "--", str(suite)), files={_INI: "[pytest]\n"}, environ=environ)


def read(_: CatalogTest, ended: Ended) -> CheckResult:
    """Read the JUnit file; without one, or with an exit status that does not fit it, the suite is inconclusive."""
    try:
        tally = _count(ended.folder / _JUNIT)
    except (OSError, ValueError, ET.ParseError):
        return CheckResult(Outcome.INCONCLUSIVE, f"pytest left no readable {_JUNIT} ({_explain(ended)})")
    if tally.failures:
        return CheckResult(Outcome.FAILED, f"{len(tally.failures)} of {tally.tests} failed: {tally.first_failures}")
    if ended.status == _NO_TESTS or tally.tests == tally.skipped:
        return CheckResult(Outcome.FAILED, f"no test ran ({tally.tests} found, {tally.skipped} skipped)")
    if ended.status != 0:
        return CheckResult(Outcome.INCONCLUSIVE, f"pytest: {_explain(ended)}")
    skipped = f", {tally.skipped} skipped" if tally.skipped else ""
    return CheckResult(Outcome.PASSED, f"{tally.tests - tally.skipped} tests passed{skipped}")


@dataclass(frozen=True, slots=True)
class _Tally:
    tests: int
    skipped: int
    failures: tuple[str, ...]

    @property
    def first_failures(self) -> str:
        return join_reasons(self.failures)


def _count(path: Path) -> _Tally:
    if path.stat().st_size > _JUNIT_LIMIT:
        raise ValueError(f"{path.name} has more than {_JUNIT_LIMIT} bytes")
    cases = list(ET.parse(path).getroot().iter("testcase"))  # noqa: S314 - our own child's file, of bounded size
    failures = tuple(text for case in cases for text in _failures(case))
    return _Tally(len(cases), sum(case.find("skipped") is not None for case in cases), failures)


def _failures(case: ET.Element) -> list[str]:
    found = next((case.find(tag) for tag in _FAILED if case.find(tag) is not None), None)
    if found is None:
        return []
    message = " ".join(found.get("message", "").split())
    return [f"{case.get('name')}: {message}" if message else str(case.get("name"))]


def _explain(ended: Ended) -> str:
    last = next((line.strip() for line in reversed(ended.stdout.splitlines()) if line.strip()), "")
    return f"{ended.describe()}; {last}" if last else ended.describe()
