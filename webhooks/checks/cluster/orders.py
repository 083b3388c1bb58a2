"""Describe the child that owns a Kubernetes Job, and read what it says when the cluster is the trouble.

The child lives in the runner's family; the Job lives in the cluster under the name of the run, so that the child that
follows a dead one adopts it instead of starting a second.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from webhooks.catalog import CatalogTest, CommandSpec, KubernetesJobSpec
from webhooks.checks.helm import CLUSTER_VARIABLES
from webhooks.checks.job import Job, Target, describe_target, fill, python_command
from webhooks.checks.junit import JUNIT

TROUBLE = "trouble.txt"
"""The file in which the child says that the cluster, not the test, is why there is no verdict."""

_TROUBLE_LIMIT = 4096


def prepare_container(test: CatalogTest, target: Target, parameters: Mapping[str, str]) -> Job:
    """Describe the child for a container of the user's own."""
    if not isinstance(test.spec, KubernetesJobSpec):
        raise TypeError(f"{test.name} is not a test of kind kubernetes-job")
    values = {**parameters, "target": target.url, "target_host": target.host}
    there = Target(target.url, "", target.name, target.namespace)
    own = {name: fill(text, values) for name, text in test.spec.environment.items()}
    container = {
        "command": [fill(word, values) for word in test.spec.argv],
        "environ": describe_target(there, parameters) | own,
    }
    return _own_job(test, target, container)


def prepare_elsewhere(test: CatalogTest, target: Target, job: Job) -> Job:
    """Describe the child for a test that would otherwise run here: our image does there what the job says."""
    junit = test.spec.junit if isinstance(test.spec, CommandSpec) else JUNIT
    order = {
        "argv": list(job.argv),
        "python": sys.executable,
        "stdin": job.stdin,
        "files": dict(job.files),
        "environ": dict(job.environ),
        "secrets": [one.name for one in test.secrets],
        "collect": [junit],
    }
    return _own_job(test, target, {"command": [], "environ": {}, "inside": order})


def _own_job(test: CatalogTest, target: Target, container: Mapping[str, object]) -> Job:
    order = {
        **container,
        "image": test.job.image,
        "namespace": test.job.namespace.replace("{namespace}", target.namespace),
        "user": test.job.user,
        "canary": target.name,
        "test": test.name,
        "timeout_s": test.timeout_s,
        "secrets": {one.name: {"name": one.secret, "key": one.key} for one in test.secrets},
    }
    return Job(python_command("webhooks.checks.cluster"), stdin=json.dumps(order), passed_on=CLUSTER_VARIABLES)


def read_trouble(folder: Path) -> str:
    """Give what the child said about the cluster, empty when it had no trouble."""
    try:
        return (folder / TROUBLE).read_text()[:_TROUBLE_LIMIT]
    except OSError:
        return ""
