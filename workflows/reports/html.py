"""Write the report of releases as one HTML page that needs nothing from outside: no script, no font, no link.

The one rule to keep: every text from elsewhere goes through `_safe`.
"""

from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path

from workflows.reports.release import DecisionRecord, ReleaseReport, write_text
from workflows.reports.text import number, printable
from workflows.reports.timeline import SIGNS, Timeline
from workflows.rollout.state import CheckResult, Outcome, Verdict

_OUTCOMES = {
    Outcome.PROMOTED: "\N{CHECK MARK} promoted",
    Outcome.ROLLED_BACK: "\N{LEFTWARDS ARROW WITH HOOK} rolled back",
    Outcome.FAILED: "\N{MULTIPLICATION X} failed",
}


def render(releases: Sequence[ReleaseReport]) -> str:
    """Write the page."""
    style = resources.files("workflows.reports").joinpath("report.css").read_text(encoding="utf-8")
    sections = "".join(_section(release, f"release-{place}") for place, release in enumerate(releases, 1))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Release report</title>'
        f"<style>\n{style}</style></head><body>\n<h1>Release report</h1>{_contents(releases)}\n{sections}"
        "<footer>Written by Penstock. Times count from the beginning of each release.</footer></body></html>\n"
    )


def write_html(path: Path, releases: Sequence[ReleaseReport]) -> None:
    """Write the page in one step; raises ConfigurationError where the path cannot be written."""
    write_text(path, render(releases))


def _contents(releases: Sequence[ReleaseReport]) -> str:
    if not releases:
        return '<p class="lead">No release is on record.</p>'
    began = min((at for release in releases for at in release.moments), default=None)
    lead = f'<p class="lead">{began:%Y-%m-%d %H:%M:%S %Z}</p>' if began else ""
    entries = "".join(
        f'<li><a href="#release-{place}">{_outcome(release)}<b>{_safe(release.name)}</b></a></li>'
        for place, release in enumerate(releases, 1)
    )
    return f'{lead}<ol class="contents">{entries}</ol>'


def _section(release: ReleaseReport, anchor: str) -> str:
    return (
        f'<section id="{anchor}"><header><h2>{_safe(release.name)}</h2>{_outcome(release)}</header>'
        f'<p class="reason">{_safe(release.reason)}</p>{_figures(release)}'
        f"{Timeline(release, anchor).render()}<h3>Every decision and its reason</h3>"
        f"{_table(release, anchor)}</section>\n"
    )


def _outcome(release: ReleaseReport) -> str:
    return f'<span class="outcome {release.outcome.value}">{_OUTCOMES[release.outcome]}</span>'


def _figures(release: ReleaseReport) -> str:
    weights = " \N{RIGHTWARDS ARROW} ".join(str(weight) for weight in release.weights) or number(None)
    failures, requests = release.user_failures, release.user_requests
    share = f" <small>{number(100 * failures / requests, ' %', 2)}</small>" if requests else ""
    figures = (
        ("Canary weights, %", weights, "wide"),
        ("Failed checks", str(release.failed_checks), ""),
        ("Duration", number(release.duration_s, " s"), ""),
        ("User requests", number(requests), ""),
        ("of these failed", number(failures) + share, ""),
    )
    return "<dl>" + "".join(f'<div class="{kind}"><dt>{k}</dt><dd>{v}</dd></div>' for k, v, kind in figures) + "</dl>"


def _table(release: ReleaseReport, anchor: str) -> str:
    if not release.decisions:
        return '<p class="note">No decision was recorded.</p>'
    rows = "".join(
        _row(f"{anchor}-{place}", place, release.offset_s(decision.at), decision)
        for place, decision in enumerate(release.decisions, 1)
    )
    heads = "".join(f"<th>{name}</th>" for name in ("", "At", "Weight", "Verdict", "Checks", "Reason"))
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _row(anchor: str, place: int, seconds: float, decision: DecisionRecord) -> str:
    checks = "".join(f"<li>{_check(check)}</li>" for check in decision.checks)
    listed = f'<ul class="checks">{checks}</ul>' if checks else ""
    return (
        f'<tr id="{anchor}"><td class="figure">{place}</td>'
        f'<td class="figure" title="{decision.at.isoformat()}">{number(seconds, " s")}</td>'
        f'<td class="figure">{decision.weight} %</td><td>{_verdict(decision.verdict)}</td>'
        f'<td class="long">{listed}</td><td class="long">{_safe(decision.reason)}</td></tr>'
    )


def _verdict(verdict: Verdict | None) -> str:
    return f'<span class="verdict {verdict.value}">{SIGNS[verdict]} {verdict.value}</span>' if verdict else ""


def _check(check: CheckResult) -> str:
    value = number(check.value, digits=2) if check.value is not None else "no data"
    sign = f'<span class="verdict {check.verdict.value}" title="{_safe(check.reason)}">{SIGNS[check.verdict]}</span>'
    return f"{sign} {_safe(check.name)} <b>{value}</b> ({_safe(check.limit)})"


def _safe(text: str) -> str:
    return escape(printable(text))
