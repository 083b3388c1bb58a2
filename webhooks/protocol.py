"""Say what goes over the wire between a canary controller and a hook, and what each answer means.

Pure: bytes and statuses in, values out. Both ends use it: the service to answer, the loop to call.
The one rule to keep: what Flagger's own client would read in an answer is what we read in it.
"""

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

MAX_REASON_BYTES = 512
"""A reason is one line of at most this many bytes: it ends up in a Kubernetes event."""

RETRY_AFTER_S = 2
"""Seconds that a caller is asked to wait before it asks a busy service again."""

_MAX_PASSING_STATUS = 202
_NOT_IMPLEMENTED = 501
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


class HookType(enum.Enum):
    """Name the moments of a release at which hooks are called (Flagger: `spec.analysis.webhooks[].type`)."""

    CONFIRM_ROLLOUT = "confirm-rollout"
    PRE_ROLLOUT = "pre-rollout"
    ROLLOUT = "rollout"
    CONFIRM_TRAFFIC_INCREASE = "confirm-traffic-increase"
    CONFIRM_PROMOTION = "confirm-promotion"
    POST_ROLLOUT = "post-rollout"
    ROLLBACK = "rollback"
    EVENT = "event"


class PayloadError(ValueError):
    """Say what is wrong with the body of a hook call; the caller answers 400."""


@dataclass(frozen=True, slots=True)
class HookPayload:
    """Carry the body of a hook call: all strings, exactly Flagger's five keys."""

    name: str
    namespace: str
    phase: str = ""
    checksum: str = ""
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def encode(self) -> bytes:
        """Write the JSON body; an empty `metadata` is left out, as Flagger does."""
        body: dict[str, object] = {
            "name": self.name,
            "namespace": self.namespace,
            "phase": self.phase,
            "checksum": self.checksum,
        }
        if self.metadata:
            body["metadata"] = dict(self.metadata)
        return json.dumps(body).encode()


def parse_payload(body: bytes) -> HookPayload:
    """Read the body of a hook call as Go's decoder would: keys in any case, unknown keys ignored, `null` is empty.

    Raises PayloadError for anything that is not one JSON object of strings.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"body: not JSON ({error}); send an object with name, namespace and metadata") from error
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise PayloadError(f"body: a JSON {type(document).__name__}; send an object with name, namespace and metadata")
    values = {key.lower(): value for key, value in document.items()}
    texts = {key: _text(key, values.get(key)) for key in ("name", "namespace", "phase", "checksum")}
    return HookPayload(**texts, metadata=_texts("metadata", values.get("metadata")))


def _text(key: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise PayloadError(f"{key}: {json.dumps(value)[:80]} is not a string")


def _texts(key: str, value: object) -> Mapping[str, str]:
    if value is None:
        return MappingProxyType({})
    if not isinstance(value, dict):
        raise PayloadError(f"{key}: {json.dumps(value)[:80]} is not an object of strings")
    return MappingProxyType({name: _text(f"{key}.{name}", item) for name, item in value.items()})


class HookVerdict(enum.Enum):
    """Name what a hook can have to say."""

    PASSED = "passed"
    FAILED = "failed"
    WAITING = "waiting"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class HookOutcome:
    """Carry what a hook decided and why, in one line of at most 512 bytes."""

    verdict: HookVerdict
    reason: str

    def __post_init__(self) -> None:
        """Fold the reason into one line that fits an event."""
        object.__setattr__(self, "reason", one_line(self.reason))

    @property
    def status(self) -> int:
        """Give the HTTP status that makes Flagger act on the verdict and show the reason.

        Flagger: only 200-202 pass, 4xx bodies are shown in the event, 5xx and 429 bodies are thrown away.
        """
        match self.verdict:
            case HookVerdict.PASSED:
                return 200
            case HookVerdict.FAILED:
                return 422
            case HookVerdict.WAITING:
                return 403
            case HookVerdict.BUSY:  # pragma: no branch - mypy proves it is the last
                return 503

    @property
    def headers(self) -> Mapping[str, str]:
        """Give the headers that belong to the answer: `Retry-After` when we ask to be asked again."""
        busy = self.verdict is HookVerdict.BUSY
        return MappingProxyType({"Retry-After": str(RETRY_AFTER_S)} if busy else {})


def one_line(text: str, limit: int = MAX_REASON_BYTES) -> str:
    """Fold white space and cut to `limit` bytes of UTF-8, marking the cut."""
    folded = " ".join(text.split())
    encoded = folded.encode()
    if len(encoded) <= limit:
        return folded
    return encoded[: limit - 3].decode(errors="ignore") + "..."


def answer_passes(status: int) -> bool:
    """Tell whether a final status means yes (Flagger: 200, 201 and 202 alone; 204 is a failure)."""
    return 200 <= status <= _MAX_PASSING_STATUS  # noqa: PLR2004 - the start of the HTTP success range


def answer_is_temporary(status: int) -> bool:
    """Tell whether a status is worth another attempt (Flagger: 429 and 5xx but 501; never another 4xx)."""
    return status == _TOO_MANY_REQUESTS or (status >= _SERVER_ERROR and status != _NOT_IMPLEMENTED)


def answer_text(status: int, body: str, url: str, attempts: int) -> str:
    """Say why an answer failed: the body where Flagger would show it, else how often we tried."""
    if answer_is_temporary(status):
        return f"POST {url} answered {status}, giving up after {attempts} attempt(s)"
    return one_line(body) or f"POST {url} answered {status} with no text"
