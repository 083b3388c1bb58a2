"""The queries of the dashboard, asked by promtool where two watchdogs and two replicas of the service are scraped."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.monitoring.alert_cases import write_series
from workflows.manifests.monitoring.dashboard import ROWS

PROMTOOL = shutil.which("promtool")
pytestmark = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")

AD = 'name="ad", namespace="weather"'
END = f'{AD}, deployment_strategy="canary", analysis_status="completed"'
LOAD = 'namespace="weather", canary="ad", test="peak", run="r1"'
FILLED_IN = {"$canary": ".*", "$namespace": ".*", "$__rate_interval": "5m", "$__range": "1h", "$__interval": "1m"}

SERIES = {
    f'penstock_release_phase{{{AD}, phase="Progressing"}}': "1x60",
    'flagger_canary_weight{workload="ad", namespace="weather"}': "30x60",
    f"penstock_release_failed_checks{{{AD}}}": "2x60",
    f"flagger_canary_successes_total{{{END}}}": "0x29 4x30",
    f"flagger_canary_failures_total{{{END}}}": "1x29 3x30",
    f'penstock_release_evidence{{{AD}, kind="total"}}': "12x60",
    f"penstock_release_evidence_limit{{{AD}}}": "20x60",
    f'penstock_release_requests{{{AD}, arm="canary"}}': "200x60",
    f'penstock_release_errors{{{AD}, arm="canary"}}': "50x60",
    'penstock_hooks_total{type="rollout", status="200"}': "0+60x60",
    'penstock_hook_seconds_bucket{type="rollout", le="1"}': "0+60x60",
    'penstock_hook_seconds_bucket{type="rollout", le="+Inf"}': "0+60x60",
    'penstock_runs{state="running"}': "3x60",
    'penstock_runs_ended_total{kind="http", outcome="passed"}': "0+1x60",
    'penstock_gates{state="waiting"}': "1x60",
    f"penstock_load_requests_total{{{LOAD}}}": "0+600x60",
    f"penstock_load_failures_total{{{LOAD}}}": "0+60x60",
    f'penstock_load_response_seconds{{{LOAD}, quantile="0.5"}}': "0.2x60",
    'penstock_resident_memory_bytes{part="service"}': "1000x60",
    'penstock_processes{part="service"}': "4x60",
    'penstock_canaries_seen_timestamp_seconds{namespace="weather"}': "0+60x60",
}
SHOWN = {
    "Phases": 1,
    "Weights": 30,
    "Failed checks": 2,
    "Promoted": 4,
    "Not promoted": 2,
    "Evidence against the canary": 12,
    "Share of user requests answered 5xx": 0.25,
    "Hooks by type and status": 2,  # each replica answers one a second
    "Runs under way": 3,
    "Runs that ended": 10,  # each replica ends one a minute
    "Gates": 1,
    "Requests of loads": 10,
    "Failed share of loads": 0.1,
    "Response time of loads": 0.2,
    "Memory": 2000,
    "Processes": 8,
    "Age of what is known of Canaries": 0,
}


def queries() -> Iterator[tuple[str, str, str]]:
    """Give the panel of each query, the query, and the labels by which its legend tells series apart."""
    for panel in (panel for row in ROWS for panel in row.panels):
        for query in panel.queries:
            expression = query.expression
            for word, value in FILLED_IN.items():
                expression = expression.replace(word, value)
            yield panel.title, expression, ", ".join(re.findall(r"\{\{(\w+)\}\}", query.legend))


def ask(folder: Path, series: dict[str, str], asked: list[tuple[str, float]]) -> None:
    """Ask after an hour, of which each answer is one number without labels."""
    wanted = [
        {"expr": expression, "eval_time": "60m", "exp_samples": [{"labels": "{}", "value": value}]}
        for expression, value in asked
    ]
    test = {"interval": "1m", "input_series": write_series(series), "promql_expr_test": wanted}
    path = folder / "tests.yaml"
    path.write_text(json.dumps({"rule_files": [], "evaluation_interval": "1m", "tests": [test]}))
    done = subprocess.run(
        [str(PROMTOOL), "test", "rules", str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_panel_shows_a_series_once_for_every_pod(tmp_path: Path) -> None:
    ask(tmp_path, SERIES, [(f"count({asked}) / count(count by ({who}) ({asked}))", 1) for _, asked, who in queries()])


def test_panels_show_once_what_pods_read_and_add_what_each_counts(tmp_path: Path) -> None:
    first = {title: expression for title, expression, _ in reversed([*queries()])}
    assert first.keys() - SHOWN.keys() == {"Time until a hook is answered (p99)"}

    ask(tmp_path, SERIES, [(f"round(sum({first[title]}), 0.01)", value) for title, value in SHOWN.items()])


def test_ends_are_counted_on_when_every_watchdog_is_replaced(tmp_path: Path) -> None:
    counter = f"flagger_canary_successes_total{{{END}"
    before = {f'{counter}, pod="w-{pod}"}}': f"0x9 3x{20 + pod}" for pod in (1, 2)}
    after = {f'{counter}, pod="w-{pod}"}}': f"_x{28 + pod} 0x9 2x{20}" for pod in (3, 4)}
    (promoted,) = [expression for title, expression, _ in queries() if title == "Promoted"]

    ask(tmp_path, {**before, **after}, [(f"round({promoted})", 5)])
