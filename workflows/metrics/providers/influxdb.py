"""Ask InfluxDB: in Flux (`POST /api/v2/query`), or in InfluxQL (`GET /query`) when the query begins with SELECT.

For Flux the Secret holds `token` and `org`, for InfluxQL it may hold `username` and `password`. An empty answer is no
data (Flagger: 0). InfluxQL names the database in the query: `SELECT mean(v) FROM "db"."autogen"."m"`.
"""

import csv
import io
from collections.abc import Iterator

from workflows.metrics import answers
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.connection import Connection, accept, log_in
from workflows.metrics.endpoint import Endpoint
from workflows.rollout.samples import Gap

_TIMEOUT_S = 15.0
_COLUMNS = 2


class InfluxDB:
    """Ask one InfluxDB, of version 1 or 2 (Flagger gives it 15 s)."""

    def __init__(self, where: Endpoint) -> None:
        token = where.secrets.get("token")
        who = {"authorization": f"Token {token}"} if token else log_in(where)
        self._connection = Connection(
            where, {**who, "accept": "application/json, application/csv"}, timeout_s=_TIMEOUT_S
        )
        self._org = where.secrets.get("org", "")

    def ask(self, query: str) -> float:
        """Give the last value of the one table or series that a query yields."""
        text = query.strip()
        return self._ask_influxql(text) if text[:6].upper() == "SELECT" else self._ask_flux(text)

    def _ask_flux(self, query: str) -> float:
        answer = self._connection.post("/api/v2/query", {"query": query, "type": "flux"}, {"org": self._org})
        tables: dict[tuple[str, str], list[str | None]] = {}
        for row in _rows(accept(answer).decode(errors="replace")):
            if "error" in row:
                raise NoAnswerError(Gap.REFUSED, f"{answer.url}: {row['error']}")
            tables.setdefault((row.get("result", ""), row.get("table", "")), []).append(row.get("_value") or None)
        return answers.read_last(answers.read_only(list(tables.values()), "tables"))

    def _ask_influxql(self, query: str) -> float:
        answer = self._connection.get("/query", {"q": query, "epoch": "ms"})
        result = answers.read_only(answers.find(answers.read_object(accept(answer), answer.url), "results"), "results")
        if result.get("error"):
            raise NoAnswerError(Gap.REFUSED, f"{answer.url}: {result['error']}")
        series = answers.read_only(answers.find(result, "series"))
        rows = answers.find(series, "values")
        if any(len(row) != _COLUMNS for row in rows):
            columns = answers.shorten(series.get("columns"))
            raise NoAnswerError(
                Gap.SEVERAL_SERIES, f"the answer has the columns {columns}; select one besides the time"
            )
        return answers.read_last(row[1] for row in rows)


def _rows(text: str) -> Iterator[dict[str, str]]:
    """Read the tables of a Flux answer: CSV, each table with a header of its own after an empty line."""
    header: list[str] = []
    for row in csv.reader(io.StringIO(text)):
        if not any(row):
            header = []
        elif not header:
            header = row
        else:
            yield dict(zip(header, row, strict=False))
