"""`penstock lint --catalog`: webhooks that do not fit the tests they name."""

from pathlib import Path

import pytest
import yaml
from canary_files import vary

from workflows.canary import lint

CATALOG = """
tests:
  quick: {kind: http, timeout: 5s, requests: [{path: /}]}
  suite:
    kind: http
    timeout: 60s
    requests: [{path: /}]
    parameters: {city: {pattern: "[a-z]+"}, tone: {default: warm}}
  load: {kind: load, plan: {rate: 5}}
  burst: {kind: load, plan: {rate: 5, duration: 4s}}
  guarded: {kind: http, timeout: 5s, requests: [{path: /}], namespaces: ["team-*"]}
  outside: {kind: http, target: "http://db.weather:80", timeout: 5s, requests: [{path: /}]}
"""


def hook(kind: str, timeout: str = "10s", path: str = "", **metadata: str) -> dict[str, object]:
    url = f"http://penstock.weather/hooks/{path or kind}"
    return {"name": kind, "type": kind, "url": url, "timeout": timeout, "metadata": metadata}


def findings(folder: Path, capsys: pytest.CaptureFixture[str], *hooks: object) -> list[str]:
    (folder / "catalog.yaml").write_text(CATALOG)
    (folder / "canary.yaml").write_text(yaml.safe_dump(vary("spec.analysis", {"webhooks": list(hooks)})))
    lint.main(["--catalog", str(folder / "catalog.yaml"), str(folder / "canary.yaml")])
    return capsys.readouterr().out.splitlines()


FITTING = [
    hook("pre-rollout", test="quick"),
    hook("pre-rollout", timeout="90s", test="suite", wait="80s", city="bonn"),
    hook("pre-rollout", test="burst"),
    hook("rollout", test="load"),
    hook("confirm-promotion", test="suite", city="bonn"),
    hook("confirm-rollout", test="outside"),
    hook("confirm-promotion", gate="promotion"),
]


@pytest.mark.parametrize("webhook", FITTING)
def test_a_webhook_that_fits_is_not_spoken_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], webhook: dict[str, object]
) -> None:
    assert findings(tmp_path, capsys, webhook) == []


WARNINGS = [
    (hook("pre-rollout", test="quik"), "names the test 'quik', which the catalog has not; known: quick, suite"),
    (
        hook("pre-rollout", test="suite", city="bonn"),
        "may take 60 s, but the hook answers after 8 s: raise timeout and",
    ),
    (hook("rollout", test="suite", city="bonn"), "may take 60 s, but the hook answers after 8 s: raise timeout and"),
    (hook("pre-rollout", test="load"), "load, which may take 3600 s"),
    (hook("pre-rollout", test="quick", wait="10s"), "ends the call after 10 s, before the answer after 10 s"),
    (hook("pre-rollout", test="quick", wait="soon"), "has wait: 'soon' is not a duration"),
    (
        hook("pre-rollout", test="suite", hold="true", city="a"),
        "has hold, but there is no confirm-traffic-increase hook",
    ),
    (hook("confirm-rollout", test="quick"), "names quick, which needs the canary: confirm-rollout comes before"),
    (hook("pre-rollout", test="guarded"), "names guarded, which serves the namespaces team-* and not"),
    (hook("confirm-promotion", test="suite"), "lacks city, which a test named here needs"),
    (hook("confirm-promotion", test="suite", city="Bonn"), "has city: 'Bonn', which the catalog does not allow"),
    (hook("confirm-promotion", test="quick", city="bonn"), "has city, which no test named here takes"),
    (hook("pre-rollout", path="rollout", test="quick"), "it ends with /hooks/pre-rollout"),
]


@pytest.mark.parametrize(("webhook", "text"), WARNINGS)
def test_a_webhook_that_does_not_fit_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], webhook: dict[str, object], text: str
) -> None:
    (warning,) = findings(tmp_path, capsys, webhook)

    assert text in warning
    assert ": warning: spec.analysis.webhooks[0]." in warning


def test_a_long_test_fits_when_another_hook_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holding = hook("confirm-traffic-increase", hold="true")

    assert findings(tmp_path, capsys, hook("pre-rollout", test="suite", hold="true", city="bonn"), holding) == []


def test_the_example_fits_its_catalog(capsys: pytest.CaptureFixture[str]) -> None:
    example = Path(__file__).parents[2] / "examples" / "ad-service"

    assert lint.main(["--catalog", str(example / "catalog.yaml"), str(example / "canary.yaml")]) == 0
    assert capsys.readouterr().out == ""


def test_a_faulty_catalog_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "catalog.yaml").write_text("tests: {a: {kind: magic}}")

    assert lint.main(["--catalog", str(tmp_path / "catalog.yaml"), str(tmp_path / "canary.yaml")]) == 2
    assert "tests.a.kind: 'magic' is unknown" in capsys.readouterr().out
