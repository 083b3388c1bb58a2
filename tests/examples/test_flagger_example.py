"""The example for the real Flagger: its Canary's hooks, in Flagger's order, against the real service."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.chart_values import merge
from tests.manifests.schemas import faults, needs_definitions
from tests.webhooks.bench import AdService
from tests.webhooks.served import Served, eventually, serving
from webhooks.protocol import HookType
from workflows.cli import main

EXAMPLE = Path("examples/flagger")
CANARY = EXAMPLE / "canary.yaml"
CATALOG = EXAMPLE / "catalog.yaml"


def canary() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(CANARY.read_text())
    return found


class Flagger:
    """Calls the hooks of the Canary as Flagger's controller does: one type at a moment, in the order of the file."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._hooks = canary()["spec"]["analysis"]["webhooks"]

    def call(self, hook_type: HookType, phase: str = "Progressing", **told: str) -> tuple[int, str]:
        answer = (0, "")
        for hook in self._hooks:
            if hook["type"] == hook_type.value and answer[0] in {0, 200}:
                path = hook["url"].removeprefix("http://penstock.weather")
                payload = {"name": "ad", "namespace": "weather", "phase": phase, "checksum": "6c9bd8675b"}
                answer = self._served.post(path, {**payload, "metadata": hook.get("metadata", {}) | told})
        return answer

    def tell(self, message: str, phase: str = "Progressing") -> int:
        told = {"eventMessage": message, "eventType": "Normal", "timestamp": "1790000000000"}
        return self.call(HookType.EVENT, phase, **told)[0]


@pytest.fixture
def ad() -> Iterator[AdService]:
    with AdService() as server:
        yield server


@pytest.fixture
def served(tmp_path: Path, ad: AdService) -> Iterator[Served]:
    canaries = tmp_path / "canaries"
    canaries.mkdir()
    (canaries / "canary.yaml").write_text(CANARY.read_text())
    flags = ["--catalog", str(CATALOG), "--resolve", f"ad-canary.weather:3003={ad.address}"]
    with serving(tmp_path / "data", *flags, "--verify-hooks", "enforce", "--canaries", str(canaries)) as made:
        yield made.settle()


def approve(served: Served, gate: str) -> int:
    return served.post(f"/api/v1/gates/weather/ad/{gate}/approve", {"who": "ann"})[0]


def test_a_release_passes_every_hook_in_flaggers_order(served: Served) -> None:
    flagger = Flagger(served)

    assert flagger.call(HookType.CONFIRM_ROLLOUT, "Initialized")[0] == 403
    assert approve(served, "start") == 200
    assert flagger.call(HookType.CONFIRM_ROLLOUT, "Waiting")[0] == 200
    assert flagger.tell("Starting canary analysis for ad.weather") == 200

    # The tick of the pre-rollout hooks comes again until the traffic is let through.
    assert flagger.call(HookType.PRE_ROLLOUT)[0] == 200
    eventually(lambda: flagger.call(HookType.CONFIRM_TRAFFIC_INCREASE)[0] == 200, "the test to have passed")
    assert flagger.call(HookType.PRE_ROLLOUT)[1].startswith("contract passed: ")

    assert flagger.call(HookType.ROLLBACK)[0] == 403
    eventually(lambda: passes_judged(flagger.call(HookType.ROLLOUT)), "a load that is judged and goes well")

    assert flagger.call(HookType.CONFIRM_PROMOTION)[0] == 403
    assert approve(served, "promotion") == 200
    assert flagger.call(HookType.CONFIRM_PROMOTION)[0] == 200
    assert flagger.call(HookType.POST_ROLLOUT, "Succeeded")[0] == 200
    assert [moment["kind"] for moment in timeline(served)].count("event") == 1


def passes_judged(answer: tuple[int, str]) -> bool:
    return answer[0] == 200 and "wanted" in answer[1]


def timeline(served: Served) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{served.url}/api/v1/canaries/weather/ad/timeline", timeout=10) as answer:  # noqa: S310 - loopback
        moments: list[dict[str, Any]] = json.load(answer)["moments"]
    return moments


@needs_definitions
def test_flagger_knows_every_field() -> None:
    assert faults(canary()) == []


def test_every_type_of_hook_is_there_once() -> None:
    types = [hook["type"] for hook in canary()["spec"]["analysis"]["webhooks"]]
    assert sorted(types) == sorted(each.value for each in HookType)


def test_nothing_is_to_be_said_of_the_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(CANARY), "--catalog", str(CATALOG)]) == 0
    assert capsys.readouterr().out == ""


def test_the_hooks_are_what_the_generator_adds_to_a_bare_canary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = canary()
    hooks = bare["spec"]["analysis"].pop("webhooks")
    (tmp_path / "canary.yaml").write_text(yaml.safe_dump(bare))

    main(["render", "flagger", "--canary", str(tmp_path / "canary.yaml"), "--catalog", str(CATALOG)])

    assert yaml.safe_load(capsys.readouterr().out)["spec"]["analysis"]["webhooks"] == hooks


def test_the_values_bring_the_same_catalog_and_fit_the_chart() -> None:
    values = yaml.safe_load((EXAMPLE / "values.yaml").read_text())
    schema = json.loads(Path("charts/penstock/values.schema.json").read_text())

    assert values["catalog"]["inline"] == yaml.safe_load(CATALOG.read_text())
    defaults = yaml.safe_load(Path("charts/penstock/values.yaml").read_text())
    assert list(Draft202012Validator(schema).iter_errors(merge(defaults, values))) == []
