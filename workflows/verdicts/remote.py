"""Ask a service for the verdict over its HTTP API.

The rule to keep: what the service says is wrong with a question is a ConfigurationError, its own trouble, and that of
the way there, a TemporaryError.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from workflows.errors import ConfigurationError, TemporaryError, UnavailableError
from workflows.metrics import answers
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.connection import Answer, Connection
from workflows.metrics.endpoint import Endpoint
from workflows.rollout.samples import Gap
from workflows.rollout.state import Verdict

PATH = "/api/v1/verdict"
"""Where the service gives verdicts."""

TIMEOUT_S = 60.0
"""How long an answer may take: a service asks its own servers with deadlines of their own."""

_VERDICTS = [verdict.value for verdict in Verdict]


def ask(server: str, fields: Mapping[str, object], token: str, *, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Give the service's answer to a question; the canary's name stands in the query, where its scope is looked for."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    connection = Connection(Endpoint("--server", server, headers=headers), timeout_s=timeout_s)
    body = {name: value for name, value in fields.items() if name != "canary"}
    try:
        return _read(connection.post(PATH, body, {"canary": str(fields["canary"])}))
    except NoAnswerError as none:
        if none.gap is Gap.REFUSED:
            raise ConfigurationError(f"--server: {none.detail}") from none
        raise UnavailableError(f"--server: {none.detail}; is penstock serve running there?") from none


def _read(answer: Answer) -> dict[str, Any]:
    document = _parse(answer.body)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise TemporaryError(f"{answer.url} answered {answer.status}: {_explain(answer, document)}")
    if answer.status != HTTPStatus.OK:
        raise ConfigurationError(f"{answer.url} answered {answer.status}: {_explain(answer, document)}")
    if not _is_verdict(document):
        raise ConfigurationError(f"{answer.url} gave no verdict; is it the address of penstock serve?")
    return document


def _is_verdict(document: Mapping[str, Any]) -> bool:
    """Tell whether an answer is what the service's API describes, as far as it is used."""
    score, metrics = document.get("score"), document.get("metrics", {})
    told = document.get("verdict") in _VERDICTS and (score is None or isinstance(score, int | float))
    return told and isinstance(metrics, dict) and all(isinstance(each, dict) for each in metrics.values())


def _parse(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _explain(answer: Answer, document: Mapping[str, Any]) -> str:
    return str(document.get("detail") or answers.show(answer.body))
