"""Know the kinds of tests: how a child is prepared for each, and how its end is read."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from webhooks.catalog import CatalogTest, Kind, Where
from webhooks.checks import addresses, cluster, command, container, helm, http, load, pytest
from webhooks.checks.job import CheckResult, Ended, Job, Outcome, Target
from webhooks.checks.secrets import as_references

_NOTHING: Mapping[str, str] = MappingProxyType({})


def prepare(
    test: CatalogTest, target: Target, parameters: Mapping[str, str], secrets: Mapping[str, str] = _NOTHING
) -> Job:
    """Describe the child that runs a test; `secrets` are the values that it gets from here, by name."""
    if test.kind is Kind.KUBERNETES_JOB:
        return cluster.prepare_container(test, target, parameters)
    if test.kind is Kind.LOAD:
        parameters = {**parameters, **as_references(secrets)}
    job = _prepare_here(test, target, parameters)
    if test.where is Where.JOB:
        return cluster.prepare_elsewhere(test, target, job)
    return replace(_guard(test, target, job), secrets=secrets)


def _guard(test: CatalogTest, target: Target, job: Job) -> Job:
    # An http check judges every connection itself; where --resolve says the address, the operator has judged it.
    if test.kind not in _CONNECTING or target.connect or not target.url:
        return job
    host, _, port = target.address.rpartition(":")
    return replace(job, argv=(sys.executable, "-S", addresses.__file__, host.strip("[]"), port, "--", *job.argv))


def _prepare_here(test: CatalogTest, target: Target, parameters: Mapping[str, str]) -> Job:
    match test.kind:
        case Kind.HTTP:
            return http.prepare(test, target, parameters)
        case Kind.PYTEST:
            return pytest.prepare(test, target, parameters)
        case Kind.LOAD:
            return load.prepare(test, target, parameters)
        case Kind.HELM_TEST:
            return helm.prepare(test, target, parameters)
        case Kind.COMMAND | Kind.KUBERNETES_JOB:
            return command.prepare(test, target, parameters)


def read(test: CatalogTest, ended: Ended) -> CheckResult:
    """Read what a child left."""
    trouble = cluster.read_trouble(ended.folder) if test.in_cluster else ""
    if trouble:
        return CheckResult(Outcome.INCONCLUSIVE, f"the cluster could not run it: {trouble}")
    return _READERS[test.kind](test, ended)


_CONNECTING = frozenset({Kind.PYTEST, Kind.LOAD})
_READERS: Mapping[Kind, Callable[[CatalogTest, Ended], CheckResult]] = {
    Kind.HTTP: http.read,
    Kind.PYTEST: pytest.read,
    Kind.LOAD: load.read,
    Kind.COMMAND: command.read,
    Kind.HELM_TEST: helm.read,
    Kind.KUBERNETES_JOB: container.read,
}
