"""The command lines of the chart go through the very parsers of the commands they start."""

import re
from importlib import import_module
from pathlib import Path, PurePosixPath

import pytest
import yaml

from tests.chart import restricted
from tests.chart.charts import (
    CHART,
    DEFAULT,
    FULL,
    ROOT,
    VALUES,
    Manifest,
    attempt,
    container_of,
    kinds,
    named,
    needs_helm,
    pick,
    pod_of,
    render,
    render_file,
)
from webhooks.catalog import read_catalog
from webhooks.cli.service import read_flags
from webhooks.settings import AuthMode, RunnerMode, Settings, VerifyMode, read_settings
from workflows import serving
from workflows.cli import COMMANDS, main

pytestmark = needs_helm
APART = CHART / "ci/runner-apart-values.yaml"
HERE = CHART / "ci/runner-here-values.yaml"
SECRETS = {
    "PENSTOCK_STORE": "postgresql://penstock:word@database/penstock",
    "PENSTOCK_PATH_PREFIX": "/a-long-random-text",
    "PENSTOCK_SESSION_KEY": "a long random text of at least thirty-two characters",
}


def words_of(objects: list[Manifest], deployment: str, folder: Path) -> list[str]:
    """Give the command line of a Deployment, with its file of settings written into a folder."""
    words: list[str] = container_of(objects, deployment)["args"]
    for number, word in enumerate(words):
        if word.startswith("--config="):
            path = folder / deployment / "settings.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(pick(objects, "ConfigMap", f"{deployment}-settings")["data"]["settings.yaml"])
            words = [*words[:number], f"--config={path}", *words[number + 1 :]]
    return words


def environ_of(container: Manifest) -> dict[str, str]:
    """Give the variables of a container: the image's, and its own."""
    image = dict(re.findall(r"(PENSTOCK_\w+)=(\S+)", (ROOT / "Dockerfile").read_text()))
    assert image
    return image | {each["name"]: each.get("value") or SECRETS.get(each["name"], "?") for each in container["env"]}


def settings_of(objects: list[Manifest], deployment: str, folder: Path) -> Settings:
    """Read the settings as the command of a Deployment would."""
    command, *words = words_of(objects, deployment, folder)
    entry = COMMANDS[command]
    asked = getattr(import_module(entry.module), entry.parser)().parse_args(words)
    return read_settings(read_flags(asked), environ_of(container_of(objects, deployment)))


@pytest.mark.parametrize("values", VALUES, ids=named)
def test_every_command_line_is_one_that_its_command_takes(values: Path, tmp_path: Path) -> None:
    objects = render_file(values)
    for deployment in (each["metadata"]["name"] for each in objects if each["kind"] == "Deployment"):
        command, *words = words_of(objects, deployment, tmp_path)
        entry = COMMANDS[command]

        asked = getattr(import_module(entry.module), entry.parser)().parse_args(words)

        if command != "watchdog":
            read_settings(read_flags(asked), environ_of(container_of(objects, deployment)))


def test_the_service_shows_what_the_chart_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = words_of(render_file(DEFAULT), "penstock", tmp_path)

    assert main([*words, "--print-config"]) == 0
    shown = yaml.safe_load(capsys.readouterr().out)
    assert (shown["host"], shown["port"], shown["verify-hooks"]) == ("0.0.0.0", "8080", "enforce")  # noqa: S104 - in a pod


def test_hooks_are_verified_and_tests_run_apart_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    settings = settings_of(render_file(DEFAULT), "penstock", tmp_path)

    assert settings.verify_hooks is VerifyMode.ENFORCE
    assert settings.data_dir == Path("/var/lib/penstock/serve")
    assert (settings.auth, settings.runner) == (AuthMode.KUBERNETES, RunnerMode.APART)


def test_every_value_reaches_the_setting_it_is_called_after(tmp_path: Path) -> None:
    settings = settings_of(render_file(FULL), "sluice-gate", tmp_path)

    assert (settings.threads, settings.wait_s, settings.host) == (32, 10.0, "::")
    assert settings.allow_targets == ("*.weather.svc", "api.example:443")
    assert (settings.store, settings.path_prefix) == (SECRETS["PENSTOCK_STORE"], "/a-long-random-text")


def test_the_runner_is_pointed_at_the_service_and_has_its_settings(tmp_path: Path) -> None:
    objects = render_file(APART)

    words = words_of(objects, "penstock-runner", tmp_path)
    settings = settings_of(objects, "penstock-runner", tmp_path)

    assert "--service=http://penstock.release-tools" in words
    assert (settings.runs_at_once, settings.log_limit_bytes) == (8, 20971520)


