"""Write the files of charts/penstock that follow from other files: `make chart-files`.

The rights come from the code's own table, the descriptions in the schema and the README from the comments in
values.yaml, the settings and the catalog in the schema from the service itself; a test compares.
"""

import base64
import json
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.chart_settings import describe_settings  # noqa: E402 - the path stands above
from webhooks.access import reviews  # noqa: E402 - see above
from webhooks.access.scopes import Scope  # noqa: E402 - see above
from webhooks.cli import runner  # noqa: E402 - see above
from webhooks.settings import SETTINGS  # noqa: E402 - see above
from workflows import canary  # noqa: E402 - see above
from workflows.manifests.argo.library import write_library  # noqa: E402 - see above
from workflows.manifests.argo_plugin import write_argo_plugin  # noqa: E402 - see above
from workflows.manifests.document import Document  # noqa: E402 - see above
from workflows.manifests.monitoring.alerts import ALERTS  # noqa: E402 - see above
from workflows.manifests.pipeline import IMAGE, Shape  # noqa: E402 - see above
from workflows.rollout.plan import Reference, RolloutPlan  # noqa: E402 - see above
from workflows.routers.kubernetes.table import DIALECTS  # noqa: E402 - see above
from workflows.wiring.rights import Part, Right, list_rights, write_rules  # noqa: E402 - see above

CHART = Path("charts/penstock")
HERE = "here the chart itself says it"
CHARTS_OWN: Mapping[str, str] = {
    "host": "server.host",
    "port": HERE,
    "data-dir": HERE,
    "store": "postgresql.existingSecret",
    "catalog": "catalog.inline",
    "auth": "auth.mode",
    "tokens": "auth.tokens.existingSecret",
    "verify-hooks": "auth.verifyHooks",
    "canaries": HERE,
    "path-prefix": "auth.pathPrefix.existingSecret",
    "session-key": "auth.sessionKey.existingSecret",
    "runner": "runner.apart",
}
"""The settings that are not among `settings`, each with the value that says them."""

_NOTE = "Written by scripts/chart_files.py from {}; a test compares."
_ROLES = {
    "reader": (Scope.READ,),
    "approver": (Scope.READ, Scope.APPROVE),
    "pipeline": (Scope.READ, Scope.RUN, Scope.REPORT),
}
_TARGETS = (("apps/v1", "Deployment"), ("apps/v1", "DaemonSet"), ("serving.knative.dev/v1", "Service"))
_SCALERS = (("autoscaling/v2", "HorizontalPodAutoscaler"), ("keda.sh/v1alpha1", "ScaledObject"))
_LOOKAHEAD = re.compile(r"\^\(\?!(?P<ahead>\w+)\)(?P<rest>.*)")
_PLAIN = "kubernetes"
_CLUSTER_WIDE = frozenset({"kuma"})


def write_files() -> dict[Path, str]:
    """Give every file that follows from others, by its path from the root."""
    comments = dict(read_comments((ROOT / CHART / "values.yaml").read_text()))
    values = yaml.safe_load((ROOT / CHART / "values.yaml").read_text())
    schema = json.loads((ROOT / CHART / "values.schema.json").read_text())
    files = {
        CHART / "files/rights.yaml": _write_rights(),
        CHART / "values.schema.json": json.dumps(_fill_schema(schema, values, comments), indent=2, ensure_ascii=False)
        + "\n",
        CHART / "README.md": _write_page(values, comments),
        CHART / "Chart.yaml": _write_chart((ROOT / CHART / "Chart.yaml").read_text()),
    }
    for folder, cluster_wide in (("argo-cluster", True), ("argo", False)):
        for document in write_library(cluster_wide=cluster_wide):
            files[CHART / "files" / folder / document.name] = str(document)
    for path in sorted((ROOT / "workflows/tekton").glob("*/*/*/penstock-*.yaml")):
        files[CHART / "files/tekton" / f"{path.parts[-4]}-{path.name}"] = path.read_text()
    plugin = write_argo_plugin(_plan(), Shape(), IMAGE)
    files[CHART / "files/argo-plugin.yaml"] = next(str(each) for each in plugin if each.name == "executor-plugin.yaml")
    return files


