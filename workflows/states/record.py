"""Turn a release's state into a JSON document and back.

Pure, and the only place that knows the document. The rule to keep: what was written by this version reads back equal,
and a document of another version or shape is an error that names the field.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from workflows.errors import ConfigurationError
from workflows.rollout import case_record
from workflows.rollout.order import Command, Order
from workflows.rollout.phase import Phase
from workflows.rollout.samples import ArmCounts, TrafficCounts
from workflows.rollout.state import Cause, RolloutState
from workflows.rollout.traffic import Route

VERSION = 1
"""The version of the document; a reader refuses any other."""


def encode(state: RolloutState) -> dict[str, object]:
    """Write a state as a document of JSON's own types."""
    return {
        "version": VERSION,
        "phase": state.phase.value,
        "weight": state.weight,
        "iterations": state.iterations,
        "failed_checks": state.failed_checks,
        "inconclusive_checks": state.inconclusive_checks,
        "revision": state.revision,
        "promoted_revision": state.promoted_revision,
        "phase_since": _encode_time(state.phase_since),
        "held_since": _encode_time(state.held_since),
        "blind_since": _encode_time(state.blind_since),
        "route": _encode_route(state.route),
        "counts": _encode_counts(state.counts),
        "case": case_record.encode(state.case) if state.case else None,
        "cause": state.cause.value if state.cause else None,
        "reason": state.reason,
        "halt": state.halt,
        "paused": state.paused,
        "heeded": state.heeded,
    }


def decode(document: object) -> RolloutState:
    """Read a state from its document; raises ConfigurationError for a document that is none."""
    try:
        fields = _mapping(document)
        _refuse_newer("state", fields, VERSION)
        _refuse_newer("judge", fields.get("case"), case_record.VERSION)
        return _decode(fields)
    except KeyError as error:
        raise ConfigurationError(f"state record: {error} is missing; remove the record to start afresh") from error
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"state record: {error}; remove the record to start afresh") from error


def encode_order(order: Order) -> dict[str, object]:
    """Write an order as a document of JSON's own types."""
    return {"command": order.command.value, "by": order.by, "id": order.id}


def decode_order(document: object) -> Order:
    """Read an order from its document; raises ConfigurationError for a document that is none."""
    try:
        fields = _mapping(document)
        return Order(Command(fields["command"]), _text(fields, "by"), _text(fields, "id"))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"order: {error}; give the order again") from error


def _refuse_newer(what: str, document: object, known: int) -> None:
    version = document.get("version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > known:
        raise ConfigurationError(
            f"{what} record: version {version} is of a newer penstock, this one reads {known}; "
            "end the release with the one that began it, or upgrade this one"
        )


def _decode(fields: Mapping[str, object]) -> RolloutState:
    if fields["version"] != VERSION:
        raise ValueError(f"version: {fields['version']!r} is not {VERSION}")
    cause = fields["cause"]
    # Records that were written before there was a judge by evidence do not have the field.
    case = fields.get("case")
    return RolloutState(
        phase=Phase(fields["phase"]),
        weight=_whole(fields, "weight"),
        iterations=_whole(fields, "iterations"),
        failed_checks=_whole(fields, "failed_checks"),
        inconclusive_checks=_whole(fields, "inconclusive_checks"),
        revision=_text(fields, "revision"),
        promoted_revision=_text(fields, "promoted_revision"),
        phase_since=_decode_time(fields["phase_since"]),
        held_since=_decode_time(fields["held_since"]),
        blind_since=_decode_time(fields["blind_since"]),
        route=_decode_route(fields["route"]),
        counts=_decode_counts(fields["counts"]),
        case=None if case is None else case_record.decode(case),
        cause=None if cause is None else Cause(cause),
        reason=_text(fields, "reason"),
        halt=_text(fields, "halt"),
        # Records that were written before people could intervene do not have these.
        paused=str(fields.get("paused", "")),
        heeded=str(fields.get("heeded", "")),
    )


def _encode_time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _decode_time(text: object) -> datetime | None:
    return None if text is None else datetime.fromisoformat(str(text))


def _encode_route(route: Route) -> dict[str, object]:
    return {
        "canary_percent": route.canary_percent,
        "mirrored": route.mirrored,
        "matched": route.matched,
        "sticky": route.sticky,
    }


def _decode_route(document: object) -> Route:
    fields = _mapping(document)
    flags = {name: _flag(fields, name) for name in ("mirrored", "matched", "sticky")}
    return Route(canary_percent=_whole(fields, "canary_percent"), **flags)


def _encode_counts(counts: TrafficCounts | None) -> dict[str, object] | None:
    return {"primary": _encode_arm(counts.primary), "canary": _encode_arm(counts.canary)} if counts else None


def _decode_counts(document: object) -> TrafficCounts | None:
    if document is None:
        return None
    fields = _mapping(document)
    return TrafficCounts(primary=_decode_arm(fields["primary"]), canary=_decode_arm(fields["canary"]))


def _encode_arm(counts: ArmCounts) -> dict[str, object]:
    # JSON has no infinity: the last bound is written as Prometheus writes it.
    latency = [["+Inf" if math.isinf(bound) else bound, count] for bound, count in counts.latency]
    document: dict[str, object] = {"responses": dict(counts.responses), "latency": latency}
    parts = {name: _encode_arm(part) for name, part in counts.parts.items()}
    return {**document, "parts": parts} if parts else document


def _decode_arm(document: object) -> ArmCounts:
    fields = _mapping(document)
    responses = _mapping(fields["responses"])
    latency = fields["latency"]
    if not isinstance(latency, list):
        raise TypeError(f"latency: {latency!r} is not a list")
    return ArmCounts(
        MappingProxyType({name: _whole(responses, name) for name in responses}),
        tuple((float(bound), int(count)) for bound, count in latency),
        MappingProxyType({name: _decode_arm(part) for name, part in _mapping(fields.get("parts", {})).items()}),
    )


def _mapping(document: object) -> Mapping[str, object]:
    if not isinstance(document, dict):
        raise TypeError(f"{document!r} is not an object")
    return document


def _whole(fields: Mapping[str, object], name: str) -> int:
    value = fields[name]
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TypeError(f"{name}: {value!r} is not a whole number")


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields[name]
    if isinstance(value, str):
        return value
    raise TypeError(f"{name}: {value!r} is not a text")


def _flag(fields: Mapping[str, object], name: str) -> bool:
    value = fields[name]
    if isinstance(value, bool):
        return value
    raise TypeError(f"{name}: {value!r} is not true or false")