def test_the_watchdog_watches_the_namespaces_that_are_named() -> None:
    named_two = container_of(render_file(CHART / "ci/watchdog-values.yaml"), "penstock-watchdog")["args"]
    everywhere = container_of(render_file(CHART / "ci/istio-strict-values.yaml"), "penstock-watchdog")["args"]

    assert named_two[2:] == ["--namespace=weather", "--namespace=shop"]
    assert everywhere[2:] == ["--all-namespaces"]


def test_the_service_in_one_pod_runs_its_tests_itself(tmp_path: Path) -> None:
    objects = render_file(HERE)

    assert settings_of(objects, "penstock", tmp_path).runner is RunnerMode.HERE
    assert kinds(objects).count("Deployment") == 1


@pytest.mark.parametrize("values", VALUES, ids=named)
def test_every_path_of_the_settings_lies_in_a_volume(values: Path, tmp_path: Path) -> None:
    objects = render_file(values)
    server = next(each for each in objects if each["kind"] == "Deployment" and "serve" in str(each))
    name = server["metadata"]["name"].removesuffix("-runner")

    settings = settings_of(objects, name, tmp_path)

    container = container_of(objects, name)
    mounted = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"] for volume in pod_of(pick(objects, "Deployment", name))["volumes"]}
    for path in filter(None, (settings.data_dir, settings.catalog, settings.tokens)):
        (held,) = [volume for place, volume in mounted.items() if PurePosixPath(place) in PurePosixPath(path).parents]
        assert held in volumes


def test_the_catalog_of_the_values_is_one_the_service_takes(tmp_path: Path) -> None:
    held = pick(render_file(APART), "ConfigMap", "penstock-catalog")["data"]
    for name, text in held.items():
        (tmp_path / name).write_text(text)

    catalog = read_catalog(held["catalog.yaml"], tmp_path)

    assert sorted(catalog.tests) == ["ad-login", "ad-suite"]
    assert catalog.gates["promotion"].approvals == 2


def test_the_service_and_its_runner_see_the_catalog_at_one_path() -> None:
    objects = render_file(APART)
    places = [
        {mount["mountPath"] for mount in container_of(objects, name)["volumeMounts"] if mount["name"] == "catalog"}
        for name in ("penstock", "penstock-runner")
    ]

    assert places == [{"/etc/penstock/catalog"}] * 2


def test_the_plugin_of_argo_is_a_service_that_starts() -> None:
    plugin = pick(
        [each for each in render_file(FULL) if each["metadata"].get("namespace") == "weather"],
        "ConfigMap",
        "penstock-executor-plugin",
    )

    container = yaml.safe_load(plugin["data"]["sidecar.container"])
    asked = serving.make_parser().parse_args(container["args"][1:])

    assert asked.argo_plugin is True
    assert read_settings(read_flags(asked), {}).on_loopback
    assert container["image"].startswith("registry.example/penstock@sha256:")
    assert restricted.faults({"containers": [container]}) == []


HOSTILE = "{{ .Values.image }} \"'\\ $(HOME) `id`\n- x: |\n"


def test_values_that_look_like_templates_or_yaml_stay_what_they_are() -> None:
    check = {"kind": "http", "description": HOSTILE, "requests": [{"path": "/", "body": HOSTILE}]}
    catalog = {"tests": {"ad": check}}
    given = {"catalog": {"inline": catalog, "files": {"a.txt": HOSTILE}}, "settings": {"namespace-regexp": HOSTILE}}
    more = {"server": {"extraEnv": [{"name": "A", "value": HOSTILE}], "extraArgs": [HOSTILE]}}

    objects = render({**given, **more, "commonLabels": {}})

    held = pick(objects, "ConfigMap", "penstock-catalog")["data"]
    assert (yaml.safe_load(held["catalog.yaml"]), held["a.txt"]) == (catalog, HOSTILE)
    assert (
        yaml.safe_load(pick(objects, "ConfigMap", "penstock-settings")["data"]["settings.yaml"])["namespace-regexp"]
        == HOSTILE
    )
    assert container_of(objects, "penstock")["env"][-1]["value"] == HOSTILE
    assert container_of(objects, "penstock")["args"][-1] == HOSTILE


def test_large_numbers_are_not_written_with_an_exponent(tmp_path: Path) -> None:
    objects = render({"settings": {"log-limit": 10485760, "body-limit": 100000000}})

    assert settings_of(objects, "penstock", tmp_path).body_limit_bytes == 100_000_000


def test_hostile_names_are_refused_before_they_stand_anywhere() -> None:
    refused = attempt({"canaryNamespaces": ['a"\nb']})

    assert refused.returncode != 0
    assert "/canaryNamespaces/0" in refused.stderr
