"""Write a run as JUnit XML: one test case for each threshold and each compared measure."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_TAGS = {"failed": "failure", "inconclusive": "error"}


def render_junit(document: Mapping[str, Any]) -> str:
    """Give the XML."""
    cases = list(_cases(document))
    elapsed_s = document["report"]["elapsed_s"]
    counts = {tag: sum(outcome == word for _, outcome, _ in cases) for word, tag in _TAGS.items()}
    head = (
        f'<testsuite name="load" tests="{len(cases)}" failures="{counts["failure"]}" errors="{counts["error"]}" '
        f'time="{elapsed_s:.3f}">'
    )
    body = "\n".join(_case(*case) for case in cases)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n{head}\n{body}\n</testsuite>\n</testsuites>\n'


def _cases(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    verdict = document["verdict"]
    yield "verdict", verdict["outcome"], "; ".join(verdict["reasons"])
    for item in verdict["thresholds"]:
        yield item["threshold"], item["outcome"], item["reason"]
    for item in document["comparison"]:
        text = f"difference {item['difference']:.4g} ({item['low']:.4g} to {item['high']:.4g})"
        yield f"canary against primary: {item['measure']}", item["outcome"], text


def _case(name: str, outcome: str, reason: str) -> str:
    tag = _TAGS.get(outcome)
    start = f'<testcase classname="load" name="{escape(_clean(name))}">'
    inner = f"<system-out>{escape(_clean(reason))}</system-out>"
    if tag is not None:
        inner = f'<{tag} message="{escape(_clean(reason))}"/>'
    return f"  {start}{inner}</testcase>"


def _clean(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
