"""Write the catalog: tasks and step actions in the layout of Tekton's catalogs, each with a page and a sample."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from workflows.manifests.document import Document
from workflows.manifests.pipeline import OUTPUTS
from workflows.manifests.tekton.task import (
    CANARY_PARAMS,
    IMAGE_PARAM,
    LOAD_TEST,
    MINIMUM,
    SAY_CANARY,
    STAGE,
    TASK_API,
    VERSION,
    Entry,
    Param,
    write_step_action,
    write_task,
)

_INTEGRATION_TEST = Entry(
    "penstock-integration-test",
    "Penstock integration test",
    "Run a test of a catalog on a URL.",
    "The exit code is the verdict: 0 passed, 1 failed, 11 inconclusive.",
    (
        *("catalog", "run", "$(params.test)", "--target", "$(params.target)"),
        *("--catalog", "$(workspaces.catalog.path)/catalog.yaml"),
    ),
    (
        Param("test", "the name of a test of the catalog", sample="ad-contract"),
        Param("target", "the URL of what is tested", sample="http://ad-canary.weather:3003"),
        IMAGE_PARAM,
    ),
    workspaces=MappingProxyType({"catalog": "holds catalog.yaml and what it names, as a ConfigMap does"}),
    timeout="2h",
    needs_token=False,
)

_METRIC_GATE = Entry(
    "penstock-metric-gate",
    "Penstock metric gate",
    "Judge the metrics of a canary now.",
    "The exit code is the verdict: 0 passed, 10 failed, 11 inconclusive. Its account reads the Canary.",
    (
        *("verdict", *SAY_CANARY, "--window", "$(params.window)"),
        *("--prometheus", "$(params.prometheus)", "--output", "json"),
    ),
    (
        *CANARY_PARAMS,
        Param("window", "the metrics of how long are judged", "5m"),
        Param("prometheus", "where metrics are asked, instead of spec.metricsServer", ""),
        IMAGE_PARAM,
    ),
    timeout="1h",
)

_WAIT = Entry(
    "penstock-wait-for-flagger",
    "Penstock wait for Flagger",
    "Wait until a canary is promoted, whoever drives it.",
    "Flagger's controller may drive it, or we. The exit code says how it went: 0 promoted, 10 rolled back.",
    (
        *("wait", "canary/$(params.canary)", *SAY_CANARY[2:]),
        *("--timeout", "$(params.timeout)"),
    ),
    (*CANARY_PARAMS, Param("timeout", "how long is waited", "30m"), IMAGE_PARAM),
)

# As `penstock render rbac` calls it.
_ACCOUNT: Mapping[str, Any] = MappingProxyType({"serviceAccountName": f"penstock-{CANARY_PARAMS[0].sample}"})
TASKS = (STAGE, LOAD_TEST, _INTEGRATION_TEST, _METRIC_GATE, _WAIT)
STEP_ACTIONS = (STAGE, LOAD_TEST, _METRIC_GATE)


@dataclass(frozen=True, slots=True)
class Page:
    """Name a file of text, as documents are."""

    name: str
    text: str

    def __str__(self) -> str:
        """Give the text."""
        return self.text


def write_catalog() -> tuple[Document | Page, ...]:
    """Write the whole catalog."""
    return tuple(file for entry in TASKS for file in write_entry(entry)) + tuple(
        file for entry in STEP_ACTIONS for file in _write_action(entry)
    )


def write_entry(entry: Entry) -> Iterator[Document | Page]:
    """Write the files of one task."""
    folder = f"task/{entry.name}/{VERSION}"
    yield Document(f"{folder}/{entry.name}.yaml", (write_task(entry),), entry.summary)
    yield Page(f"{folder}/README.md", _write_page(entry, "Task", folder))
    yield Document(f"{folder}/samples/run.yaml", (_write_run(entry),), f"Runs the task {entry.name} once.")


def _write_action(entry: Entry) -> Iterator[Document | Page]:
    folder = f"stepaction/{entry.name}/{VERSION}"
    yield Document(f"{folder}/{entry.name}.yaml", (write_step_action(entry),), entry.summary)
    yield Page(f"{folder}/README.md", _write_page(entry, "StepAction", folder))
    yield Document(f"{folder}/samples/task.yaml", (_write_user(entry),), f"A task with the step action {entry.name}.")


def _write_run(entry: Entry) -> dict[str, Any]:
    workspaces = [{"name": name, "configMap": {"name": f"penstock-{name}"}} for name in entry.workspaces]
    return {
        "apiVersion": TASK_API,
        "kind": "TaskRun",
        "metadata": {"generateName": f"{entry.name}-"},
        "spec": {
            "taskRef": {"name": entry.name},
            "params": _give_samples(entry),
            **({"workspaces": workspaces} if workspaces else {}),
            **(dict(_ACCOUNT) if entry.needs_token else {"podTemplate": {"automountServiceAccountToken": False}}),
            "timeout": entry.timeout,
        },
    }


def _write_user(entry: Entry) -> dict[str, Any]:
    results = [{"name": name, "type": "string", "description": OUTPUTS[name]} for name in entry.results]
    step = {"name": "run", "ref": {"name": entry.name}, "params": _give_samples(entry)}
    return {
        "apiVersion": TASK_API,
        "kind": "Task",
        "metadata": {"name": f"sample-{entry.name}"},
        "spec": {**({"results": results} if results else {}), "steps": [step]},
    }


def _give_samples(entry: Entry) -> list[dict[str, Any]]:
    return [{"name": param.name, "value": param.sample} for param in entry.params if param.default is None]


def _write_page(entry: Entry, kind: str, folder: str) -> str:
    params = "".join(_write_row(param.name, param.description, param.default) for param in entry.params)
    results = "".join(f"| `{name}` | {OUTPUTS[name]} |\n" for name in entry.results)
    told = (
        f"\n## Results\n\nLess than 4096 bytes together.\n\n| name | what it says |\n| --- | --- |\n{results}"
        * bool(results)
    )
    workspaces = "".join(f"\nThe workspace `{name}` {meaning}.\n" for name, meaning in entry.workspaces.items())
    return (
        f"# {entry.title}\n\n{entry.summary}\n{entry.about}\n\nNeeds Tekton Pipelines {MINIMUM} or newer.\n"
        f"\n```text\nkubectl apply -f {folder}/{entry.name}.yaml\n```\n"
        f"\n## Parameters of the {kind}\n\n| name | what it is | default |\n| --- | --- | --- |\n"
        f"{params}{workspaces}{told}"
    )


def _write_row(name: str, description: str, default: str | None) -> str:
    shown = "must be given" if default is None else f"`{default}`" if default else "empty"
    return f"| `{name}` | {description} | {shown} |\n"
