"""Ask Graphite's render API (`GET /render`); the query is that of the URL: `target=...&from=-5min`.

The Secret may hold `username` and `password`, or `token`.
"""

from urllib.parse import parse_qsl

from workflows.metrics import answers
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.connection import Connection, accept, log_in
from workflows.metrics.endpoint import Endpoint
from workflows.rollout.samples import Gap

_PATH = "/render"


class Graphite:
    """Ask one Graphite, or what speaks its render API."""

    def __init__(self, where: Endpoint) -> None:
        self._connection = Connection(where, log_in(where))

    def ask(self, query: str) -> float:
        """Give the last value of the one target that a query yields."""
        fields = [pair for pair in parse_qsl(" ".join(query.split())) if pair[0] != "format"]
        if not any(name == "target" for name, _ in fields):
            raise NoAnswerError(Gap.REFUSED, "a query of Graphite begins with target=, for example target=errors.rate")
        answer = self._connection.get(_PATH, [*fields, ("format", "json")])
        found = answers.read_json(accept(answer), answer.url)
        target = answers.read_only(found if isinstance(found, list) else [], "targets")
        return answers.read_last(point[0] for point in answers.find(target, "datapoints"))
