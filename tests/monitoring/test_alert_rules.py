"""The alert rules, asked by Prometheus' own promtool."""

import argparse
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.monitoring.alert_cases import CASES, write_case
from workflows.cli import main
from workflows.manifests.monitoring.alerts import ALERTS, write_alerts

ROOT = Path(__file__).parents[2]
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")


def promtool(*words: str) -> str:
    done = subprocess.run([str(PROMTOOL), *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
def test_every_alert_fires_when_it_should_and_keeps_silent_otherwise(tmp_path: Path) -> None:
    main(["render", "alerts", "-o", str(tmp_path)])
    tests = {
        "rule_files": ["alerts.yaml"],
        "evaluation_interval": "1m",
        "tests": [write_case(case) for case in CASES],
    }
    path = tmp_path / "tests.yaml"
    path.write_text(json.dumps(tests))
    promtool("test", "rules", str(path))


@needs_promtool
def test_the_rules_are_as_prometheus_wants_them() -> None:
    shipped = ROOT / "charts/penstock/files/alerts.yaml"
    assert f"{len(ALERTS)} rules found" in promtool("check", "rules", "--lint-fatal", str(shipped))


def test_every_alert_has_a_case_of_either_kind() -> None:
    assert {(case.alert, case.fires) for case in CASES} == {
        (alert.name, fires) for alert in ALERTS for fires in (True, False)
    }


def test_every_alert_has_its_runbook() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs/alerts.md").read_text(), re.MULTILINE)
    assert headings == [alert.name for alert in ALERTS]


def test_without_an_address_the_runbooks_are_named_in_words() -> None:
    (document,) = write_alerts(argparse.Namespace(runbooks=None))
    assert "runbook: docs/alerts.md, PenstockNoWatchdog" in str(document)
    assert "runbook_url" not in str(document)


def test_runbooks_that_are_served_get_links() -> None:
    (document,) = write_alerts(argparse.Namespace(runbooks="https://docs.example/alerts"))
    assert "runbook_url: https://docs.example/alerts#penstocknowatchdog" in str(document)


@pytest.mark.parametrize("kind", ["alerts", "dashboard"])
def test_what_the_chart_ships_is_what_the_code_writes(kind: str, tmp_path: Path) -> None:
    main(["render", kind, "-o", str(tmp_path)])
    (written,) = tmp_path.iterdir()
    shipped = ROOT / "charts/penstock/files" / written.name
    assert written.read_text() == shipped.read_text(), f"run: penstock render {kind} -o charts/penstock/files"
