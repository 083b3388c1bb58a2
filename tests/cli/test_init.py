"""`penstock init`: what it writes works, what it asks can be mended, and nothing is overwritten."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.chart_values import merge
from workflows.cli import main
from workflows.cli.starter import FILES, PROVIDERS

CHART = Path(__file__).parents[2] / "charts" / "penstock"
NAMED = ["--name", "ad", "-n", "weather", "--yes"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_is_written_is_clean_and_rehearses_to_its_promotion(provider: str, tmp_path: Path) -> None:
    canary, catalog, _ = (str(tmp_path / name) for name in FILES)

    assert main(["init", str(tmp_path), *NAMED, "--provider", provider, "--gate", "yes"]) == 0

    assert main(["lint", canary, "--catalog", catalog]) == 0
    assert main(["catalog", "lint", catalog]) == 0
    assert main(["run", canary, "--platform", "memory"]) == 0


@pytest.mark.parametrize("driver", ["flagger", "penstock"])
def test_the_values_fit_the_chart(driver: str, tmp_path: Path) -> None:
    main(["init", str(tmp_path), *NAMED, "--driver", driver])

    values = yaml.safe_load((tmp_path / "values.yaml").read_text())
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    jsonschema.validate(merge(defaults, values), json.loads((CHART / "values.schema.json").read_text()))
    assert values["watchdog"]["enabled"] is (driver == "penstock")


def test_what_comes_next_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(tmp_path / "new" / "folder"), *NAMED])

    assert f"penstock lint {tmp_path}/new/folder/canary.yaml --catalog" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("driver", "release"),
    [("penstock", "penstock run --canary ad -n weather"), ("flagger", "penstock wait canary/ad -n weather")],
)
def test_what_comes_next_leads_to_the_release(
    driver: str, release: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["init", str(tmp_path), *NAMED, "--driver", driver])

    *_, applied, told = capsys.readouterr().out.splitlines()
    assert applied == f"  kubectl apply -f {tmp_path}/canary.yaml"
    assert release in told


def test_nothing_is_overwritten_unless_that_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "catalog.yaml").write_text("mine")

    refused = main(["init", str(tmp_path), *NAMED])
    kept = (tmp_path / "catalog.yaml").read_text()
    forced = main(["init", str(tmp_path), *NAMED, "--force"])

    assert (refused, kept, forced) == (78, "mine", 0)
    assert "catalog.yaml: is there already; name another folder, or say --force" in capsys.readouterr().err
    assert "ad-smoke" in (tmp_path / "catalog.yaml").read_text()


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--name", "Ad_Service"], "--name: 'Ad_Service' is no name such as ad"),
        (["--port", "0"], "--port: '0' is not a port"),
        (["--path", "health"], "--path: 'health' is not a path"),
        (["--path", "/a\nb: c"], "is not a path"),
        (["--prometheus", "prometheus:9090"], "is not a URL"),
        (["--prometheus", "http://[::"], "is not a URL"),
    ],
    ids=["name", "port", "path", "two lines", "url", "half a url"],
)
def test_an_option_that_cannot_be_taken_is_said(
    words: list[str], fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path), *NAMED, *words]) == 78

    assert fault in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_needed_where_nobody_can_be_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path), "--yes"]) == 78
    assert "--name: say the Deployment that is released" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()

    assert main(["init", str(tmp_path / "file"), *NAMED]) == 78
    assert "name another folder" in capsys.readouterr().err


class Typed(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda text: monkeypatch.setattr(sys, "stdin", Typed(text))


def test_at_a_terminal_questions_are_asked_until_they_are_answered(
    tmp_path: Path, type_in: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    type_in("Ad!\nad\nweather\n8080\n\nmoon\nlinkerd\n\npenstock\n")

    assert main(["init", str(tmp_path), "--gate", "no"]) == 0

    canary = yaml.safe_load((tmp_path / "canary.yaml").read_text())
    assert (canary["metadata"]["name"], canary["spec"]["provider"]) == ("ad", "linkerd")
    assert canary["spec"]["service"]["port"] == 8080
    assert "'moon' is none of istio" in capsys.readouterr().err


@pytest.mark.parametrize(("typed", "said"), [("", "the answers ended"), ("A\n" * 9, "in 5 attempts")], ids=["", "A"])
def test_whoever_does_not_answer_gets_no_files(
    typed: str, said: str, tmp_path: Path, type_in: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(typed)

    assert main(["init", str(tmp_path)]) == 78

    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
