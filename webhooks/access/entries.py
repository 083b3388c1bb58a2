"""Read from a Canary which hooks it lists; a document that is none lists nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from webhooks.protocol import HookType
from webhooks.store.records import CanaryName


@dataclass(frozen=True, slots=True)
class HookEntry:
    """Carry one hook of a Canary's spec, as far as a call of it can be compared with it."""

    hook: str
    path: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CanaryEntry:
    """Carry what a Canary says of its hooks; `phase` is empty where it is not known, as in a file."""

    hooks: tuple[HookEntry, ...]
    phase: str = ""


class CanarySource(Protocol):
    """Know Canaries."""

    def find(self, canary: CanaryName) -> CanaryEntry | None:
        """Give a Canary as it is now, None when there is none; raises ClusterError when that cannot be said."""
        ...


def read_canary(document: object) -> CanaryEntry:
    """Read what a Canary lists (Flagger: spec.analysis, in v1alpha3 spec.canaryAnalysis)."""
    phase = _inner(document, "status").get("phase")
    spec = _inner(document, "spec")
    analysis = _inner(spec, "analysis") or _inner(spec, "canaryAnalysis")
    return CanaryEntry(tuple(_read_hooks(analysis.get("webhooks"))), phase if isinstance(phase, str) else "")


def _inner(document: object, key: str) -> Mapping[str, object]:
    value = document.get(key) if isinstance(document, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _read_hooks(hooks: object) -> Iterator[HookEntry]:
    for hook in hooks if isinstance(hooks, list) else []:
        if isinstance(hook, Mapping):
            metadata = {str(key): str(value) for key, value in _inner(hook, "metadata").items()}
            kind = str(hook.get("type") or HookType.ROLLOUT.value)
            yield HookEntry(kind, _path(str(hook.get("url", ""))), metadata)


def _path(url: str) -> str:
    try:
        return urlsplit(url).path or "/"
    except ValueError:
        return ""
