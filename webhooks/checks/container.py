"""Judge a container of the user's own by its exit status."""

from webhooks.catalog import CatalogTest
from webhooks.checks.command import describe_exit
from webhooks.checks.job import CheckResult, Ended, Outcome


def read(_: CatalogTest, ended: Ended) -> CheckResult:
    """Judge the end of the container."""
    if ended.status:
        return CheckResult(Outcome.FAILED, describe_exit(ended))
    return CheckResult(Outcome.PASSED, "exit status 0")
