"""Ask Dynatrace's metrics API (`GET /api/v2/metrics/query`), with a metric selector as the query.

The Secret holds `dynatrace_token`, a token with the scope `metrics.read`.
"""

import time

from workflows.metrics import answers
from workflows.metrics.connection import Connection, accept
from workflows.metrics.endpoint import Endpoint

_PATH = "/api/v2/metrics/query"
_LOOK_BACK = 10


class Dynatrace:
    """Ask with an API token."""

    def __init__(self, where: Endpoint) -> None:
        self._connection = Connection(where, {"authorization": f"Api-Token {where.secret('dynatrace_token')}"})
        self._window_ms = round(_LOOK_BACK * where.interval.total_seconds() * 1000)

    def ask(self, query: str) -> float:
        """Give the one value of a selector over the last ten intervals (Flagger: resolution Inf)."""
        now = int(time.time()) * 1000
        window = {"resolution": "Inf", "from": str(now - self._window_ms), "to": str(now)}
        answer = self._connection.get(_PATH, {"metricSelector": query, **window})
        result = answers.read_only(answers.find(answers.read_object(accept(answer), answer.url), "result"), "metrics")
        return answers.read_last(answers.find(answers.read_only(answers.find(result, "data")), "values"))
