"""The webhooks section for the real Flagger: valid, clean, whole, and nothing in it that could only fail."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests.schemas import faults, needs_definitions
from tests.rollout_story import ab_test, analysis, hook, plan
from webhooks.catalog import read_catalog
from webhooks.protocol import HookType
from workflows.cli import main
from workflows.errors import ConfigurationError
from workflows.manifests import flagger
from workflows.manifests.flagger import Selection
from workflows.rollout.plan import RolloutPlan

CATALOG = "examples/ad-service/catalog.yaml"
BARE = "examples/canaries/step-weights.yaml"
FILES = sorted([*map(str, Path("examples/canaries").glob("*.yaml")), "examples/ad-service/canary.yaml"])
TESTS = Selection(before=("contract", "suite"), load=("visitors",), longest_s=40)
URL = "http://penstock.weather"
HOSTILE = ['a"b', "a\nb", "a'b", "{{x}}", "$(x)", "", "A", "a: b"]


def hooks(plan: RolloutPlan, tests: Selection = TESTS, without: frozenset[HookType] = frozenset()) -> dict[str, Any]:
    """Give the hooks by their types."""
    (document,) = flagger.write_flagger(plan, URL, tests, without)
    patch = yaml.safe_load(str(document))
    return {each["type"]: each for each in patch["spec"]["analysis"]["webhooks"]}


def patched(file: str, folder: Path) -> dict[str, Any]:
    """Do what `kubectl patch --type merge` does with what is rendered for a file."""
    main(["render", "flagger", "--canary", file, "--catalog", CATALOG, "-o", str(folder)])
    canaries = (each for each in yaml.safe_load_all(Path(file).read_text()) if each["kind"] == "Canary")
    merged = copy.deepcopy(next(canaries))
    patch = yaml.safe_load((folder / "webhooks.yaml").read_text())
    merged["spec"].setdefault("analysis", merged["spec"].pop("canaryAnalysis", {}))
    merged["spec"]["analysis"]["webhooks"] = patch["spec"]["analysis"]["webhooks"]
    return {**merged, "apiVersion": patch["apiVersion"]}


@needs_definitions
@pytest.mark.parametrize("file", FILES)
def test_flagger_knows_every_field(file: str, tmp_path: Path) -> None:
    assert faults(patched(file, tmp_path)) == []


def test_what_is_added_is_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    canary = patched(BARE, tmp_path)
    # Its own hook is the only one that is there, and what is said of its metrics is not ours to mend.
    canary["spec"]["analysis"]["metrics"] = [{"name": "request-success-rate", "thresholdRange": {"min": 99}}]
    (tmp_path / "canary.yaml").write_text(yaml.safe_dump(canary))
    capsys.readouterr()

    code = main(["lint", str(tmp_path / "canary.yaml"), "--catalog", CATALOG])

    assert (code, capsys.readouterr().out) == (0, "")


def test_every_type_has_its_hook() -> None:
    found = hooks(plan())

    assert found.keys() == {each.value for each in HookType}
    assert all(each["url"] == f"{URL}/hooks/{name}" and each["timeout"] for name, each in found.items())
    assert len({each["name"] for each in found.values()}) == len(found)


def test_tests_are_held_where_weights_move_and_waited_for_where_not() -> None:
    assert hooks(plan())["pre-rollout"]["metadata"] == {"tests": "contract,suite", "hold": "true"}
    assert hooks(ab_test())["pre-rollout"]["metadata"] == {"tests": "contract,suite", "wait": "45s"}
    assert hooks(ab_test())["pre-rollout"]["timeout"] == "50s"


def test_nobody_holds_the_traffic_of_an_a_b_test() -> None:
    assert "confirm-traffic-increase" not in hooks(ab_test())


def test_a_test_is_waited_for_where_nobody_may_hold_the_traffic() -> None:
    found = hooks(plan(), without=frozenset({HookType.CONFIRM_TRAFFIC_INCREASE}))

    assert found["pre-rollout"]["metadata"]["wait"] == "45s"


def test_no_hook_asks_for_tests_that_nobody_named() -> None:
    found = hooks(plan(), Selection())

    assert not {"pre-rollout", "rollout"} & found.keys()


def test_hooks_of_the_file_stay_as_they_are() -> None:
    theirs = hook(HookType.PRE_ROLLOUT, "tests")
    found = hooks(plan(analysis(hooks=(theirs, hook(HookType.EVENT, "timeline"), hook(HookType.ROLLBACK, "load")))))

    assert found["pre-rollout"] == {"name": "tests", "type": "pre-rollout", "url": theirs.url, "timeout": "10s"}
    assert found["rollout"]["name"] == "load-by-penstock"


def test_every_field_of_a_hook_is_kept(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = Path(BARE).read_text()
    own = "{name: own, type: rollout, url: https://t/, timeout: 1500ms, retries: 3, disableTLS: true, muteAlert: true}"
    (tmp_path / "canary.yaml").write_text(text.replace("    webhooks:\n", f"    webhooks:\n      - {own}\n"))

    main(["render", "flagger", "--canary", str(tmp_path / "canary.yaml")])

    written = yaml.safe_load(capsys.readouterr().out)["spec"]["analysis"]["webhooks"]
    assert written[0] == yaml.safe_load(own)


def test_tests_that_need_more_than_their_name_are_left_out_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = {
        "fine": {"kind": "http", "requests": [{"path": "/"}]},
        "asks": {"kind": "http", "requests": [{"path": "/${who}"}], "parameters": {"who": {}}},
        "others": {"kind": "http", "requests": [{"path": "/"}], "namespaces": ["team-*"]},
    }
    (tmp_path / "catalog.yaml").write_text(yaml.safe_dump({"tests": tests}))

    main(["render", "flagger", "--canary", BARE, "--catalog", str(tmp_path / "catalog.yaml")])

    shown = capsys.readouterr().out
    assert "# Left out, since they need parameters or serve other namespaces: asks, others." in shown
    assert "tests: fine\n" in shown


def test_gates_are_said_with_how_they_are_approved(capsys: pytest.CaptureFixture[str]) -> None:
    main(["render", "flagger", "--canary", BARE, "--without", "confirm-promotion"])

    shown = capsys.readouterr().out
    assert "# confirm-rollout holds until `penstock gate approve checkout.shop start`" in shown
    assert "approve-promotion" not in shown
    assert "# No load is made: name one with --catalog FILE." in shown


@pytest.mark.parametrize(
    "url", ["http://a b/", 'http://a"/', "http://a/{{x}}", "http://a\n/", "ftp://a", "a", "http://a?x"]
)
def test_an_address_that_would_break_a_manifest_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("flagger", "rollouts"):
        assert main(["render", kind, "--canary", "examples/ad-service/canary.yaml", "--server", url]) == 78
        assert "--server: " in capsys.readouterr().err


def test_a_secret_first_step_of_the_path_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    main(["render", "flagger", "--canary", BARE, "--server", "https://[::1]:8443/LONG-RANDOM-TEXT/"])

    assert "url: https://[::1]:8443/LONG-RANDOM-TEXT/hooks/event" in capsys.readouterr().out


ADDRESSES = [
    (["http://penstock.penstock/hooks/rollout"], "http://penstock.penstock"),
    (["http://penstock.penstock/hooks/rollout", "http://penstock.penstock/hooks/event"], "http://penstock.penstock"),
    (["https://p:8443/LONG-RANDOM-TEXT/hooks/rollout/", "http://chat/deploys"], "https://p:8443/LONG-RANDOM-TEXT"),
    (["http://p/hooks/rollout", "http://p/more/hooks/rollout"], "http://penstock.shop"),
    (["http://p/hooks/slack"], "http://penstock.shop"),
    (["http://p/hooks/rollout?token=x"], "http://penstock.shop"),
    (["http://{{x}}/hooks/rollout"], "http://penstock.shop"),
    ([], "http://penstock.shop"),
]


@pytest.mark.parametrize(("theirs", "taken"), ADDRESSES)
def test_added_hooks_call_the_service_that_the_file_names(
    theirs: list[str], taken: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    canary = yaml.safe_load(Path("examples/quick-start/canary.yaml").read_text())
    canary["metadata"]["namespace"] = "shop"
    canary["spec"]["analysis"]["webhooks"] = [
        {"name": f"own-{number}", "type": "rollout", "url": url} for number, url in enumerate(theirs)
    ]
    (tmp_path / "canary.yaml").write_text(yaml.safe_dump(canary))

    main(["render", "flagger", "--canary", str(tmp_path / "canary.yaml")])

    shown = capsys.readouterr().out
    assert f"# The hooks that are added call {taken}; --server URL names another service.\n" in shown
    assert f" url: {taken}/hooks/event\n" in shown


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_would_break_a_manifest_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="not a name that can stand in a manifest"):
        flagger.write_flagger(plan(name=name), URL, TESTS)


@pytest.mark.parametrize("text", [*HOSTILE, "a # b", "- a", "&a", "\u202e", "\x1b[31m"])
def test_a_hostile_text_of_a_hook_stays_a_text(text: str) -> None:
    theirs = hook(HookType.EVENT, text or "x")

    assert hooks(plan(analysis(hooks=(theirs,))))["event"]["name"] == (text or "x")


def test_a_faulty_catalog_renders_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "catalog.yaml").write_text("tests: {}")

    assert main(["render", "flagger", "--canary", BARE, "--catalog", str(tmp_path / "catalog.yaml")]) == 78
    assert capsys.readouterr().out == ""


def test_loads_and_tests_of_a_catalog_find_their_places() -> None:
    catalog = read_catalog(Path(CATALOG).read_text(), Path("examples/ad-service"))

    assert flagger.pick(catalog, "weather") == Selection(("ad-contract", "ad-suite"), ("ad-load",), (), 25.0)
