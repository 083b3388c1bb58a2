"""Write a run as one HTML file that asks nothing of the network."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from loadtester.rendering.charts import Series, bar_chart, line_chart
from loadtester.report import LoadReport
from loadtester.report.histogram import middle_of

_STYLE = """body{font:14px sans-serif;max-width:760px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;width:100%;margin:1em 0}
td,th{border-bottom:1px solid #ddd;padding:4px 8px;text-align:left}
figure{margin:1.5em 0}figcaption{font-weight:bold}
.passed{color:#1a7f37}.failed{color:#b42318}.inconclusive{color:#9a6700}"""
_BARS = 40


def render_html(document: Mapping[str, Any]) -> str:
    """Give the page."""
    report = LoadReport.from_dict(document["report"])
    verdict = document["verdict"]
    outcome = escape(verdict["outcome"])
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in verdict["reasons"])
    parts = (
        f'<h1 class="{outcome}">Load: {outcome}</h1><ul>{reasons}</ul><p>{escape(_totals(document, report))}</p>',
        _thresholds(verdict["thresholds"]),
        _comparison(document["comparison"]),
        *_charts(document["timeline"], report),
        _names(report),
        _errors(report),
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Load report</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _totals(document: Mapping[str, Any], report: LoadReport) -> str:
    target = document["plan"].get("target", "")
    return (
        f"{target}: {report.requests} requests in {report.elapsed_s:.1f} s ({report.rate_per_s:.1f}/s), "
        f"{report.failures} failed, {report.dropped} dropped, {report.interrupted} interrupted; "
        f"generator at {report.cpu_share:.0%} of a core, {report.health.memory_mb:.0f} MB"
    )


def _table(title: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    if not body:
        return ""
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    return f"<h2>{escape(title)}</h2><table><tr>{cells}</tr>{body}</table>"


def _thresholds(items: Iterable[Mapping[str, Any]]) -> str:
    rows = ((item["threshold"], item["outcome"], item["reason"]) for item in items)
    return _table("Thresholds", ("threshold", "outcome", "reason"), rows)


def _comparison(items: Iterable[Mapping[str, Any]]) -> str:
    rows = (
        (
            item["measure"],
            f"{item['canary']:.4g}",
            f"{item['primary']:.4g}",
            f"{item['difference']:+.4g} ({item['low']:+.4g} to {item['high']:+.4g})",
            item["outcome"],
        )
        for item in items
    )
    return _table("Canary against primary", ("measure", "canary", "primary", "difference", "outcome"), rows)


def _charts(slots: list[Mapping[str, Any]], report: LoadReport) -> tuple[str, str, str, str]:
    times = [slot["until_s"] for slot in slots]
    rates = tuple(slot["requests"] / slot["span_s"] for slot in slots)
    failures = tuple(slot["failures"] / slot["span_s"] for slot in slots)
    percentiles = [
        Series(name, colour, tuple(slot[f"{name}_ms"] for slot in slots))
        for name, colour in (("p50", "#1a7f37"), ("p95", "#9a6700"), ("p99", "#b42318"))
    ]
    return (
        line_chart("Requests per second", "/s", times, [Series("requests", "#3b6ea5", rates)]),
        line_chart("Failures per second", "/s", times, [Series("failures", "#b42318", failures)]),
        line_chart("Response time", "ms", times, percentiles),
        _histogram(report),
    )


def _histogram(report: LoadReport) -> str:
    cells = report.total.response.cells
    if not cells:
        return ""
    first, last = min(cells), max(cells)
    step = max(1, -(-(last - first + 1) // _BARS))
    starts = range(first, last + 1, step)
    counts = [sum(cells.get(cell, 0) for cell in range(start, start + step)) for start in starts]
    labels = (f"{middle_of(first) / 1000:.3g} ms", f"{middle_of(last) / 1000:.3g} ms")
    return bar_chart("Response times, logarithmic", labels, counts)


def _names(report: LoadReport) -> str:
    rows = []
    for name, counts in sorted(report.names.items()):
        times = (counts.response.percentile_ms(share) for share in (0.5, 0.95, 0.99))
        cells = ("-" if value is None else f"{value:.2f}" for value in times)
        rows.append((name, str(counts.requests), str(counts.failures), *cells))
    return _table("Requests", ("name", "requests", "failed", "p50 ms", "p95 ms", "p99 ms"), rows)


def _errors(report: LoadReport) -> str:
    errors = sorted(report.errors, key=lambda item: -item.count)
    rows = ((item.kind, item.name, str(item.count), item.message) for item in errors)
    return _table("Errors", ("class", "name", "count", "first message"), rows)
