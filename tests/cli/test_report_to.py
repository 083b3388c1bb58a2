"""`--report-to` as a user types it: the release is on the pages of the service, and the journal with it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_traffic import EXAMPLE
from tests.release_desk import ReleaseDesk, open_desk
from tests.webhooks.bench import AD
from webhooks.store.releases import Ending
from workflows.cli import main

CANARY = str(EXAMPLE / "canary.yaml")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ReleaseDesk]:
    with open_desk(tmp_path) as opened:
        yield opened


def test_a_run_is_shown_where_it_is_reported_to_with_its_journal(desk: ReleaseDesk, tmp_path: Path) -> None:
    report = tmp_path / "report.json"

    code = main(["run", CANARY, "--platform", "memory", "--report", str(report), "--report-to", desk.url])

    (release,) = desk.releases
    journal = desk.bench.store.reports.read_journal(AD, release.id) or b""
    assert (code, release.ending, release.plan.weights) == (0, Ending.PROMOTED, (20, 40, 60, 80, 100))
    assert [json.loads(line)["kind"] for line in journal.splitlines()][-1] == "end"


def test_the_variable_says_where_too(desk: ReleaseDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_REPORT_TO", desk.url)

    main(["run", CANARY, "--platform", "memory"])

    assert [release.ending for release in desk.releases] == [Ending.PROMOTED]


def test_a_stage_is_shown_where_it_is_reported_to(desk: ReleaseDesk) -> None:
    main(["stage", "start", "--file", CANARY, "--platform", "memory", "--report-to", desk.url])

    (release,) = desk.releases
    assert (release.phase, release.weight, release.under_way) == ("Progressing", 0, True)


@pytest.mark.parametrize("command", [["run", CANARY], ["stage", "start", "--file", CANARY]])
def test_an_address_that_is_none_is_one_line(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = main([*command, "--platform", "memory", "--report-to", "penstock.weather"])

    assert code == 78
    assert capsys.readouterr().err == (
        "penstock: --report-to: 'penstock.weather' is not an http or https URL, such as http://127.0.0.1:8080\n"
    )


def test_a_service_that_is_away_changes_no_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["run", CANARY, "--platform", "memory", "--report-to", "http://127.0.0.1:1"])

    assert code == 0
    assert "reports on ad.weather wait: http://127.0.0.1:1 does not answer" in capsys.readouterr().err
