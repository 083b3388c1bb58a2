"""Write what is shipped for all canaries: the release by parameters, and small templates for use one by one.

The rule to keep: the small ones get everything as inputs, since the parameters of a workflow are those of whoever
calls them; each may be called from another workflow (`templateRef`) or be a workflow of its own.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from workflows.manifests.argo.pod import API, SECURITY, image_parameter, parameter, write_pod
from workflows.manifests.argo.release import write_template
from workflows.manifests.argo.small import write_approval, write_load_test
from workflows.manifests.argo.stages import Target
from workflows.manifests.document import Document
from workflows.manifests.pipeline import Shape

_CATALOG = "/catalog"
_VERSION = MappingProxyType({"workflows.argoproj.io/version": ">= v4.0"})


def write_library(*, cluster_wide: bool) -> tuple[Document, ...]:
    """Write the release by parameters and the small templates, a file for each."""
    shape = Shape(cluster_wide=cluster_wide)
    release = write_template("canary-release", _any_canary(), shape)
    note = (
        "Release any canary that moves by weights, by Argo Workflows 4:\n"
        "argo submit --from {}/canary-release -p canary=ad -p namespace=weather\n"
        "`penstock render argo` writes the same for one canary, of any strategy. It runs under the account\n"
        "penstock-CANARY: `penstock render rbac --engine argo`."
    )
    documents = [Document("canary-release.yaml", (_place(release),), note.format(release["kind"].lower()))]
    documents += [_write_alone(name, cluster_wide=cluster_wide) for name in _SMALL]
    return tuple(documents)


def _any_canary() -> Target:
    named = (
        parameter("canary", "the name of the Canary, which moves by weights only"),
        parameter("namespace", "its namespace"),
    )
    name, namespace = "{{workflow.parameters.canary}}", "{{workflow.parameters.namespace}}"
    return Target(name, namespace, f"penstock-{name}", parameters=named)


def _place(template: dict[str, Any]) -> dict[str, Any]:
    """Leave the namespace of a template to whoever applies it."""
    metadata = {key: value for key, value in template["metadata"].items() if key != "namespace"}
    return {**template, "metadata": metadata}


def _write_alone(name: str, *, cluster_wide: bool) -> Document:
    small = _SMALL[name]()
    spec = {
        "entrypoint": name,
        "arguments": {"parameters": list(_list_arguments(small))},
        "podGC": {"strategy": "OnPodSuccess"},
        "securityContext": dict(SECURITY),
        "templates": [small],
    }
    template = {
        "apiVersion": API,
        "kind": "ClusterWorkflowTemplate" if cluster_wide else "WorkflowTemplate",
        "metadata": {"name": f"penstock-{name}", "annotations": dict(_VERSION)},
        "spec": spec,
    }
    return Document(f"{name}.yaml", (template,), _NOTES[name])


def _list_arguments(small: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for each in small["inputs"]["parameters"]:
        yield {key: value for key, value in each.items() if key != "default"}


def _write_integration_test() -> dict[str, Any]:
    inputs = [
        parameter("test", "the name of a test of the catalog"),
        parameter("target", "the URL of what is tested"),
        parameter("catalog", "the ConfigMap that holds catalog.yaml and what it names", "penstock-catalog"),
        image_parameter(),
    ]
    arguments = ["catalog", "run", "{{inputs.parameters.test}}", "--target", "{{inputs.parameters.target}}"]
    pod = write_pod("{{inputs.parameters.image}}", [*arguments, "--catalog", f"{_CATALOG}/catalog.yaml"])
    pod["container"]["volumeMounts"].append({"name": "catalog", "mountPath": _CATALOG, "readOnly": True})
    pod["volumes"].append({"name": "catalog", "configMap": {"name": "{{inputs.parameters.catalog}}"}})
    return {"name": "integration-test", "inputs": {"parameters": inputs}, **pod}


def _write_metric_gate() -> dict[str, Any]:
    inputs = [
        *_name_canary(),
        parameter("window", "the metrics of how long are judged", "5m"),
        parameter("prometheus", "where metrics are asked, instead of spec.metricsServer", ""),
        image_parameter(),
    ]
    arguments = ["verdict", *_SAY_CANARY, "--window", "{{inputs.parameters.window}}"]
    arguments += ["--prometheus", "{{inputs.parameters.prometheus}}", "--output", "json"]
    pod = write_pod("{{inputs.parameters.image}}", arguments)
    return {"name": "metric-gate", "inputs": {"parameters": inputs}, **pod}


def _write_wait() -> dict[str, Any]:
    inputs = [*_name_canary(), parameter("timeout", "how long is waited", "30m"), image_parameter()]
    arguments = ["wait", "canary/{{inputs.parameters.canary}}", *_SAY_CANARY[2:]]
    pod = write_pod("{{inputs.parameters.image}}", [*arguments, "--timeout", "{{inputs.parameters.timeout}}"])
    return {"name": "wait-for-flagger", "inputs": {"parameters": inputs}, **pod}


_SAY_CANARY = ("--canary", "{{inputs.parameters.canary}}", "--namespace", "{{inputs.parameters.namespace}}")


def _name_canary() -> tuple[dict[str, Any], dict[str, Any]]:
    return parameter("canary", "the name of the Canary"), parameter("namespace", "its namespace", "default")


_SMALL: Mapping[str, Callable[[], dict[str, Any]]] = MappingProxyType(
    {
        "load-test": write_load_test,
        "integration-test": _write_integration_test,
        "metric-gate": _write_metric_gate,
        "wait-for-flagger": _write_wait,
        "approval": write_approval,
    }
)
_NOTES: Mapping[str, str] = MappingProxyType(
    {
        "load-test": "Make load on a URL; its verdict is the exit code: 0 passed, 98 inconclusive, 99 failed.",
        "integration-test": "Run a test of a catalog on a URL; exit code 0 passed, 1 failed, 11 inconclusive.",
        "metric-gate": (
            "Judge the metrics of a canary now; exit code 0 passed, 10 failed, 11 inconclusive. The verdict is the\n"
            "output `result`. Its account needs the rights of `penstock verdict` and of Argo's executor: docs/rbac.md."
        ),
        "wait-for-flagger": (
            "Wait until a canary is promoted, whoever drives it: Flagger's controller or we. Its account needs the\n"
            "rights of `penstock wait` and of Argo's executor: docs/rbac.md."
        ),
        "approval": (
            "Wait until somebody says YES; nobody's answer is a NO. The answer is the output `approve`:\n"
            "argo node set WORKFLOW -p approve=YES --node-field-selector displayName=NAME; argo resume WORKFLOW"
        ),
    }
)
