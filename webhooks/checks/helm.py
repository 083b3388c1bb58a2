"""Run `helm test` of the canary's release and read how it ended."""

from collections.abc import Mapping

from webhooks.catalog import CatalogTest, HelmTestSpec
from webhooks.checks.command import describe_exit
from webhooks.checks.job import CheckResult, Ended, Job, Outcome, Target

CLUSTER_VARIABLES = ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
"""The variables by which a client finds its cluster."""


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
    """Judge by the exit status."""
    if ended.status:
        return CheckResult(Outcome.FAILED, describe_exit(ended))
    return CheckResult(Outcome.PASSED, "every test of the release passed")
