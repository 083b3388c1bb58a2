"""Write the Grafana dashboard: releases, the judge's evidence, hooks, runs, load and the service itself.

Only figures are used that the service and the watchdog export; a test holds the two together. What every watchdog, or
every replica of the service, reads from the same place is shown once (max); what each counts itself is added (sum).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from workflows.manifests.document import Document
from workflows.manifests.monitoring.panels import SOURCE, Kind, Panel, Query, Unit

ROW_WIDTH, HEIGHT = 24, 8

_RELEASE = 'name=~"$canary", namespace=~"$namespace"'
_LOAD = 'canary=~"$canary", namespace=~"$namespace"'
_WHOSE = "{{name}}.{{namespace}}"


def _once(metric: str, *labels: str) -> str:
    """Give what every watchdog tells of a release, once."""
    return f"max by ({', '.join(('name', 'namespace', *labels))}) ({metric}{{{_RELEASE}}})"


def _count_ends(metric: str) -> str:
    """Count ends that several watchdogs have seen; the greatest of their counters goes on when one is replaced."""
    seen = _once(metric, "deployment_strategy", "analysis_status")
    return f"sum(increase({seen}[$__range:$__interval]))"


def _rate_loads(metric: str) -> str:
    """Give what every replica of the service tells of a load, once; runs of one test side by side are added."""
    who = "namespace, canary, test"
    return f"sum by ({who}) (max by ({who}, run) (rate({metric}{{{_LOAD}}}[$__rate_interval])))"


@dataclass(frozen=True, slots=True)
class Row:
    """Hold the panels of one subject under its heading."""

    title: str
    panels: tuple[Panel, ...]


ROWS: tuple[Row, ...] = (
    Row(
        "Releases",
        (
            Panel(
                "Phases",
                "Where each release stands.",
                (Query(f"{_once('penstock_release_phase', 'phase')} == 1", f"{_WHOSE} {{{{phase}}}}"),),
                kind=Kind.PHASES,
            ),
            Panel(
                "Weights",
                "The share of user traffic on each canary.",
                (
                    Query(
                        "max by (workload, namespace) (flagger_canary_weight"
                        '{workload=~"$canary", workload!~".*-primary", namespace=~"$namespace"})',
                        "{{workload}}.{{namespace}}",
                    ),
                ),
                Unit.PERCENT,
                top=100,
            ),
            Panel(
                "Failed checks",
                "Checks that failed in the release under way; the threshold of the Canary rolls it back.",
                (Query(_once("penstock_release_failed_checks"), _WHOSE),),
            ),
            Panel(
                "Promoted",
                "Releases that were promoted in the time shown.",
                (Query(_count_ends("flagger_canary_successes_total"), "promoted"),),
                kind=Kind.NUMBER,
                width=6,
            ),
            Panel(
                "Not promoted",
                "Releases that were rolled back, refused or failed otherwise in the time shown.",
                (Query(_count_ends("flagger_canary_failures_total"), "not promoted"),),
                kind=Kind.NUMBER,
                width=6,
            ),
        ),
    ),
    Row(
        "Evidence of the judge",
        (
            Panel(
                "Evidence against the canary",
                "1 is none; at the dashed line the canary is rolled back.",
                (
                    Query(_once("penstock_release_evidence", "kind"), f"{_WHOSE} {{{{kind}}}}"),
                    Query(_once("penstock_release_evidence_limit"), f"{_WHOSE} limit", limit=True),
                ),
                logarithmic=True,
            ),
            Panel(
                "Share of user requests answered 5xx",
                "Of the requests that were judged, on either arm.",
                (
                    Query(
                        f"{_once('penstock_release_errors', 'arm')} / {_once('penstock_release_requests', 'arm')}",
                        f"{_WHOSE} {{{{arm}}}}",
                    ),
                ),
                Unit.SHARE,
            ),
        ),
    ),
    Row(
        "Hooks",
        (
            Panel(
                "Hooks by type and status",
                "403 is a gate that is not open or a test that failed; 5xx is trouble of our own.",
                (Query("sum by (type, status) (rate(penstock_hooks_total[$__rate_interval]))", "{{type}} {{status}}"),),
                Unit.PER_SECOND,
            ),
            Panel(
                "Time until a hook is answered (p99)",
                "Hooks that run tests wait for their verdict.",
                (
                    Query(
                        "histogram_quantile(0.99, sum by (type, le)"
                        " (rate(penstock_hook_seconds_bucket[$__rate_interval])))",
                        "{{type}}",
                    ),
                ),
                Unit.SECONDS,
            ),
        ),
    ),
    Row(
        "Runs and gates",
        (
            Panel(
                "Runs under way",
                "Tests and loads that are queued or running.",
                (Query("max by (state) (penstock_runs)", "{{state}}"),),
                width=8,
            ),
            Panel(
                "Runs that ended",
                "By kind and outcome.",
                (
                    Query(
                        "sum by (kind, outcome) (increase(penstock_runs_ended_total[$__rate_interval]))",
                        "{{kind}} {{outcome}}",
                    ),
                ),
                width=8,
            ),
            Panel(
                "Gates",
                "As they stand in the store.",
                (Query("max by (state) (penstock_gates)", "{{state}}"),),
                width=8,
            ),
        ),
    ),
    Row(
        "Load",
        (
            Panel(
                "Requests of loads",
                "What the loads that are running send.",
                (
                    Query(
                        _rate_loads("penstock_load_requests_total"),
                        "{{canary}}.{{namespace}} {{test}}",
                    ),
                ),
                Unit.REQUESTS_PER_SECOND,
                width=8,
            ),
            Panel(
                "Failed share of loads",
                "Of what they sent.",
                (
                    Query(
                        f"{_rate_loads('penstock_load_failures_total')}"
                        f" / {_rate_loads('penstock_load_requests_total')}",
                        "{{canary}}.{{namespace}} {{test}}",
                    ),
                ),
                Unit.SHARE,
                width=8,
            ),
            Panel(
                "Response time of loads",
                "Since each load began.",
                (
                    Query(
                        f"max by (namespace, canary, test, quantile) (penstock_load_response_seconds{{{_LOAD}}})",
                        "{{canary}}.{{namespace}} {{test}} p{{quantile}}",
                    ),
                ),
                Unit.SECONDS,
                width=8,
            ),
        ),
    ),
    Row(
        "The service",
        (
            Panel(
                "Memory",
                "Of the service and of its runs.",
                (Query("sum by (part) (penstock_resident_memory_bytes)", "{{part}}"),),
                Unit.BYTES,
                width=8,
            ),
            Panel(
                "Processes",
                "Of the service and of its runs.",
                (Query("sum by (part) (penstock_processes)", "{{part}}"),),
                width=8,
            ),
            Panel(
                "Age of what is known of Canaries",
                "Hooks are verified against it.",
                (
                    Query(
                        "time() - max by (namespace) (penstock_canaries_seen_timestamp_seconds"
                        '{namespace=~"$namespace"})',
                        "{{namespace}}",
                    ),
                ),
                Unit.SECONDS,
                width=8,
            ),
        ),
    ),
)


def write_dashboard() -> tuple[Document, ...]:
    """Write the dashboard as the JSON that Grafana imports."""
    document: dict[str, Any] = {
        "uid": "penstock-releases",
        "title": "Penstock",
        "description": "Releases, what decided them, and the service that answers for them.",
        "tags": ["canary", "penstock"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [*_write_variables()]},
        "annotations": {"list": []},
        "panels": [*_write_rows()],
    }
    return (Document("dashboard.json", (document,)),)


def _write_variables() -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}
    queries = {
        "namespace": ("Namespace", "label_values(penstock_release_phase, namespace)"),
        "canary": ("Canary", 'label_values(penstock_release_phase{namespace=~"$namespace"}, name)'),
    }
    for name, (label, query) in queries.items():
        yield {
            "name": name,
            "label": label,
            "type": "query",
            "datasource": SOURCE,
            "query": {"query": query, "refId": name},
            "refresh": 2,
            "includeAll": True,
            "allValue": ".*",
            "multi": True,
            "current": {"text": ["All"], "value": ["$__all"]},
        }


def _write_rows() -> Iterator[dict[str, Any]]:
    number, y = 0, 0
    for row in ROWS:
        number += 1
        place = {"h": 1, "w": ROW_WIDTH, "x": 0, "y": y}
        yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}
        y, x = y + 1, 0
        for panel in row.panels:
            number += 1
            if x + panel.width > ROW_WIDTH:
                x, y = 0, y + HEIGHT
            yield panel.write(number, {"h": HEIGHT, "w": panel.width, "x": x, "y": y})
            x += panel.width
        y += HEIGHT
