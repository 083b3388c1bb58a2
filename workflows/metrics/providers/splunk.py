"""Ask Splunk Observability Cloud: a SignalFlow program over HTTP (`POST /v2/signalflow/execute`).

The Secret holds `sf_token_key`; the address is `https://api.REALM.signalfx.com` or `https://stream.REALM.signalfx.com`.
The answer is a stream of server-sent events that ends with the window.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from workflows.metrics import answers
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.connection import Connection, accept
from workflows.metrics.endpoint import Endpoint
from workflows.rollout.samples import Gap

_PATH = "/v2/signalflow/execute"
_LOOK_BACK = 10


class Splunk:
    """Ask with an access token."""

    def __init__(self, where: Endpoint) -> None:
        token = {"x-sf-token": where.secret("sf_token_key")}
        # Flagger takes the address of either host, and of the web socket that the same programs run over.
        address = where.address.replace("wss://", "https://").replace("ws://", "http://")
        self._connection = Connection(replace(where, address=address.replace("://api.", "://stream.")), token)
        self._window_ms = round(_LOOK_BACK * where.interval.total_seconds() * 1000)

    def ask(self, query: str) -> float:
        """Give the last value of the one time series that a program publishes, of the last ten intervals."""
        now = int(time.time()) * 1000
        window = {"start": str(now - self._window_ms), "stop": str(now), "immediate": "true"}
        answer = self._connection.post(_PATH, query, window)
        series: dict[str, list[object]] = {}
        for kind, data in _events(accept(answer).decode(errors="replace")):
            if kind == "error":
                raise NoAnswerError(Gap.REFUSED, f"{answer.url}: {data.get('message') or data}")
            for point in answers.find(data, "data") if kind == "data" else ():
                series.setdefault(point.get("tsId", ""), []).append(point.get("value"))
        return answers.read_last(answers.read_only(list(series.values())))


def _events(stream: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read server-sent events: `event:` names one, `data:` lines carry it, an empty line ends it."""
    for block in stream.replace("\r\n", "\n").split("\n\n"):
        fields = [line.partition(":")[::2] for line in block.splitlines()]
        kind = next((value.strip() for name, value in fields if name == "event"), "")
        text = "\n".join(value for name, value in fields if name == "data")
        document = json.loads(text) if kind in {"data", "error"} else {}
        yield kind, document if isinstance(document, dict) else {}
