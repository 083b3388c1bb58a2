"""Wrong values are refused, and the refusal names them; the schema is complete."""

import functools
import importlib.util
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from tests.chart.charts import CHART, OPERATOR, VALUES, attempt, helm, named, needs_helm
from tests.documents import ROOT
from webhooks.settings import SETTINGS

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())

WRONG: Mapping[str, Any] = {
    "replicas": 2,
    "replicaCount": "2",
    "fullnameOverride": "pen.stock",
    "commonLabels": {"team": "two words", "tier": 1},
    "image": {"repository": "*alias", "pullPolicy": "always"},
    "auth": {"mode": "token", "verifyHooks": True, "tokens": None, "sessionKey": {"key": None}},
    "jobs": None,
    "prometheusRule": {"without": ["PenstockNothing"]},
    "settings": {
        "runsAtOnce": 4,
        "port": 80,
        "runs-at-once": "abc",
        "runs-per-canary": 0,
        "keep-for": "banana",
        "log-format": "xml",
        "allow-commands": "maybe",
        "workers": 0,
        "allow-from": "abc",
        "wait": 0,
        "proxy-scopes": ["god"],
    },
    "canaryNamespaces": "weather",
    "persistence": {"size": "2 GB"},
    "releases": {"providers": ["istoi"]},
    "server": {"extraEnv": {"A": "b"}},
    "runner": {"replicaCount": 0, "settings": {"threads": 4, "runs-at-once": "xx"}},
    "imagePullSecrets": ["registry"],
    "catalog": {"inline": {"tests": {"a": {"kind": "htpp"}}}, "files": {"a/b.yaml": ""}},
    "networkPolicy": {"apiServer": {"cidrs": ["10.0.0.1"]}},
    "service": {"port": 99999},
    "watchdog": True,
}
TOLD = [
    "at '': additional properties 'replicas' not allowed",
    "at '/replicaCount': got string, want integer",
    "at '/fullnameOverride': 'pen.stock' does not match pattern",
    "at '/commonLabels/team': 'two words' does not match pattern",
    "at '/commonLabels/tier': got number, want string",
    "at '/image/repository': '*alias' does not match pattern",
    "at '/image/pullPolicy': value must be one of 'Always', 'IfNotPresent', 'Never'",
    "at '/auth/mode': value must be one of 'kubernetes', 'tokens', 'loopback', 'open'",
    "at '/auth/verifyHooks': value must be one of 'enforce', 'warn', 'off'",
    "at '/settings': additional properties 'port', 'runsAtOnce' not allowed",
    "at '/settings/runs-at-once': 'abc' does not match pattern",
    "at '/settings/runs-per-canary': minimum: got 0, want 1",
    "at '/settings/keep-for': 'banana' does not match pattern",
    "at '/settings/log-format': value must be one of 'text', 'json'",
    "at '/settings/allow-commands': got string, want boolean",
    "at '/settings/workers': minimum: got 0, want 1",
    "at '/settings/allow-from': 'abc' does not match pattern",
    "at '/settings/wait': exclusiveMinimum: got 0, want 0",
    "at '/settings/proxy-scopes/0': 'god' does not match pattern",
    "at '/runner/settings/runs-at-once': 'xx' does not match pattern",
    "at '/canaryNamespaces': got string, want array",
    "at '/persistence/size': '2 GB' does not match pattern",
    "at '/releases/providers/0': value must be one of 'apisix'",
    "at '/server/extraEnv': got object, want array",
    "at '/runner/replicaCount': minimum: got 0, want 1",
    "at '/runner/settings': additional properties 'threads' not allowed",
    "at '/imagePullSecrets/0': got string, want object",
    "at '/catalog/inline/tests/a/kind'",
    "at '/catalog/files': additional properties 'a/b.yaml' not allowed",
    "at '': missing property 'jobs'",
    "at '/auth': missing property 'tokens'",
    "at '/auth/sessionKey': missing property 'key'",
    "at '/prometheusRule/without/0': value must be one of 'PenstockNoWatchdog'",
    "'10.0.0.1' does not match pattern",
    "at '/service/port': maximum: got 99,999, want 65,535",
    "at '/watchdog': got boolean, want object",
]
KNOWN = [f"--api-versions={version}" for version in OPERATOR]
CONFLICTS: list[tuple[Mapping[str, Any], str]] = [
    ({"replicaCount": 2}, "replicaCount: 2 replicas cannot share a SQLite file; name a Secret"),
    (
        {"replicaCount": 2, "postgresql": {"existingSecret": "a"}, "prometheus": {"url": "http://prometheus"}},
        "prometheus.url: the judge keeps its cases in the folder of one service",
    ),
    ({"auth": {"mode": "tokens"}}, "auth.mode: tokens needs auth.tokens.existingSecret"),
    ({"auth": {"mode": "open"}}, "runner.apart: a runner apart needs a token, which auth.mode open does not know"),
    (
        {"auth": {"mode": "tokens", "tokens": {"existingSecret": "tokens"}}},
        "runner.token.existingSecret: with auth.mode tokens the runner needs one",
    ),
    (
        {"settings": {"proxy-user-header": "X-Forwarded-User"}},
        "settings.proxy-user-header: X-Forwarded-User from anybody? name the networks of the proxies in settings.proxy",
    ),
    (
        {"catalog": {"existingConfigMap": "tests", "files": {"a": "b"}}},
        "leave them out, or catalog.existingConfigMap",
    ),
    ({"catalog": {"files": {"a": "b"}}}, "catalog.files: files lie beside a catalog"),
    ({"ingress": {"enabled": True}}, "ingress.host: name the host"),
    ({"argo": {"plugin": {"enabled": True}}}, "argo.plugin.enabled: the plugin's account stands in the namespaces"),
    ({"istio": {"enabled": True}, "linkerd": {"enabled": True}}, "a pod is in one mesh"),
]


