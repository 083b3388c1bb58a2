"""Keep gates: what people said about a canary, for one epoch or, as with Flagger's loadtester, until they say else.

The last word counts. An approval belongs to the epoch in which it was given and never serves the next; a gate that was
opened without an epoch stays open until it is closed.
"""

from collections.abc import Callable
from dataclasses import dataclass

from webhooks.errors import RefusedError
from webhooks.store.port import Store
from webhooks.store.records import EVERY_EPOCH, CanaryName, Epoch, Gate, GateState

ANY_GATE = "*"
"""The gate that stands for all gates of a canary, but for its rollback gate."""

ROLLBACK_GATE = "rollback"
"""The gate that, when open, asks for a rollback."""

_CHECKSUM_SHOWN = 16


@dataclass(frozen=True, slots=True)
class GateView:
    """Say whether a gate is open and why, for people."""

    open: bool
    text: str


class GateService:
    """Answer and change gates."""

    def __init__(self, store: Store, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now

    def check(self, gate: str, epoch: Epoch) -> GateView:
        """Tell whether a gate is open in an epoch; asking for it makes it known, so that people can see who waits."""
        word = self._last_word(gate, epoch)
        if word is None:
            checksum = epoch.checksum
            self._store.gates.put(
                Gate(epoch.canary, gate, epoch.number, GateState.WAITING, self._now(), checksum=checksum)
            )
        if word is not None and word.state is GateState.OPEN:
            return GateView(open=True, text=f"gate {gate} of {epoch.canary} is open{_by(word)}")
        return GateView(open=False, text=_waiting_text(gate, epoch, word))

    def _last_word(self, gate: str, epoch: Epoch) -> Gate | None:
        everywhere = ROLLBACK_GATE if gate == ROLLBACK_GATE else ANY_GATE
        words = [
            self._store.gates.find(epoch.canary, gate, epoch.number),
            self._store.gates.find(epoch.canary, everywhere, EVERY_EPOCH),
        ]
        said = [word for word in words if word is not None]
        decided = [word for word in said if word.state is not GateState.WAITING]
        return max(decided or said, key=lambda word: word.at, default=None)

    def decide(self, canary: CanaryName, gate: str, state: GateState, who: str, why: str) -> Gate:
        """Approve or halt a gate for the epoch that is under way; raises RefusedError when none is."""
        epoch = self._store.epochs.latest(canary)
        if epoch is None or epoch.ended:
            raise RefusedError(
                f"no release of {canary} is under way, so there is nothing to decide; "
                f"to open its gates for every release: penstock gate open {canary}"
            )
        word = Gate(canary, gate, epoch.number, state, self._now(), who, why, epoch.checksum)
        self._store.gates.put(word)
        return word

    def select(self) -> tuple[Gate, ...]:
        """List the gates as they stand."""
        return self._store.gates.select()

    def is_open(self, canary: CanaryName, gate: str) -> bool:
        """Tell whether a gate was opened for every epoch (loadtester: `/gate/check`)."""
        word = self._store.gates.find(canary, gate, EVERY_EPOCH)
        return word is not None and word.state is GateState.OPEN

    def put(self, canary: CanaryName, gate: str, state: GateState, who: str = "") -> None:
        """Open or close a gate for every epoch (loadtester: `/gate/open`, `/gate/close`)."""
        self._store.gates.put(Gate(canary, gate, EVERY_EPOCH, state, self._now(), who))


def _by(word: Gate) -> str:
    return (f", by {word.who}" if word.who else "") + (f": {word.why}" if word.why else "")


def _waiting_text(gate: str, epoch: Epoch, word: Gate | None) -> str:
    canary = epoch.canary
    if gate == ROLLBACK_GATE:
        return f"no rollback of {canary} was asked for"
    if word is not None and word.state is GateState.CLOSED:
        return f"gate {gate} of {canary} was closed{_by(word)}; open it with: penstock gate approve {canary} {gate}"
    release = f" (release {epoch.checksum[:_CHECKSUM_SHOWN]})" if epoch.checksum else ""
    return (
        f"waiting for approval of gate {gate} of {canary}{release}; approve with: penstock gate approve {canary} {gate}"
    )
