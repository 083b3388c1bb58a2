"""Know the kinds of tests: how a child is prepared for each, and how its end is read."""

from collections.abc import Mapping

from webhooks.catalog import CatalogTest, Kind
from webhooks.checks import http, load, pytest
from webhooks.checks.job import CheckResult, Ended, Job, Target


def prepare(test: CatalogTest, target: Target, parameters: Mapping[str, str]) -> Job:
    """Describe the child that runs a test."""
    match test.kind:
        case Kind.HTTP:
            return http.prepare(test, target, parameters)
        case Kind.PYTEST:
            return pytest.prepare(test, target, parameters)
        case Kind.LOAD:
            return load.prepare(test, target, parameters)


def read(test: CatalogTest, ended: Ended) -> CheckResult:
    """Read what a child left."""
    match test.kind:
        case Kind.HTTP:
            return http.read(test, ended)
        case Kind.PYTEST:
            return pytest.read(test, ended)
        case Kind.LOAD:
            return load.read(test, ended)
