"""Play Argo Workflows for templates that ask a plugin: the agent runs them, all others are pods as ever."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.cluster.argo_engine import ArgoEngine, FailedError
from tests.plugin.agent import Agent


@dataclass(kw_only=True)
class PluginEngine(ArgoEngine):
    """Runs one workflow by an agent; a workflow that is stopped at a node leaves what the plugin does there alone."""

    agent: Agent
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def _call(self, name: str, inputs: dict[str, str]) -> dict[str, str]:
        template = self._templates[name]
        if "plugin" not in template:
            return super()._call(name, inputs)
        for each in template["inputs"]["parameters"]:
            inputs.setdefault(each["name"], self._fill(each.get("value", ""), {}))
        values = {f"inputs.parameters.{key}": value for key, value in inputs.items()}
        values["node.name"] = f"release-ad-x7k2p[{len(self.nodes)}].{name}"
        return self._ask(values, _fill_all(template["plugin"]["penstock"], lambda text: self._fill(text, values)))

    def _ask(self, values: dict[str, str], body: dict[str, Any]) -> dict[str, str]:
        node = values["node.name"]
        words = f"{body.get('stage', 'load')} {body.get('value', '')}".strip()
        self.calls.append((node, body))
        if words == self.at:
            self.agent.deliver(node, body)
            raise FailedError(words)
        self.nodes.append(words)
        result = self.agent.run(node, body)
        if result["phase"] != "Succeeded":
            raise FailedError(result["message"])
        return {each["name"]: each["value"] for each in result["outputs"]["parameters"]}


def _fill_all(body: dict[str, Any], fill: Any) -> dict[str, Any]:
    """Fill in every text of a template, however deep, as Argo does with the template's JSON."""

    def visit(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: visit(each) for key, each in value.items()}
        if isinstance(value, list):
            return [visit(each) for each in value]
        return fill(value) if isinstance(value, str) else value

    filled: dict[str, Any] = visit(json.loads(json.dumps(body)))
    return filled
