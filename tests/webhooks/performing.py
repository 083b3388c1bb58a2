"""Run one test of a catalog in a real child, without a runner."""

import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import MappingProxyType

from tests.webhooks.bench import AD
from webhooks import checks
from webhooks.catalog import CatalogTest, read_catalog
from webhooks.checks.job import CheckResult, Target
from webhooks.runs.child import Child
from webhooks.store.records import Run, RunOrder

PATIENCE_S = 30.0
NOTHING: Mapping[str, str] = MappingProxyType({})
TARGET = Target("http://ad-canary.weather:80", "127.0.0.1:9", "ad", "weather")


def make_test(fields: str, folder: Path = Path(), around: str = "") -> CatalogTest:
    return read_catalog(f"{around}\ntests: {{t: {{{fields}}}}}", folder).tests["t"]


def begin(test: CatalogTest, values: Mapping[str, str], environ: Mapping[str, str], run_id: str = "") -> Child:
    job = checks.prepare(test, TARGET, values)
    measured = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    job = replace(job, environ={**job.environ, **measured})
    order = RunOrder("k", AD, 1, "pre-rollout", test.name, test.definition, TARGET.url)
    return Child(Run(run_id or uuid.uuid4().hex, order, 0.0), test, job, {"PATH": os.environ["PATH"], **environ})


def finish(child: Child) -> tuple[CheckResult, str]:
    """Wait for the end of a child and judge it; give the result and what it wrote."""
    deadline = time.monotonic() + PATIENCE_S
    while not child.ended:
        assert time.monotonic() < deadline, "the child did not end in time"
        for output in child.outputs:
            output.take()
        Event().wait(0.01)
    ended = child.close()
    result = checks.read(child.test, ended)
    child.clear()
    return result, ended.stdout + ended.stderr


def perform(
    test: CatalogTest, values: Mapping[str, str] = NOTHING, environ: Mapping[str, str] = NOTHING
) -> tuple[CheckResult, str]:
    return finish(begin(test, values, environ))
