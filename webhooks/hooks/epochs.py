"""Know which analysis of which revision a hook call belongs to.

Pure: an epoch and a call in, an epoch out. A checksum alone identifies neither a revision nor an analysis: that of
confirm-rollout lags one revision, and a re-release of an older template brings an old checksum back (Flagger).
"""

from dataclasses import dataclass, replace

from webhooks.access import Listed
from webhooks.protocol import HookPayload, HookType
from webhooks.store.records import CanaryName, Epoch

_OVER = frozenset({"Succeeded", "Failed"})
_WAITING = "Waiting"
_SEEN_EVERY_S = 30.0
_ADVANCED = frozenset({HookType.ROLLOUT, HookType.CONFIRM_PROMOTION})


@dataclass(frozen=True, slots=True)
class HookCall:
    """Carry one call of a hook; `listed` is what its Canary says of it, None where that was not read back."""

    hook: HookType
    payload: HookPayload
    at: float
    listed: Listed | None = None

    @property
    def canary(self) -> CanaryName:
        """Name the canary."""
        return CanaryName(self.payload.namespace, self.payload.name)

    @property
    def checksum(self) -> str:
        """Give the checksum where it is that of the revision under analysis, else nothing."""
        lagging = self.hook is HookType.CONFIRM_ROLLOUT or self.payload.phase == _WAITING
        return "" if lagging else self.payload.checksum

    @property
    def template(self) -> str:
        """Name what the release would bring, empty where that is not known."""
        return self.listed.template if self.listed else ""

    @property
    def tells_the_end(self) -> bool:
        """Tell whether the call says that the release is over."""
        return self.hook is HookType.POST_ROLLOUT or self.payload.phase in _OVER


def enter(last: Epoch | None, call: HookCall, silence_s: float) -> Epoch:
    """Give the epoch a call belongs to: the last one, perhaps with something learned, or the next."""
    if last is None or last.ended or call.at - last.seen_at > silence_s or _starts_over(last, call):
        number = 1 if last is None else last.number + 1
        admitted = "" if last is None else last.template
        advanced = call.hook in _ADVANCED
        return Epoch(call.canary, number, call.at, call.at, call.checksum, advanced, template=admitted)
    known = replace(last, checksum=last.checksum or call.checksum, advanced=last.advanced or call.hook in _ADVANCED)
    # Not at every call: what nobody would notice need not be written.
    noticed = known != last or call.at - last.seen_at > _SEEN_EVERY_S
    return replace(known, seen_at=call.at) if noticed else last


def _starts_over(last: Epoch, call: HookCall) -> bool:
    if call.hook is HookType.CONFIRM_ROLLOUT:
        return bool(last.checksum)
    if call.hook is HookType.PRE_ROLLOUT and last.advanced:
        return True
    return bool(last.checksum and call.checksum) and last.checksum != call.checksum


def finish(last: Epoch | None, call: HookCall) -> Epoch | None:
    """Give the epoch after a call that only follows one; a call about another revision ends nothing."""
    if last is None or not call.tells_the_end:
        return last
    # A skipped analysis calls nothing between confirm-rollout and post-rollout that would tell its checksum.
    unknown = not call.checksum or (call.hook is HookType.POST_ROLLOUT and not last.checksum)
    mine = unknown or last.checksum == call.checksum
    return replace(last, ended=True) if mine else last


def finish_since(last: Epoch, at: float) -> Epoch:
    """Give the epoch after its Canary has shown that the release was over at a time."""
    # Without a checksum it is the next release already, which waits for confirm-rollout.
    return last if not last.checksum or last.began_at > at else replace(last, ended=True)