def _write_rights() -> str:
    read_back = list(_collect(Part.READ_BACK, _plans()))
    # What Knative's own targets need stands with its routes: they are the same objects.
    release = list(_collect(Part.RELEASE, _plans()[:-1]))
    routes = {name: write_rules(_routes(_plan(provider=name))) for name in sorted(DIALECTS)}
    rights = {
        "readBack": {
            "always": write_rules(right for right in read_back if right.resource not in {"configmaps", "secrets"}),
            "configMaps": write_rules(right for right in read_back if right.resource == "configmaps"),
            "secrets": write_rules(right for right in read_back if right.resource == "secrets"),
        },
        "jobs": write_rules(_collect(Part.JOBS, _plans())),
        "runner": _write_scopes(Scope.RUNNER),
        "people": {name: _write_scopes(*scopes) for name, scopes in _ROLES.items()},
        "release": {
            "always": write_rules(right for right in release if right.resource != "secrets"),
            "secrets": write_rules(right for right in release if right.resource == "secrets"),
            "providers": {name: rules for name, rules in routes.items() if name not in _CLUSTER_WIDE},
            "clusterProviders": {name: rules for name, rules in routes.items() if name in _CLUSTER_WIDE},
        },
        "watchdog": write_rules(_collect(Part.WATCHDOG, _plans())),
    }
    return str(Document("rights.yaml", (rights,), _NOTE.format("workflows/wiring/rights.py and webhooks/access")))


def _write_scopes(*scopes: Scope) -> list[dict[str, Any]]:
    asked = [reviews.PERMISSIONS[scope] for scope in scopes]
    return [{"apiGroups": [reviews.GROUP], "resources": [resource], "verbs": [verb]} for verb, resource in asked]


def _collect(part: Part, plans: Iterable[RolloutPlan]) -> Iterator[Right]:
    """List the rights that some release needs of what is no route, each once."""
    found: dict[tuple[object, ...], Right] = {}
    for plan in plans:
        for right in list_rights(plan, part):
            found.setdefault((right.kind, right.verbs, right.subresource), right)
    yield from found.values()


def _plans() -> list[RolloutPlan]:
    """Give releases that need everything but routes."""
    usual = [_plan(target=target, scaler=scaler) for target in _TARGETS[:2] for scaler in _SCALERS]
    return [*usual, _plan(target=_TARGETS[2], provider="knative")]


def _routes(plan: RolloutPlan) -> list[Right]:
    """List what a release needs for its routes alone."""
    base = {right.kind for right in list_rights(_plan(), Part.RELEASE)}
    return [right for right in list_rights(plan, Part.RELEASE) if right.kind not in base]


def _plan(
    provider: str = _PLAIN, target: tuple[str, str] = _TARGETS[0], scaler: tuple[str, str] | None = None
) -> RolloutPlan:
    spec: dict[str, Any] = {"provider": _PLAIN, "service": {"port": 80}}
    spec["targetRef"] = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "ad"}
    checks = [{"name": "queue", "interval": "1m", "thresholdRange": {"max": 1}, "templateRef": {"name": "queue"}}]
    alerts = [{"name": "on-call", "severity": "info", "providerRef": {"name": "on-call"}}]
    spec["analysis"] = {"interval": "1m", "threshold": 3, "iterations": 1, "metrics": checks, "alerts": alerts}
    if scaler:
        spec["autoscalerRef"] = {"apiVersion": scaler[0], "kind": scaler[1], "name": "ad"}
    document = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": {"name": "ad"}, "spec": spec}
    plan = canary.parse(json.dumps(document), "the plan of scripts/chart_files.py")
    return replace(plan, provider=provider, target=Reference(target[1], "ad", target[0]))


