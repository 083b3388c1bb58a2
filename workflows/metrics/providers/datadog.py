"""Ask Datadog's timeseries query API (`GET /api/v1/query`).

The Secret holds `datadog_api_key` and `datadog_application_key`; the address is that of the site, api.datadoghq.com
unless said otherwise. The newest point whose roll-up interval is over is the answer (Flagger: the oldest of ten).
"""

import time
from dataclasses import replace
from typing import Any

from workflows.metrics import answers
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.connection import Connection, accept
from workflows.metrics.endpoint import Endpoint
from workflows.rollout.samples import Gap

_SITE = "https://api.datadoghq.com"
_PATH = "/api/v1/query"
_LOOK_BACK = 10


class Datadog:
    """Ask with an API key and an application key."""

    def __init__(self, where: Endpoint) -> None:
        keys = {
            "dd-api-key": where.secret("datadog_api_key"),
            "dd-application-key": where.secret("datadog_application_key"),
        }
        self._connection = Connection(replace(where, address=where.address or _SITE), keys)
        self._interval_s = where.interval.total_seconds()

    def ask(self, query: str) -> float:
        """Give the newest whole point of the one series that a query yields, of the last ten intervals."""
        now = int(time.time())
        window = {"from": str(now - round(_LOOK_BACK * self._interval_s)), "to": str(now)}
        answer = self._connection.get(_PATH, {"query": query, **window})
        document = answers.read_object(accept(answer), answer.url)
        if document.get("status") == "error" or document.get("error"):
            raise NoAnswerError(Gap.REFUSED, f"{answer.url}: {document.get('error')}")
        series = answers.read_only(answers.find(document, "series"))
        return answers.read_last(_finished(series, now))


def _finished(series: dict[str, Any], now: int) -> list[object]:
    """Give the values of the points whose roll-up interval is over; the newest bucket is mostly still filling."""
    width_ms = 1000 * float(series.get("interval") or 0)
    return [value for at, value in answers.find(series, "pointlist") if at is not None and at + width_ms <= now * 1000]
