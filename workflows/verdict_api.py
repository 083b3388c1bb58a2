"""Serve `GET|POST /api/v1/verdict`: the verdict on a release or on metrics, a part that the webhook service gets.

The rule to keep: it only reads. Who may ask is settled before, as for every other path of the API.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

from flask import Flask, Response, request

from webhooks.hooks import HookService
from webhooks.protocol import RETRY_AFTER_S, one_line
from webhooks.routes import api
from webhooks.routes.api.operations import JSON, Operation, Parameter, Schema
from webhooks.routes.faults import fault
from webhooks.store.records import CanaryName
from webhooks.store.releases import ReleaseQuery
from workflows.clocks import SystemClock
from workflows.cluster.client import Cluster
from workflows.errors import ConfigurationError, TemporaryError
from workflows.rollout.phase import Phase
from workflows.rollout.state import Outcome, Verdict
from workflows.states.place import Place
from workflows.verdicts import standing
from workflows.verdicts.assessment import Assessment
from workflows.verdicts.bench import Bench, UnknownCanaryError
from workflows.verdicts.question import FIELDS, read_question

PATH = "/api/v1/verdict"

_TEXT: Schema = {"type": "string"}
_SAID: Schema = {"enum": [verdict.value for verdict in Verdict]}
_METRIC: Schema = {
    "type": "object",
    "properties": {"verdict": _SAID, "value": {"type": ["number", "null"]}, "limit": _TEXT, "reason": _TEXT},
    "required": ["verdict", "value", "limit", "reason"],
}
SCHEMAS: Mapping[str, Schema] = MappingProxyType(
    {
        "Verdict": {
            "type": "object",
            "properties": {
                "ok": {"type": "boolean"},
                "verdict": _SAID,
                "score": {"type": ["number", "null"], "minimum": 0, "maximum": 100},
                "reason": _TEXT,
                "metrics": {"type": "object", "additionalProperties": _METRIC},
                "phase": {"enum": [*(phase.value for phase in Phase), None]},
                "final": {"type": "boolean", "description": "false where asking again may give another verdict"},
            },
            "required": ["ok", "verdict", "score", "reason", "metrics", "phase", "final"],
        },
        "Question": {
            "type": "object",
            "properties": {
                name: {**({} if name in {"weight", "spec"} else _TEXT), "description": meaning}
                for name, meaning in FIELDS.items()
            },
            "additionalProperties": False,
        },
    }
)
"""What is asked and answered, by name."""


def add_verdicts(app: Flask, service: HookService, *, bench: Bench) -> None:
    """Answer questions about releases by what a bench knows, and by what the service was told of them."""
    bench = replace(bench, recall=partial(_recall, service))

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

    api.add(app, _list_operations(answer), SCHEMAS)


def _list_operations(view: Callable[..., Response]) -> tuple[Operation, ...]:
    told, answers = "Give the verdict on a release or on metrics", {JSON: "Verdict"}
    fields = tuple(Parameter(name, "query", {"type": "string"}, meaning) for name, meaning in FIELDS.items())
    canary = tuple(each for each in fields if each.name == "canary")
    queried = tuple(each for each in fields if each.name != "spec")
    return (
        Operation("askVerdict", "get", PATH, told, view, answers, queried, "", (404,)),
        Operation("askVerdictAtLength", "post", PATH, told, view, answers, canary, "Question", (404, 413)),
    )


def _recall(service: HookService, place: Place) -> Assessment | None:
    """Tell of the last release that its loop, or the hooks of a controller, told of."""
    found = service.releases.page(ReleaseQuery("", CanaryName(place.namespace, place.name), None, 1))
    if not found:
        return None
    (last,) = found
    ending = next((each for each in Outcome if last.ending and each.value == last.ending.value), None)
    weight = "" if last.weight is None else f" at weight {last.weight}"
    told = f"{last.phase or 'begun'}{weight}" + (f": {last.reason}" if last.reason else "")
    return standing.of_report(ending, standing.find_phase(last.phase), told, under_way=last.under_way)


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
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ConfigurationError("body: has half of a surrogate pair; send whole characters") from error
    except ValueError as error:
        example = '{"canary": "ad.weather"}'
        raise ConfigurationError(f"body: not a JSON object ({error}); send for example {example}") from error
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
