"""Show a run: on the console while it goes, and as reports made of its one JSON document.

Pure: values in, text out. The one rule to keep: a report says nothing that the document does not hold.
"""

from collections.abc import Callable, Mapping
from typing import Any

from loadtester.rendering.html import render_html
from loadtester.rendering.junit import render_junit
from loadtester.rendering.locust_json import render_locust_json
from loadtester.rendering.markdown import render_markdown
from loadtester.rendering.openmetrics import render_openmetrics

RENDERERS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "report.html": render_html,
    "junit.xml": render_junit,
    "report.md": render_markdown,
    "metrics.txt": render_openmetrics,
    "locust.json": render_locust_json,
}
"""The reports by file name."""

__all__ = [
    "RENDERERS",
    "render_html",
    "render_junit",
    "render_locust_json",
    "render_markdown",
    "render_openmetrics",
]