def read_comments(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Give the comment above each key of a YAML file, by the path of the key."""
    lines = text.splitlines()

    def walk(node: yaml.Node | None, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        if not isinstance(node, yaml.MappingNode):
            return
        for key, value in node.value:
            row, column = key.start_mark.line, key.start_mark.column
            above = lines[row - 1].strip() if row else ""
            if above.startswith("# ") and column == len(lines[row - 1]) - len(lines[row - 1].lstrip()):
                yield (*path, key.value), above.removeprefix("# ")
            yield from walk(value, (*path, key.value))

    yield from walk(yaml.compose(text), ())


def _fill_schema(
    schema: dict[str, Any], values: Mapping[str, Any], comments: Mapping[tuple[str, ...], str]
) -> dict[str, Any]:
    """Put in what the schema does not say itself: descriptions, the service's settings, the catalog."""
    definitions = schema["$defs"]
    definitions["settings"] = describe_settings(s for s in SETTINGS if s.name not in CHARTS_OWN)
    definitions["runnerSettings"] = describe_settings(s for s in SETTINGS if s.name in runner.NAMES)
    own = json.loads((ROOT / "webhooks/catalog/catalog.schema.json").read_text())
    definitions["catalog"] = {**_for_helm(own), "$id": "catalog.schema.json"}
    for path, comment in comments.items():
        place: dict[str, Any] = schema
        for name in path:
            place = _find(place, definitions).get("properties", {}).get(name, {})
        place["description"] = comment
    alerts = schema["properties"]["prometheusRule"]["properties"]["without"]
    alerts["items"] = {"enum": [alert.name for alert in ALERTS]}
    _require(schema, values, definitions)
    return schema


def _require(section: dict[str, Any], values: Mapping[str, Any], definitions: Mapping[str, Any]) -> None:
    """Refuse null in the place of what templates must find: sections, and values that are not empty."""
    required = []
    for name, value in values.items():
        place = _find(section["properties"][name], definitions)
        if "properties" in place:
            _require(place, value, definitions)
        if "properties" in place or (value and not isinstance(value, dict | list)):
            required.append(name)
    if required:
        section["required"] = required


def _find(place: dict[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    while "$ref" in place:
        place = definitions[place["$ref"].removeprefix("#/$defs/")]
    return place


def _for_helm(schema: Any) -> Any:
    """Say without lookahead, which Helm's expressions do not have, what a schema says with it."""
    if isinstance(schema, list):
        return [_for_helm(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _for_helm(value) for key, value in schema.items() if key != "$schema"}
    found = _LOOKAHEAD.fullmatch(made["pattern"]) if isinstance(made.get("pattern"), str) else None
    if found:
        made |= {"pattern": f"^{found['rest']}", "not": {"pattern": f"^{found['ahead']}"}}
    return made


def _write_chart(text: str) -> str:
    """Put in the version of the program, and the pages' own icon: a path would lead nowhere where charts are listed."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    icon = base64.b64encode((ROOT / "webhooks/routes/pages/static/icon.svg").read_bytes()).decode()
    lines = "".join(f"\\\n  {part}" for part in textwrap.wrap(icon, 100))
    text = re.sub(r"(?m)^(version|appVersion): .*$", rf"\g<1>: {version}", text)
    return re.sub(r"(?ms)^icon: .*?(?=^keywords:)", lambda _: f'icon: "data:image/svg+xml;base64,{lines}"\n', text)


def _write_page(values: Mapping[str, Any], comments: Mapping[tuple[str, ...], str]) -> str:
    head = (ROOT / CHART / "README.head.md").read_text()
    rows = [f"| `{'.'.join(path)}` | {_show(value)} | {comments[path]} |" for path, value in _leaves(values, comments)]
    return "\n".join([head.rstrip(), "", "| value | default | meaning |", "| --- | --- | --- |", *rows, ""])


def _leaves(
    values: Mapping[str, Any], comments: Mapping[tuple[str, ...], str], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in values.items():
        here = (*path, name)
        if here in comments:
            yield here, value
        elif isinstance(value, dict):
            yield from _leaves(value, comments, here)


def _show(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def main() -> None:
    """Write the files."""
    for path, text in write_files().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text)


if __name__ == "__main__":
    main()
