"""Run `helm test` of the canary's release and read how it ended, test by test."""

import re
from collections.abc import Mapping

from webhooks.catalog import CatalogTest, HelmTestSpec
from webhooks.checks.command import describe_exit
from webhooks.checks.job import CheckResult, Ended, Job, Outcome, Target
from webhooks.checks.junit import Case, Tally

CLUSTER_VARIABLES = ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
"""The variables by which a client finds its cluster."""

# What `helm test` writes of each test; of a release without any it says None.
_SUITE = re.compile(r"^TEST SUITE:\s+(\S+)(?:\n(?!TEST SUITE:).*){0,2}\n?(?:Phase:\s+(\S+))?", re.MULTILINE)
_NONE = "None"
_PHASES = {"Succeeded": Outcome.PASSED.value, "Failed": Outcome.FAILED.value}


def prepare(test: CatalogTest, target: Target, _: Mapping[str, str]) -> Job:
    """Describe the child."""
    spec = test.spec
    if not isinstance(spec, HelmTestSpec):
        raise TypeError(f"{test.name} is not a test of kind helm-test")
    release, namespace = (_fill(text, target) for text in (spec.release, spec.namespace))
    options = ["--namespace", namespace, "--timeout", f"{test.timeout_s:.0f}s", "--logs"]
    options += ["--filter", spec.filter] if spec.filter else []
    return Job(("helm", "test", release, *options), passed_on=(*CLUSTER_VARIABLES, "HOME"))


def _fill(text: str, target: Target) -> str:
    return text.replace("{name}", target.name).replace("{namespace}", target.namespace)


def read(_: CatalogTest, ended: Ended) -> CheckResult:
    """Judge by the exit status, failures by name; a release without a test has not passed."""
    found = _SUITE.findall(ended.stdout)
    tally = Tally(tuple(Case(name, _PHASES.get(phase, "skipped")) for name, phase in found if name != _NONE))
    report = tally.write_report() if tally.cases else ""
    if ended.status:
        named = f"{len(tally.failures)} of {tally.tests} failed: {tally.first_failures}; " if tally.failures else ""
        return CheckResult(Outcome.FAILED, named + describe_exit(ended), report)
    if found and not tally.cases:
        return CheckResult(Outcome.FAILED, "the release has no test")
    how = f"{tally.tests} tests passed" if tally.cases else "every test of the release passed"
    return CheckResult(Outcome.PASSED, how, report)
