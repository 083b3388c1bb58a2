"""Show a run to programs and people: as JSON, HTML or JUnit XML."""

import json
from collections.abc import Mapping
from html import escape
from xml.etree import ElementTree as ET

from webhooks.routes.texts import show, show_lines
from webhooks.store.records import Run, RunState

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem}}
th{{text-align:left;padding-right:2rem;vertical-align:top}}pre{{background:#f4f4f4;padding:1rem;overflow:auto}}</style>
</head><body><h1>{title}</h1><table>{rows}</table><h2>Log</h2><pre>{log}</pre><h2>Report</h2><pre>{report}</pre>
</body></html>
"""
_LONGEST = 10_000
_UNWRITABLE = {code: None for code in range(32) if chr(code) not in "\t\n\r"} | {0xFFFE: None, 0xFFFF: None}


def show_run(run: Run) -> dict[str, object]:
    """Show a run as the API does."""
    return {
        "id": run.id,
        "namespace": run.order.canary.namespace,
        "name": run.order.canary.name,
        "hook": run.order.hook,
        "test": run.order.test,
        "epoch": run.order.epoch,
        "state": run.state.value,
        "reason": run.reason or run.cancel,
        "starts": run.starts,
        "target": run.order.target,
        "parameters": dict(run.order.parameters),
        "createdAt": run.created_at,
        "startedAt": run.started_at or None,
        "endedAt": run.ended_at or None,
    }


def write_json(run: Run) -> str:
    """Write the report as JSON: the run, the end of its log, and what it measured."""
    return json.dumps({"run": show_run(run), "log": run.log, "report": json.loads(run.report or "null")})


def write_html(run: Run) -> str:
    """Write the report as a page that needs nothing else."""
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(show(value, _LONGEST))}</td></tr>"
        for name, value in show_run(run).items()
    )
    report = json.dumps(json.loads(run.report or "null"), indent=2)
    title = escape(show(f"{run.order.test} of {run.order.canary}: {run.state.value}"))
    return _PAGE.format(title=title, rows=rows, log=escape(show_lines(run.log)), report=escape(report))


def write_junit(run: Run) -> str:
    """Write the report as JUnit XML: a case for the run, skipped while it has no verdict, and one for each test."""
    cases = _find_cases(run)
    took = f"{max(0.0, run.ended_at - run.started_at):.3f}"
    failures = int(run.state is RunState.FAILED) + sum(case.get("outcome") == "failed" for case in cases)
    named = {"name": str(run.order.canary), "tests": str(1 + len(cases)), "failures": str(failures), "time": took}
    suite = ET.Element("testsuite", named)
    case = ET.SubElement(suite, "testcase", classname=run.order.hook, name=run.order.test, time=took)
    _add_verdict(case, _VERDICTS.get(run.state, "skipped"), f"{run.state.value}: {run.reason}")
    ET.SubElement(case, "system-out").text = run.log.translate(_UNWRITABLE)
    for one in cases:
        _add_case(suite, one)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def _find_cases(run: Run) -> list[Mapping[str, object]]:
    report = json.loads(run.report or "null")
    found = report.get("cases") if isinstance(report, dict) else None
    return found if isinstance(found, list) else []


def _add_case(suite: ET.Element, one: Mapping[str, object]) -> None:
    texts = {name: str(one.get(name, "")).translate(_UNWRITABLE) for name in ("suite", "name", "message", "seconds")}
    named = {"classname": texts["suite"], "name": texts["name"], "time": texts["seconds"]}
    case = ET.SubElement(suite, "testcase", named)
    _add_verdict(case, _CASES.get(str(one.get("outcome")), ""), texts["message"])


def _add_verdict(case: ET.Element, verdict: str, message: str) -> None:
    if verdict:
        ET.SubElement(case, verdict, message=message.translate(_UNWRITABLE))


_CASES = {"failed": "failure", "skipped": "skipped"}
_VERDICTS = {
    RunState.PASSED: "",
    RunState.FAILED: "failure",
    RunState.INCONCLUSIVE: "error",
    RunState.LOST: "error",
}
