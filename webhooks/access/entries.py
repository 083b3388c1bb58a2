"""Read from a Canary which hooks it lists and what it says of them; a document that is none lists nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from webhooks.catalog import parse_duration
from webhooks.protocol import HookType
from webhooks.store.records import CanaryName

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class HookEntry:
    """Carry one hook of a Canary's spec; `timeout_s` is for each attempt, of which there are 1 + `retries`."""

    hook: str
    host: str
    path: str
    metadata: Mapping[str, str]
    timeout_s: float = _TIMEOUT_S
    retries: int = 0


@dataclass(frozen=True, slots=True)
class TargetRef:
    """Name the object whose pod template is released."""

    api_version: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class CanaryEntry:
    """Carry what a Canary says; `phase` is empty and `changed_at` (unix seconds) is 0 where it is not known.

    `shifts` tells whether it moves weights and so asks confirm-traffic-increase (Flagger: strategy canary, no mirror).
    """

    hooks: tuple[HookEntry, ...]
    phase: str = ""
    shifts: bool = False
    target: TargetRef | None = None
    changed_at: float = 0.0

    def lists(self, hook: HookType, beside: HookEntry) -> HookEntry | None:
        """Give the first hook of a type that goes to the same service as another one."""
        folder = beside.path.removesuffix(beside.hook)
        mine = (
            one
            for one in self.hooks
            if (one.hook, one.host, one.path) == (hook.value, beside.host, folder + hook.value)
        )
        return next(mine, None)


class CanarySource(Protocol):
    """Know Canaries."""

    def find(self, canary: CanaryName) -> CanaryEntry | None:
        """Give a Canary as it is now, None when there is none; raises ClusterError when that cannot be said."""
        ...


def read_canary(document: object) -> CanaryEntry:
    """Read what a Canary says (Flagger: spec.analysis, in v1alpha3 spec.canaryAnalysis)."""
    status = _inner(document, "status")
    spec = _inner(document, "spec")
    analysis = _inner(spec, "analysis") or _inner(spec, "canaryAnalysis")
    return CanaryEntry(
        tuple(_read_hooks(analysis.get("webhooks"))),
        _text(status, "phase"),
        not analysis.get("iterations") and not analysis.get("mirror"),
        _read_target(_inner(spec, "targetRef")),
        _read_moment(_text(status, "lastTransitionTime")),
    )


def _inner(document: object, key: str) -> Mapping[str, object]:
    value = document.get(key) if isinstance(document, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _text(document: Mapping[str, object], key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""


def _read_target(reference: Mapping[str, object]) -> TargetRef | None:
    target = TargetRef(_text(reference, "apiVersion"), _text(reference, "kind"), _text(reference, "name"))
    return target if target.kind and target.name else None


def _read_moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def _read_hooks(hooks: object) -> Iterator[HookEntry]:
    for hook in hooks if isinstance(hooks, list) else []:
        if isinstance(hook, Mapping):
            yield _read_hook(hook)


def _read_hook(hook: Mapping[str, object]) -> HookEntry:
    host, path = _split(str(hook.get("url", "")))
    retries = hook.get("retries")
    return HookEntry(
        str(hook.get("type") or HookType.ROLLOUT.value),
        host,
        path,
        {str(key): str(value) for key, value in _inner(hook, "metadata").items()},
        _read_timeout(_text(hook, "timeout")),
        retries if isinstance(retries, int) else 0,
    )


def _read_timeout(text: str) -> float:
    # Flagger takes 10 s where the text has fewer than two characters, and cannot call with one it cannot read.
    try:
        return parse_duration(text) or _TIMEOUT_S
    except ValueError:
        return _TIMEOUT_S


def _split(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.netloc, parts.path or "/"
