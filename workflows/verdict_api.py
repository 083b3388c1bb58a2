"""Serve `GET|POST /api/v1/verdict`: the verdict on a release or on metrics, a part that the webhook service gets.

The rule to keep: it only reads. Who may ask is settled before, as for every other path of the API.
"""

import json
from collections.abc import Iterable
from typing import Any

from flask import Flask, Response, request

from webhooks.hooks import HookService
from webhooks.protocol import RETRY_AFTER_S, one_line
from webhooks.routes.faults import fault
from workflows.clocks import SystemClock
from workflows.cluster.client import Cluster
from workflows.errors import ConfigurationError, TemporaryError
from workflows.verdicts.bench import Bench, UnknownCanaryError
from workflows.verdicts.question import read_question

PATH = "/api/v1/verdict"


def add_verdicts(app: Flask, _service: HookService, *, bench: Bench) -> None:
    """Answer questions about releases by what a bench knows."""

    def answer() -> Response:
        try:
            assessment = bench.answer(read_question(_read_fields()))
        except UnknownCanaryError as error:
            return fault(404, one_line(str(error)))
        except ConfigurationError as error:
            return fault(400, one_line(str(error)))
        except TemporaryError as error:
            response = fault(503, one_line(str(error)))
            response.headers["Retry-After"] = str(RETRY_AFTER_S)
            return response
        return Response(json.dumps(assessment.describe()), content_type="application/json")

    app.add_url_rule(PATH, "verdict", answer, methods=["GET", "POST"], provide_automatic_options=False)


def open_bench(prometheus: str, cluster: Cluster | None) -> Bench:
    """Judge by a Prometheus and by the releases of a cluster; what is not there answers what it cannot."""
    return Bench(prometheus, cluster, SystemClock())


def _read_fields() -> dict[str, object]:
    """Read the query, and the body of a POST, as one; a field that is given twice means nothing."""
    pairs: list[tuple[str, object]] = list(request.args.items(multi=True))
    if request.method == "POST":
        pairs += _read_body()
    elif any(name == "spec" for name, _ in pairs):
        raise ConfigurationError("spec: send it with POST, in a JSON body")
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name in fields:
            raise ConfigurationError(f"{name[:80]}: given twice; say it once")
        fields[name] = value
    return fields


def _read_body() -> Iterable[tuple[str, Any]]:
    try:
        document = json.loads(request.get_data() or b"{}", object_pairs_hook=_refuse_repeated)
    except ValueError as error:
        raise ConfigurationError(
            f'body: not a JSON object ({error}); send for example {{"canary": "ad.weather"}}'
        ) from error
    except RecursionError as error:
        raise ConfigurationError("body: nested too deeply; send the fields of a question") from error
    if not isinstance(document, dict):
        raise ConfigurationError("body: not a JSON object; send the fields of a question")
    return document.items()


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found
