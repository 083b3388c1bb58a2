"""Write a run as `locust --json` does, for those who read that already."""

import json
from collections.abc import Mapping
from typing import Any

from loadtester.report import LoadReport, NameReport
from loadtester.report.histogram import middle_of


def render_locust_json(document: Mapping[str, Any]) -> str:
    """Give the text: a list with one entry for each name."""
    report = LoadReport.from_dict(document["report"])
    methods = {item.get("name") or item["path"]: item["method"] for item in document["plan"].get("requests", [])}
    started_at = document["started_at"]
    entries = [
        _entry(name, methods.get(name, "HTTP"), counts, report.elapsed_s, started_at)
        for name, counts in report.names.items()
    ]
    return json.dumps(entries, indent=2) + "\n"


def _entry(name: str, method: str, counts: NameReport, elapsed_s: float, started_at: float) -> dict[str, Any]:
    times: dict[int, int] = {}
    for cell, count in counts.response.cells.items():
        milliseconds = round(middle_of(cell) / 1000)
        times[milliseconds] = times.get(milliseconds, 0) + count
    return {
        "name": name,
        "method": method,
        "last_request_timestamp": started_at + elapsed_s,
        "start_time": started_at,
        "num_requests": counts.requests,
        "num_none_requests": 0,
        "num_failures": counts.failures,
        "total_response_time": counts.response.sum_us / 1000,
        "max_response_time": counts.response.max_us / 1000,
        "min_response_time": counts.response.percentile_ms(0.0) or 0,
        "total_content_length": counts.received_bytes,
        "response_times": times,
        "num_reqs_per_sec": {},
        "num_fail_per_sec": {},
    }
