"""Series of figures, minute by minute from 0, under which each alert fires and under which it keeps silent.

There are two watchdogs and two replicas of the service: a series stands once here and is told by either pod.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """Hold what each pod tells, in promtool's words, and at which minute the alert is asked for."""

    alert: str
    series: dict[str, str]
    minute: int
    fires: bool


_AD = 'name="ad", namespace="weather"'
_QUIET = {"penstock_releases_readable": "1x400", 'penstock_processes{part="service"}': "3x400"}


def _both(alert: str, minute: int, bad: dict[str, str], good: dict[str, str]) -> tuple[Case, Case]:
    return Case(alert, bad, minute, fires=True), Case(alert, good, minute, fires=False)


def _hooks(status: str) -> dict[str, str]:
    return {f'penstock_hooks_total{{type="rollout", status="{status}"}}': "0+1x60"}


def _slow(within: str) -> dict[str, str]:
    name = "penstock_hook_seconds_bucket"
    return {
        f'{name}{{type="rollback", le="{bound}"}}': seen
        for bound, seen in (("0.5", within), ("2.5", "0+10x60"), ("+Inf", "0+10x60"))
    }


CASES: tuple[Case, ...] = (
    *_both("PenstockNoWatchdog", 6, {}, {"penstock_releases_readable": "1x10"}),
    *_both(
        "PenstockWatchdogBlind",
        4,
        {'penstock_releases_readable{pod="w-1"}': "1x10", 'penstock_releases_readable{pod="w-2"}': "0x10"},
        {"penstock_releases_readable": "1x10"},
    ),
    *_both(
        "PenstockReleaseFailed",
        10,
        {f"flagger_canary_failures_total{{{_AD}}}": "0x5 1x10"},
        {f"flagger_canary_failures_total{{{_AD}}}": "1x15"},
    ),
    *_both(
        "PenstockEvidenceOfHarm",
        5,
        {
            f'penstock_release_evidence{{{_AD}, kind="total"}}': "12x9",
            f"penstock_release_evidence_limit{{{_AD}}}": "20x9",
            f'penstock_release_phase{{{_AD}, phase="Progressing"}}': "1x9",
        },
        {
            f'penstock_release_evidence{{{_AD}, kind="total"}}': "12x9",
            f"penstock_release_evidence_limit{{{_AD}}}": "20x9",
            f'penstock_release_phase{{{_AD}, phase="Failed"}}': "1x9",
        },
    ),
    *_both(
        "PenstockApprovalMissing",
        70,
        {f'penstock_release_phase{{{_AD}, phase="WaitingPromotion"}}': "1x90"},
        {f'penstock_release_phase{{{_AD}, phase="Progressing"}}': "1x90"},
    ),
    *_both(
        "PenstockReleaseSlow",
        370,
        {f'penstock_release_phase{{{_AD}, phase="Progressing"}}': "1x400"},
        {f'penstock_release_phase{{{_AD}, phase="Succeeded"}}': "1x400"},
    ),
    *_both("PenstockServiceAbsent", 6, {}, {'penstock_processes{part="service"}': "3x10"}),
    *_both("PenstockHookErrors", 30, _hooks("503"), _hooks("403")),
    *_both("PenstockHooksSlow", 30, _slow("0x60"), _slow("0+10x60")),
    *_both(
        "PenstockReadBackStale",
        30,
        {'penstock_canaries_seen_timestamp_seconds{namespace="weather"}': "0x60"},
        {'penstock_canaries_seen_timestamp_seconds{namespace="weather"}': "0+60x60"},
    ),
    *_both(
        "PenstockRunsNotStarted",
        15,
        {'penstock_runs{state="queued"}': "2x20", 'penstock_runs{state="running"}': "0x20"},
        {'penstock_runs{state="queued"}': "2x20", 'penstock_runs{state="running"}': "1x20"},
    ),
    *_both(
        "PenstockRunsLost",
        40,
        {'penstock_runs_ended_total{kind="http", outcome="lost"}': "_x35 1x30"},
        {'penstock_runs_ended_total{kind="http", outcome="lost"}': "1x90"},
    ),
)


def write_case(case: Case) -> dict[str, object]:
    """Write a case as a test of promtool: one alert for all pods, and nothing else but for what is absent."""
    told = [name.partition("{")[0] for name in case.series]
    quiet = {} if case.alert in _ABSENT else {k: v for k, v in _QUIET.items() if k.partition("{")[0] not in told}
    return {
        "name": f"{case.alert} {'fires' if case.fires else 'is silent'}",
        "interval": "1m",
        "input_series": write_series({**quiet, **case.series}),
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{case.alert}", alertstate="firing"}})',
                "eval_time": f"{case.minute}m",
                "exp_samples": [{"labels": "{}", "value": 1}] if case.fires else [],
            }
        ],
    }


def write_series(series: Mapping[str, str]) -> list[dict[str, str]]:
    """Write series as either pod of their kind tells them; one that names its pod is told by that alone."""
    return [{"series": each, "values": values} for name, values in series.items() for each in _tell(name)]


def _tell(name: str) -> Iterator[str]:
    metric, _, labels = name.removesuffix("}").partition("{")
    if 'pod="' in labels:
        yield name
        return
    kind = "w" if metric.startswith(("flagger_", "penstock_release")) else "s"
    for pod in (f'pod="{kind}-1"', f'pod="{kind}-2"'):
        yield f"{metric}{{{', '.join(filter(None, (labels, pod)))}}}"


_ABSENT = frozenset({"PenstockNoWatchdog", "PenstockServiceAbsent"})
