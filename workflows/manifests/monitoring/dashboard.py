"""Write the Grafana dashboard: releases, the judge's evidence, hooks, runs, load and the service itself.

Only figures are used that the service and the watchdog export; a test holds the two together.
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
                (Query(f"penstock_release_phase{{{_RELEASE}}} == 1", f"{_WHOSE} {{{{phase}}}}"),),
                kind=Kind.PHASES,
            ),
            Panel(
                "Weights",
                "The share of user traffic on each canary.",
                (
                    Query(
                        'flagger_canary_weight{workload=~"$canary", workload!~".*-primary", namespace=~"$namespace"}',
                        "{{workload}}.{{namespace}}",
                    ),
                ),
                Unit.PERCENT,
                top=100,
            ),
            Panel(
                "Failed checks",
                "Checks that failed in the release under way; the threshold of the Canary rolls it back.",
                (Query(f"penstock_release_failed_checks{{{_RELEASE}}}", _WHOSE),),
            ),
            Panel(
                "Promoted",
                "Releases that were promoted in the time shown.",
                (Query(f"sum(increase(flagger_canary_successes_total{{{_RELEASE}}}[$__range]))", "promoted"),),
                kind=Kind.NUMBER,
                width=6,
            ),
            Panel(
                "Not promoted",
                "Releases that were rolled back, refused or failed otherwise in the time shown.",
                (Query(f"sum(increase(flagger_canary_failures_total{{{_RELEASE}}}[$__range]))", "not promoted"),),
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
                    Query(f"penstock_release_evidence{{{_RELEASE}}}", f"{_WHOSE} {{{{kind}}}}"),
                    Query(f"penstock_release_evidence_limit{{{_RELEASE}}}", f"{_WHOSE} limit", limit=True),
                ),
                logarithmic=True,
            ),
            Panel(
                "Share of user requests answered 5xx",
                "Of the requests that were judged, on either arm.",
                (
                    Query(
                        f"penstock_release_errors{{{_RELEASE}}} / penstock_release_requests{{{_RELEASE}}}",
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
                        f"rate(penstock_load_requests_total{{{_LOAD}}}[$__rate_interval])",
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
                        f"rate(penstock_load_failures_total{{{_LOAD}}}[$__rate_interval])"
                        f" / rate(penstock_load_requests_total{{{_LOAD}}}[$__rate_interval])",
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
                        f"penstock_load_response_seconds{{{_LOAD}}}",
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
