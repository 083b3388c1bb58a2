"""Write a run as Markdown, short enough for a chat message."""

from collections.abc import Mapping
from typing import Any

from loadtester.report import LoadReport

_MARKS = {"passed": "PASSED", "failed": "FAILED", "inconclusive": "INCONCLUSIVE"}


def render_markdown(document: Mapping[str, Any]) -> str:
    """Give the text."""
    verdict, report = document["verdict"], LoadReport.from_dict(document["report"])
    lines = [f"## Load: {_MARKS[verdict['outcome']]}", ""]
    lines += [f"- {_cell(reason)}" for reason in verdict["reasons"]]
    lines += ["", _totals(report), "", "| name | requests | failed | p50 ms | p95 ms | p99 ms |"]
    lines += ["| --- | --- | --- | --- | --- | --- |", *(_row(report, name) for name in sorted(report.names))]
    if report.errors:
        lines += ["", "| error | name | count |", "| --- | --- | --- |"]
        errors = sorted(report.errors, key=lambda item: -item.count)
        lines += [f"| {_cell(item.kind)} | {_cell(item.name)} | {item.count} |" for item in errors]
    return "\n".join(lines) + "\n"


def _totals(report: LoadReport) -> str:
    text = f"{report.requests} requests in {report.elapsed_s:.1f} s ({report.rate_per_s:.1f}/s), "
    return text + f"{report.failures} failed, {report.dropped} dropped, generator at {report.cpu_share:.0%} of a core"


def _row(report: LoadReport, name: str) -> str:
    counts = report.named(name)
    times = (counts.response.percentile_ms(share) for share in (0.5, 0.95, 0.99))
    cells = " | ".join("-" if value is None else f"{value:.2f}" for value in times)
    return f"| {_cell(name)} | {counts.requests} | {counts.failures} | {cells} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
