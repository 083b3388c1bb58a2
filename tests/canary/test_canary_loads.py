"""What a plan's own tests and loads do to the counts, and the top-up it asks for."""

from dataclasses import replace
from typing import Any

import pytest
import yaml
from canary_files import errors, plan_of, vary

from workflows import wiring
from workflows.canary import Reading, read
from workflows.canary.loads import with_counted_load
from workflows.errors import ConfigurationError
from workflows.rollout.plan import Load

HEY = {"cmd": "hey -z 1m -q 10 http://ad-canary.weather:3003/ad"}


def with_hook(metadata: dict[str, str], hook_type: str = "rollout", provider: str = "istio") -> dict[str, Any]:
    hook = {"name": "load", "type": hook_type, "url": "http://tester/", "metadata": metadata}
    document = vary("spec.analysis", {"webhooks": [hook]})
    document["spec"]["provider"] = provider
    return document


def reading(document: dict[str, Any]) -> Reading:
    return read(yaml.safe_dump(document))


def only_error(document: dict[str, Any]) -> str:
    (error,) = errors(reading(document))
    return error


def annotated(name: str, value: str) -> dict[str, Any]:
    return vary("metadata", {"annotations": {f"penstock.dev/{name}": value}})


@pytest.mark.parametrize(
    ("document", "load"),
    [
        (vary(), Load.UNCOUNTED),
        (with_hook(HEY), Load.ONE_ARM),
        (with_hook({"cmd": "hey http://ad-primary:3003/"}), Load.ONE_ARM),
        (with_hook({"test": "ad-load"}), Load.ONE_ARM),
        (with_hook({"tests": "ad-load,ad-suite"}), Load.ONE_ARM),
        (with_hook({"cmd": "hey http://ad.weather:3003/ad"}), Load.UNCOUNTED),
        (with_hook({"cmd": "hey http://bad-canary/"}), Load.UNCOUNTED),
        (with_hook({"cmd": "hey http://ad-canary-blue/"}), Load.UNCOUNTED),
        (with_hook(HEY, "pre-rollout"), Load.UNCOUNTED),
    ],
    ids=["none", "canary", "primary", "test", "tests", "both", "another", "longer name", "before any traffic"],
)
def test_load_that_reaches_one_arm_is_seen_in_the_file(document: dict[str, Any], load: Load) -> None:
    assert with_counted_load(plan_of(reading(document))).load is load


def test_what_counts_at_the_gateway_counts_no_load_behind_it() -> None:
    plan = replace(plan_of(reading(with_hook(HEY))), provider="nginx")

    assert with_counted_load(plan).load is Load.UNCOUNTED


@pytest.mark.parametrize("load", Load)
def test_the_annotation_knows_better_than_the_file(load: Load) -> None:
    document = with_hook(HEY)
    document["metadata"]["annotations"] = {"penstock.dev/load": load.value}

    assert with_counted_load(plan_of(reading(document))).load is load


def test_an_unknown_load_lists_the_known_ones() -> None:
    assert '"both" is not known; allowed: uncounted, both-arms, one-arm' in only_error(annotated("load", "both"))


@pytest.mark.parametrize(("text", "path"), [("true", "/"), ("false", ""), ("/ad?of=day", "/ad?of=day")])
def test_a_top_up_asks_for_a_path(text: str, path: str) -> None:
    assert plan_of(reading(annotated("top-up", text))).top_up == path


@pytest.mark.parametrize("text", ["yes", "", "ad", "/a b", "http://elsewhere/"])
def test_a_top_up_of_anything_else_is_refused(text: str) -> None:
    assert "is not true, false or a path such as /ad" in only_error(annotated("top-up", text))


def test_a_platform_that_cannot_top_up_refuses_to() -> None:
    plan = plan_of(reading(annotated("top-up", "true")))

    with pytest.raises(ConfigurationError, match=r"penstock\.dev/top-up: on the platform 'kubernetes'"):
        wiring.build("kubernetes", plan, wiring.Wishes())
