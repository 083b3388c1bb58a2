"""Verify a hook call by reading back: its Canary must exist, list this very call, and be where it would make it.

Flagger cannot send credentials. A call that passes here can only start what the owner of the Canary configured.
"""

from collections.abc import Callable, Mapping

from webhooks.access.entries import CanaryEntry, CanarySource, HookEntry
from webhooks.access.kept import Kept
from webhooks.protocol import HookPayload, HookType
from webhooks.store.records import CanaryName

_KEPT_S = 10.0
_FRESH_S = 1.0
_EVENT_KEYS = frozenset({"eventMessage", "eventType", "timestamp"})

_PHASES: Mapping[str, frozenset[str]] = {
    "confirm-rollout": frozenset({"Initialized", "Waiting", "Succeeded", "Failed"}),
    "pre-rollout": frozenset({"Progressing"}),
    "rollout": frozenset({"Progressing", "WaitingPromotion"}),
    "confirm-traffic-increase": frozenset({"Progressing"}),
    "confirm-promotion": frozenset({"Progressing", "WaitingPromotion"}),
    "post-rollout": frozenset({"Succeeded", "Failed"}),
    "rollback": frozenset({"Progressing", "Waiting", "WaitingPromotion"}),
}
"""The phases in which Flagger makes a call; an event may come in any."""


class ReadBack:
    """Compare calls with what Canaries list; what was read is kept for ten seconds."""

    def __init__(self, source: CanarySource, now: Callable[[], float]) -> None:
        self._source = source
        self._kept: Kept[CanaryEntry | None] = Kept(now, _KEPT_S)

    def find_fault(self, hook: HookType | None, path: str, payload: HookPayload) -> str:
        """Say why a call is not one of its Canary, empty when it is; `hook` is None where the path says no type.

        Raises ClusterError when the Canary cannot be read.
        """
        canary = CanaryName(payload.namespace, payload.name)
        fault = _compare(self._find(canary, None), hook, path, payload)
        # What is kept may be older than the call: before refusing, look again, at most once a second.
        return fault and _compare(self._find(canary, _FRESH_S), hook, path, payload)

    def _find(self, canary: CanaryName, younger_s: float | None) -> CanaryEntry | None:
        return self._kept.get(f"{canary.namespace}/{canary.name}", lambda: self._source.find(canary), younger_s)


def _compare(found: CanaryEntry | None, hook: HookType | None, path: str, payload: HookPayload) -> str:
    canary = f"Canary {payload.name[:80]}.{payload.namespace[:80]}"
    if found is None:
        return f"there is no {canary}"
    there = [entry for entry in found.hooks if entry.path == path and (hook is None or entry.hook == hook.value)]
    if not there:
        kind = f" of type {hook.value}" if hook else ""
        return f"{canary} lists no hook{kind} at this path"
    alike = [entry for entry in there if _carries(entry, payload.metadata)]
    if not alike:
        return f"{canary} lists this hook with other metadata"
    if found.phase and not any(_fits(entry, found.phase) for entry in alike):
        return f"{canary} is in phase {found.phase}, in which it does not call this hook"
    return ""


def _carries(entry: HookEntry, metadata: Mapping[str, str]) -> bool:
    if entry.hook != HookType.EVENT.value:
        return entry.metadata == metadata
    ours = {key: value for key, value in metadata.items() if key not in _EVENT_KEYS}
    return {key: value for key, value in entry.metadata.items() if key not in _EVENT_KEYS} == ours


def _fits(entry: HookEntry, phase: str) -> bool:
    return entry.hook not in _PHASES or phase in _PHASES[entry.hook]