@functools.cache
def refusal() -> str:
    refused = attempt(WRONG)
    assert refused.returncode != 0
    return refused.stderr


@needs_helm
@pytest.mark.parametrize("told", TOLD)
def test_a_wrong_value_is_refused_with_its_place(told: str) -> None:
    assert told in refusal().replace("'runsAtOnce', 'port'", "'port', 'runsAtOnce'")


@needs_helm
def test_a_key_with_nothing_below_it_is_an_empty_list_or_mapping() -> None:
    pod = dict.fromkeys(("extraArgs", "extraEnv", "extraVolumeMounts", "podAnnotations", "podLabels"))
    labels = {name: {"labels": None} for name in ("serviceMonitor", "prometheusRule", "grafanaDashboard")}
    values = {"server": pod, "runner": {**pod, "rules": None}, "watchdog": {**pod, "enabled": True}, **labels}
    rendered = attempt({**values, "commonLabels": None, "jobs": {"enabled": True}}, *KNOWN)

    assert (rendered.returncode, rendered.stderr) == (0, "")


@needs_helm
@pytest.mark.parametrize(("values", "told"), CONFLICTS)
def test_values_that_do_not_go_together_are_refused_with_the_way_out(values: Mapping[str, Any], told: str) -> None:
    refused = attempt(values)

    assert refused.returncode != 0
    assert told in refused.stderr


@needs_helm
@pytest.mark.parametrize("values", VALUES, ids=named)
def test_the_linter_has_nothing_to_say(values: object) -> None:
    linted = helm("lint", "--strict", str(CHART), "--values", str(values))

    assert (linted.returncode, "ERROR" in linted.stdout, "WARNING" in linted.stdout) == (0, False, False)


def resolve(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


def places(values: Mapping[str, Any], schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Walk through the values and the schema together, as long as the schema names properties."""
    named_here = resolve(schema).get("properties", {})
    for name in {*values, *named_here} - {"global"}:
        inner = values.get(name)
        yield f"{path}.{name}", name in values, named_here.get(name)
        if isinstance(inner, dict) and inner:
            yield from places(inner, named_here.get(name, {}), f"{path}.{name}") if closed(named_here.get(name)) else ()


def closed(schema: Mapping[str, Any] | None) -> bool:
    return schema is not None and resolve(schema).get("additionalProperties") is False


def test_the_schema_and_the_values_name_the_same_things() -> None:
    unequal = [path for path, in_values, in_schema in places(DEFAULTS, SCHEMA) if not in_values or in_schema is None]

    assert unequal == []


def test_everything_in_the_schema_says_what_it_is() -> None:
    silent = [
        path
        for path, _, schema in places(DEFAULTS, SCHEMA)
        if "description" not in schema and not resolve(schema).get("properties")
    ]

    assert silent == []


def import_script() -> Any:
    spec = importlib.util.spec_from_file_location("chart_files", ROOT / "scripts/chart_files.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_setting_of_the_service_can_be_said_once() -> None:
    chart_files = import_script()

    for setting in SETTINGS:
        assert (setting.name in SCHEMA["$defs"]["settings"]["properties"]) != (setting.name in chart_files.CHARTS_OWN)


def test_what_follows_from_other_files_is_up_to_date() -> None:
    stale = [path for path, text in import_script().write_files().items() if (ROOT / path).read_text() != text]

    assert stale == [], "write them with: make chart-files"
