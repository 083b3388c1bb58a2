"""Write the alert rules of Prometheus, one for each thing that somebody must look at.

Two rules to keep: docs/alerts.md has a heading for every alert, which its annotation `runbook` names; and no alert
fires twice because a second watchdog, or a second replica of the service, tells the same.
"""

import argparse
import enum
from dataclasses import dataclass

from workflows.manifests.document import Document

RUNBOOKS = "docs/alerts.md"
"""Where the runbooks stand; a link to them needs an address at which somebody serves that page."""


class Urgency(enum.Enum):
    """Name how soon somebody must look (label `severity`)."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Alert:
    """Carry one rule: it fires when the expression has had a result for so long; texts may name labels."""

    name: str
    urgency: Urgency
    expression: str
    lasting: str
    summary: str
    description: str


_RELEASE = "{{ $labels.name }}.{{ $labels.namespace }}"

ALERTS: tuple[Alert, ...] = (
    Alert(
        "PenstockNoWatchdog",
        Urgency.CRITICAL,
        "absent(penstock_releases_readable)",
        "5m",
        "No watchdog shows its figures",
        "Nobody would take the traffic home if the owner of a release died.",
    ),
    Alert(
        "PenstockWatchdogBlind",
        Urgency.CRITICAL,
        "penstock_releases_readable == 0",
        "2m",
        "The watchdog cannot read the releases of the cluster",
        "It does not see releases whose owners are gone.",
    ),
    Alert(
        "PenstockReleaseFailed",
        Urgency.WARNING,
        "max by (name, namespace) (increase(flagger_canary_failures_total[15m])) > 0",
        "0m",
        f"The release of {_RELEASE} was not promoted",
        "Its traffic is back on the primary. The Events of the Canary say why.",
    ),
    Alert(
        "PenstockEvidenceOfHarm",
        Urgency.WARNING,
        'max by (name, namespace) (penstock_release_evidence{kind="total"})\n'
        "> max by (name, namespace) (penstock_release_evidence_limit) / 2\n"
        'and max by (name, namespace) (penstock_release_phase{phase="Progressing"}) == 1',
        "0m",
        f"The canary of {_RELEASE} is close to a rollback",
        "The evidence against it is more than half of what rolls it back.",
    ),
    Alert(
        "PenstockApprovalMissing",
        Urgency.INFO,
        'max by (name, namespace, phase) (penstock_release_phase{phase=~"Waiting|WaitingPromotion"}) == 1',
        "1h",
        f"The release of {_RELEASE} has waited for an hour",
        "A gate is not approved: the release is in phase {{ $labels.phase }}.",
    ),
    Alert(
        "PenstockReleaseSlow",
        Urgency.INFO,
        'max by (name, namespace, phase) (penstock_release_phase{phase=~"Progressing|Promoting|Finalising"}) == 1',
        "6h",
        f"The release of {_RELEASE} has been in phase {{{{ $labels.phase }}}} for six hours",
        "It may be paused, starved of traffic, or its pipeline may be gone.",
    ),
    Alert(
        "PenstockServiceAbsent",
        Urgency.CRITICAL,
        'absent(penstock_processes{part="service"})',
        "5m",
        "No webhook service shows its figures",
        "Flagger counts a hook that is not answered as a failed check.",
    ),
    Alert(
        "PenstockHookErrors",
        Urgency.WARNING,
        'sum by (type) (rate(penstock_hooks_total{status=~"5.."}[10m])) > 0',
        "10m",
        "Hooks of type {{ $labels.type }} are answered with 5xx",
        "The service has trouble of its own: the store, the runner, or the API server.",
    ),
    Alert(
        "PenstockHooksSlow",
        Urgency.WARNING,
        "histogram_quantile(0.99, sum by (type, le) \n"
        '(rate(penstock_hook_seconds_bucket{type=~"confirm-.+|rollback|event"}[10m]))) > 1',
        "10m",
        "Hooks of type {{ $labels.type }} take {{ $value | humanizeDuration }}",
        "These answer from the store; Flagger gives up on a hook after its time-out, 10 s if the Canary names none.",
    ),
    Alert(
        "PenstockReadBackStale",
        Urgency.WARNING,
        "time() - max by (namespace) (penstock_canaries_seen_timestamp_seconds) > 120",
        "5m",
        "Canaries of {{ $labels.namespace }} have not been read for {{ $value | humanizeDuration }}",
        "Hooks are verified against what was last known.",
    ),
    Alert(
        "PenstockRunsNotStarted",
        Urgency.WARNING,
        'max(penstock_runs{state="queued"}) > 0 and max(penstock_runs{state="running"}) == 0',
        "10m",
        "Tests are queued and none runs",
        "The runner is not there or may not start anything.",
    ),
    Alert(
        "PenstockRunsLost",
        Urgency.WARNING,
        'sum by (kind) (increase(penstock_runs_ended_total{outcome="lost"}[30m])) > 0\n'
        'or sum by (kind) (penstock_runs_ended_total{outcome="lost"}'
        ' unless penstock_runs_ended_total{outcome="lost"} offset 30m) > 0',
        "0m",
        "Tests of kind {{ $labels.kind }} were lost",
        "What ran them died twice in the middle of the test.",
    ),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `penstock render alerts`."""
    parser.add_argument(
        "--runbooks", metavar="URL", help=f"where {RUNBOOKS} is served, for links; without it they are named in words"
    )


def _name_runbook(alert: Alert, url: str | None) -> dict[str, str]:
    """Give the link, which people click and must therefore be one, or the page and its heading."""
    if url:
        return {"runbook_url": f"{url}#{alert.name.lower()}"}
    return {"runbook": f"{RUNBOOKS}, {alert.name}"}


def write_alerts(arguments: argparse.Namespace) -> tuple[Document, ...]:
    """Write the rules as a file that Prometheus and promtool read."""
    rules = [
        {
            "alert": alert.name,
            "expr": alert.expression,
            **({"for": alert.lasting} if alert.lasting != "0m" else {}),
            "labels": {"severity": alert.urgency.value},
            "annotations": {
                "summary": alert.summary,
                "description": alert.description,
                **_name_runbook(alert, arguments.runbooks),
            },
        }
        for alert in ALERTS
    ]
    return (Document("alerts.yaml", ({"groups": [{"name": "penstock", "rules": rules}]},)),)
