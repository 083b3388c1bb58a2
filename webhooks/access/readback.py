"""Verify a hook call by reading back: its Canary must exist, list this very call, and be where it would make it.

Flagger cannot send credentials. A call that passes here can only start what the owner of the Canary configured.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from webhooks.access.entries import CanaryEntry, CanarySource, HookEntry
from webhooks.access.kept import Kept
from webhooks.access.templates import Templates
from webhooks.access.watching import CanaryWatch
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

_ADMITTING = frozenset({HookType.CONFIRM_ROLLOUT, HookType.PRE_ROLLOUT})


@dataclass(frozen=True, slots=True)
class Listed:
    """Carry what a Canary says of a call it lists: how long the call may take, and how often it is made again.

    `holds`: a confirm-traffic-increase hook of ours keeps the traffic back. `template` names what the release would
    bring, where `gate`, that of a confirm-rollout hook of ours, must have admitted it; both are empty where not known.
    """

    timeout_s: float
    retries: int
    holds: bool = False
    template: str = ""
    gate: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """Carry what came of reading back: why the call is not one of its Canary, else what the Canary says of it."""

    fault: str = ""
    listed: Listed | None = None


@dataclass(frozen=True, slots=True)
class _Match:
    """Hold what a call was found to be; `listed` tells whether only the phase speaks against it."""

    fault: str = ""
    listed: bool = False
    canary: CanaryEntry | None = None
    entry: HookEntry | None = None


class ReadBack:
    """Compare calls with what Canaries list: as the watch knows them, else as read within the last ten seconds."""

    def __init__(
        self,
        source: CanarySource,
        now: Callable[[], float],
        watch: CanaryWatch | None = None,
        templates: Templates | None = None,
    ) -> None:
        self._source = source
        self._watch = watch
        self._templates = templates
        self._kept: Kept[CanaryEntry | None] = Kept(now, _KEPT_S)

    def verify(self, hook: HookType | None, path: str, payload: HookPayload) -> Verified:
        """Say whether a call is one of its Canary; `hook` is None where the path says no type.

        Raises ClusterError when the Canary or its target cannot be read.
        """
        canary = CanaryName(payload.namespace, payload.name)
        match = _compare(self._recall(canary), hook, path, payload)
        if match.fault:
            # What is kept may be older than the call: before refusing, look again. Flagger calls post-rollout just
            # after the phase has changed; whoever does not know what is listed makes us look at most once a second.
            match = _compare(self._find(canary, 0.0 if match.listed else _FRESH_S), hook, path, payload)
        if match.canary is None or match.entry is None or hook is None:
            return Verified(match.fault)
        return Verified("", self._describe(canary, hook, match.canary, match.entry))

    def find_phase(self, canary: CanaryName) -> str:
        """Give the phase that a Canary is in, empty where that is not known; raises ClusterError."""
        found = self._recall(canary)
        return found.phase if found else ""

    def close(self) -> None:
        """End what goes on in the background."""
        if self._watch is not None:
            self._watch.close()

    def _recall(self, canary: CanaryName) -> CanaryEntry | None:
        known = self._watch.recall(canary) if self._watch else None
        return known or self._find(canary, None)

    def _find(self, canary: CanaryName, younger_s: float | None) -> CanaryEntry | None:
        found = self._kept.get(f"{canary.namespace}/{canary.name}", lambda: self._source.find(canary), younger_s)
        # Only where there is a Canary, so that forged names are not worth a watch.
        if found is not None and self._watch is not None:
            self._watch.follow(canary.namespace)
        return found

    def _describe(self, canary: CanaryName, hook: HookType, found: CanaryEntry, entry: HookEntry) -> Listed:
        holds = found.shifts and found.lists(HookType.CONFIRM_TRAFFIC_INCREASE, entry) is not None
        confirming = found.lists(HookType.CONFIRM_ROLLOUT, entry) if hook in _ADMITTING else None
        template = self._templates.find(canary.namespace, found.target) if self._templates and confirming else ""
        gate = (confirming.metadata.get("gate") or confirming.hook) if confirming else ""
        return Listed(entry.timeout_s, entry.retries, holds, template, gate)


def _compare(found: CanaryEntry | None, hook: HookType | None, path: str, payload: HookPayload) -> _Match:
    canary = f"Canary {payload.name[:80]}.{payload.namespace[:80]}"
    if found is None:
        return _Match(f"there is no {canary}")
    there = [entry for entry in found.hooks if entry.path == path and (hook is None or entry.hook == hook.value)]
    if not there:
        kind = f" of type {hook.value}" if hook else ""
        return _Match(f"{canary} lists no hook{kind} at this path")
    alike = [entry for entry in there if _carries(entry, payload.metadata)]
    if not alike:
        return _Match(f"{canary} lists this hook with other metadata")
    fitting = [entry for entry in alike if not found.phase or _fits(entry, found.phase)]
    if not fitting:
        return _Match(f"{canary} is in phase {found.phase}, in which it does not call this hook", listed=True)
    return _Match("", listed=True, canary=found, entry=min(fitting, key=lambda entry: entry.timeout_s))


def _carries(entry: HookEntry, metadata: Mapping[str, str]) -> bool:
    if entry.hook != HookType.EVENT.value:
        return entry.metadata == metadata
    ours = {key: value for key, value in metadata.items() if key not in _EVENT_KEYS}
    return {key: value for key, value in entry.metadata.items() if key not in _EVENT_KEYS} == ours


def _fits(entry: HookEntry, phase: str) -> bool:
    return entry.hook not in _PHASES or phase in _PHASES[entry.hook]
