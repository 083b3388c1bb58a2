"""The benchmark of the judge runs, and its traffic is what it says."""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FIGURES = {
    "false_rollback_worst_null",
    "fewer_failed_50pct_10rps",
    "fewer_failed_50pct_100rps",
    "fewer_failed_50pct_1000rps",
    "missed_5x_100rps",
    "detect_5x_100rps_s",
    "promote_s_1000rps",
    "promote_s_100rps",
    "strict_promoted_bad",
    "latency_found",
    "clusters_false_rollback",
    "anytime_crossing",
}


def test_a_quick_run_writes_every_figure(tmp_path: Path) -> None:
    report = tmp_path / "judge.json"
    # What the child runs is measured elsewhere, and measuring it slows it down.
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    command = [sys.executable, str(BENCHMARKS / "judge.py"), "--quick", "--processes", "1", "--json", str(report)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=unmeasured)

    assert done.returncode == 0, done.stderr
    assert set(json.loads(report.read_text())["figures"]) >= FIGURES
    assert "reached |" in done.stdout


@pytest.mark.parametrize(("trials", "share"), [(40, 0.1), (2000, 0.3), (5000, 0.001), (300, 0.9)])
def test_binomial_draws_have_their_mean_and_variance(
    trials: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from judging.sampling import draw_binomial  # noqa: PLC0415 - found through the path above

    random = Random(1)
    draws = [draw_binomial(random, trials, share) for _ in range(4000)]

    assert statistics.fmean(draws) == pytest.approx(trials * share, rel=0.05)
    assert statistics.variance(draws) == pytest.approx(trials * share * (1 - share), rel=0.1)


@pytest.mark.parametrize("mean", [0.5, 30.0, 10_000.0])
def test_poisson_draws_have_their_mean_and_variance(mean: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from judging.sampling import draw_poisson  # noqa: PLC0415 - found through the path above

    random = Random(1)
    draws = [draw_poisson(random, mean) for _ in range(4000)]

    assert statistics.fmean(draws) == pytest.approx(mean, rel=0.06)
    assert statistics.variance(draws) == pytest.approx(mean, rel=0.1)
