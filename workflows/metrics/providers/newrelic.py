"""Ask New Relic's Insights query API (`GET /v1/accounts/ID/query`) in NRQL.

The Secret holds `newrelic_account_id` and `newrelic_query_key`. `SINCE n seconds ago` is added to a query, n being
the check's interval, so it must not have a SINCE of its own (as in Flagger).
"""

from dataclasses import replace
from numbers import Number

from workflows.metrics import answers
from workflows.metrics.connection import Connection, accept
from workflows.metrics.endpoint import Endpoint

_SITE = "https://insights-api.newrelic.com"


class NewRelic:
    """Ask one account with a query key."""

    def __init__(self, where: Endpoint) -> None:
        self._path = f"/v1/accounts/{where.secret('newrelic_account_id')}/query"
        self._connection = Connection(
            replace(where, address=where.address or _SITE), {"x-query-key": where.secret("newrelic_query_key")}
        )
        self._seconds = round(where.interval.total_seconds())

    def ask(self, query: str) -> float:
        """Give the one number in the one result of a query, whatever its function is called."""
        answer = self._connection.get(self._path, {"nrql": f"{query.strip()} SINCE {self._seconds} seconds ago"})
        result = answers.read_only(answers.find(answers.read_object(accept(answer), answer.url), "results"), "results")
        values = list(result.values()) if isinstance(result, dict) else [result]
        numbers = [value for value in values if isinstance(value, Number)]
        return answers.read_number(answers.read_only(numbers, "numbers"))
