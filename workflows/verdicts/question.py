"""Read what is asked: how a release stands, or what the metrics of a stretch say.

The rule to keep: a field that is wrong, unknown or without use is refused with its name, whoever sent it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from workflows.canary import durations
from workflows.errors import ConfigurationError
from workflows.metrics.queries import Revisions
from workflows.rollout.premise import parse_judge
from workflows.states.place import Place

SHORTEST, LONGEST = timedelta(seconds=10), timedelta(hours=6)
"""How far back metrics may be judged."""

FIELDS: Mapping[str, str] = {
    "canary": "NAME.NAMESPACE",
    "window": "judge the metrics of so long, such as 5m; without it, how the release stands",
    "judge": "threshold, evidence or evidence-strict instead of the canary's own",
    "weight": "the canary's share of the traffic in percent, where it was the same for the whole window",
    "primaryHash": "the pod template hash of the primary, where an Argo Rollout owns the pods",
    "canaryHash": "the pod template hash of the canary, likewise",
    "spec": "the spec of a Canary that is not in the cluster (POST only)",
}
"""The fields of a question."""

_CANARY = re.compile(r"([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)\.([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)")
_HASH = re.compile(r"[a-z0-9]{1,40}")
_SHOWN = 80
_MOST_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Question:
    """Hold what is asked of one canary; without a `window` it is how its release stands.

    `judge` is empty for the canary's own, `weight` None for what was seen. `hashes` tell the arms of an Argo Rollout;
    `spec` is that of a Canary which the cluster does not have.
    """

    place: Place
    window: timedelta | None = None
    judge: str = ""
    weight: int | None = None
    hashes: Revisions | None = None
    spec: Mapping[str, Any] | None = None


def read_question(fields: Mapping[str, object]) -> Question:
    """Read a question; raises ConfigurationError that names the field."""
    for name in fields:
        if name not in FIELDS:
            raise ConfigurationError(f"{name[:_SHOWN]}: unknown field; known: {', '.join(FIELDS)}")
    place = _read_place(_read_text(fields, "canary"))
    window = _read_window(_read_text(fields, "window"))
    useless = [name for name in fields if name not in {"canary", "window"}]
    if window is None and useless:
        raise ConfigurationError(
            f"window: missing; {useless[0]} is for metrics, so say how far back they are judged, such as 5m"
        )
    return Question(
        place,
        window,
        _read_judge(_read_text(fields, "judge")),
        _read_weight(fields.get("weight")),
        _read_hashes(_read_text(fields, "primaryHash"), _read_text(fields, "canaryHash")),
        _read_spec(fields.get("spec")),
    )


def _read_text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise ConfigurationError(f"{name}: {_show(value)} is not a text")
    return value


def _read_place(text: str) -> Place:
    found = _CANARY.fullmatch(text)
    if not found:
        raise ConfigurationError(f"canary: {_show(text)} is not NAME.NAMESPACE, such as ad.weather")
    return Place(found[2], found[1])


def _read_window(text: str) -> timedelta | None:
    if not text:
        return None
    try:
        window = durations.parse(text)
    except durations.DurationError as error:
        raise ConfigurationError(f"window: {_show(text)} {error}") from error
    if not SHORTEST <= window <= LONGEST:
        raise ConfigurationError(f"window: {_show(text)} is not within 10s to 6h")
    return window


def _read_judge(text: str) -> str:
    try:
        return parse_judge(text).value if text else ""
    except ValueError as error:
        raise ConfigurationError(f"judge: {error}") from error


def _read_weight(value: object) -> int | None:
    match value:
        case None:
            return None
        case bool():
            pass
        case int() if 1 <= value <= _MOST_PERCENT:
            return value
        case str() if re.fullmatch(r"[0-9]{1,3}", value) and 1 <= int(value) <= _MOST_PERCENT:
            return int(value)
    raise ConfigurationError(f"weight: {_show(value)} is not a whole percent within 1 to 100")


def _read_hashes(primary: str, canary: str) -> Revisions | None:
    for name, text in (("primaryHash", primary), ("canaryHash", canary)):
        if text and not _HASH.fullmatch(text):
            raise ConfigurationError(f"{name}: {_show(text)} is not a pod template hash, such as 6c9bd8675b")
    if bool(primary) is not bool(canary):
        raise ConfigurationError("primaryHash, canaryHash: one without the other; give both, or neither")
    if primary == canary:
        if primary:
            raise ConfigurationError(f"canaryHash: {_show(canary)} is the primary's too; there is no canary to judge")
        return None
    return Revisions(primary, canary)


def _read_spec(value: object) -> Mapping[str, Any] | None:
    if value is None or isinstance(value, dict):
        return value
    raise ConfigurationError(f"spec: {_show(value)} is not an object; send the spec of a Canary")


def _show(value: object) -> str:
    return repr(value)[:_SHOWN]
