"""Keep gates: what people said about a canary, for one epoch or, as with Flagger's loadtester, until they say else.

The last word counts. An approval belongs to the epoch in which it was given and never serves the next; a gate that was
opened without an epoch stays open until it is closed. Where it is known what a release would bring, an approval is for
that template alone. An approval that ran out, or was for another template, is a new last word, written by whoever sees
it first.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from webhooks.catalog import GateRule, OnExpiry, show_duration
from webhooks.errors import RefusedError
from webhooks.store.port import Store
from webhooks.store.records import EVERY_EPOCH, CanaryName, Epoch, Gate, GateState

ANY_GATE = "*"
"""The gate that stands for all gates of a canary, but for its rollback gate."""

ROLLBACK_GATE = "rollback"
"""The gate that, when open, asks for a rollback."""

_CHECKSUM_SHOWN = 16
_NO_RULE = GateRule()


@dataclass(frozen=True, slots=True)
class GateView:
    """Say whether a gate is open and why, for people."""

    open: bool
    text: str


@dataclass(frozen=True, slots=True)
class GateDecision:
    """Carry what somebody says about a gate: `lasts_s` is how long, 0 as long as the catalog says.

    `template` is what they mean, empty for what the gate was asked about last.
    """

    state: GateState
    who: str = ""
    why: str = ""
    lasts_s: float = 0.0
    template: str = ""


class GateService:
    """Answer and change gates; `find_rule` gives what the catalog says about a gate, None for nothing."""

    def __init__(
        self, store: Store, now: Callable[[], float], find_rule: Callable[[str], GateRule | None] = lambda _: None
    ) -> None:
        self._store = store
        self._now = now
        self._find_rule = find_rule

    def check(self, gate: str, epoch: Epoch, template: str = "") -> GateView:
        """Tell whether a gate is open in an epoch; asking for it makes it known, so that people can see who waits.

        With a template, an approval that was given for another one does not count.
        """
        if gate == ROLLBACK_GATE:
            self._expire(self._store.gates.select(epoch.canary))
        word = self._last_word(gate, epoch, template)
        if word.state is GateState.OPEN:
            return GateView(open=True, text=f"gate {gate} of {epoch.canary} is open{_by(word)}")
        return GateView(open=False, text=_waiting_text(gate, epoch, word))

    def _last_word(self, gate: str, epoch: Epoch, template: str) -> Gate:
        asked = self._store.gates.find(epoch.canary, gate, epoch.number) or self._ask(gate, epoch, template)
        (mine,) = self._expire((asked,))
        if template not in {"", mine.template} and mine.state is not GateState.CLOSED:
            mine = self._ask_anew(mine, template)
        everywhere = ROLLBACK_GATE if gate == ROLLBACK_GATE else ANY_GATE
        every = self._store.gates.find(epoch.canary, everywhere, EVERY_EPOCH)
        said = [mine] if every is None else [mine, every]
        decided = [word for word in said if word.state is not GateState.WAITING]
        return max(decided, key=lambda word: word.at, default=mine)

    def _ask_anew(self, word: Gate, template: str) -> Gate:
        """Take back what was said about another template."""
        anew = replace(
            word,
            state=GateState.WAITING,
            at=self._now(),
            who="",
            why=_other_template(word, template),
            approvals=(),
            template=template,
            expires_at=self._patience_ends(word.gate),
        )
        change = self._store.gates.change
        return change(word.canary, word.gate, word.epoch, lambda last: anew if last == word else None) or anew

    def _patience_ends(self, gate: str) -> float:
        patience_s = self._rule(gate).patience_s
        return self._now() + patience_s if patience_s else 0.0

    def _ask(self, gate: str, epoch: Epoch, template: str) -> Gate:
        rule = self._rule(gate)
        first = Gate(
            epoch.canary,
            gate,
            epoch.number,
            GateState.WAITING,
            self._now(),
            checksum=epoch.checksum,
            needed=rule.approvals,
            expires_at=self._patience_ends(gate),
            rolls_back=rule.on_expiry is OnExpiry.ROLLBACK,
            template=template,
        )
        # Somebody may have decided it in this moment: their word stays.
        return self._store.gates.change(epoch.canary, gate, epoch.number, lambda last: None if last else first) or first

    def _rule(self, gate: str) -> GateRule:
        return self._find_rule(gate) or _NO_RULE

    def _expire(self, words: tuple[Gate, ...]) -> tuple[Gate, ...]:
        return tuple(self._close(word) if 0 < word.expires_at <= self._now() else word for word in words)

    def _close(self, word: Gate) -> Gate:
        # The rollback first: whoever dies in between leaves a gate that is still to expire.
        if word.rolls_back:
            asked = Gate(word.canary, ROLLBACK_GATE, word.epoch, GateState.OPEN, word.expires_at, why=_expiry(word))
            self._open_rollback(replace(asked, checksum=word.checksum))
        closed = replace(
            word, state=GateState.CLOSED, at=word.expires_at, who="", why=_expiry(word), approvals=(), expires_at=0.0
        )
        return (
            self._store.gates.change(word.canary, word.gate, word.epoch, lambda last: closed if last == word else None)
            or closed
        )

    def decide(self, canary: CanaryName, gate: str, state: GateState, who: str, why: str) -> Gate:
        """Approve or halt a gate for the epoch that is under way; raises RefusedError when none is."""
        return self.say(canary, gate, GateDecision(state, who, why))

    def say(self, canary: CanaryName, gate: str, decision: GateDecision) -> Gate:
        """Add somebody's word; a gate that needs several approvals waits until they are there."""
        epoch = self._store.epochs.latest(canary)
        if epoch is None or epoch.ended:
            raise RefusedError(
                f"no release of {canary} is under way, so there is nothing to decide; "
                f"to open its gates for every release: penstock gate open {canary}"
            )
        needed = self._rule(gate).approvals
        if decision.state is GateState.OPEN and needed > 1 and not decision.who:
            raise RefusedError(f"gate {gate} of {canary} needs {needed} approvals of different people: say who you are")
        fresh = self._word(epoch, gate, decision)

        def add(last: Gate | None) -> Gate:
            asked = last.template if last is not None else ""
            if decision.template not in {"", asked}:
                raise RefusedError(
                    f"gate {gate} of {canary} is asked about template {asked or 'unknown'}, not {decision.template}; "
                    f"look again: penstock gate show {canary} {gate}"
                )
            return _count(last, replace(fresh, template=asked))

        return self._store.gates.change(canary, gate, epoch.number, add) or fresh

    def _word(self, epoch: Epoch, gate: str, decision: GateDecision) -> Gate:
        rule, now = self._rule(gate), self._now()
        lasts_s = (decision.lasts_s or rule.expires_s) if decision.state is GateState.OPEN else 0.0
        return Gate(
            epoch.canary,
            gate,
            epoch.number,
            decision.state,
            now,
            decision.who,
            decision.why,
            epoch.checksum,
            needed=rule.approvals,
            expires_at=now + lasts_s if lasts_s else 0.0,
            rolls_back=rule.on_expiry is OnExpiry.ROLLBACK,
        )

    def roll_back(self, epoch: Epoch, who: str, why: str) -> None:
        """Open the rollback gate of an epoch, however many people its rule asks for; one that is open stays."""
        asked = Gate(epoch.canary, ROLLBACK_GATE, epoch.number, GateState.OPEN, self._now(), who, why, epoch.checksum)
        self._open_rollback(asked)

    def _open_rollback(self, asked: Gate) -> None:
        def decide(last: Gate | None) -> Gate | None:
            return None if last is not None and last.state is GateState.OPEN else asked

        self._store.gates.change(asked.canary, ROLLBACK_GATE, asked.epoch, decide)

    def select(self, canary: CanaryName | None = None) -> tuple[Gate, ...]:
        """List the gates as they stand, of one canary or of all."""
        return self._expire(self._store.gates.select(canary))

    def history(self, canary: CanaryName, gate: str = "") -> tuple[Gate, ...]:
        """List every word on a canary's gates, or on one, oldest first."""
        self._expire(self._store.gates.select(canary))
        return tuple(word for word in self._store.gates.history(canary) if gate in {"", word.gate})

    def newest_change(self, canary: CanaryName | None = None) -> int:
        """Give a number that grows with every word on a canary's gates, or on all."""
        return self._store.gates.newest_change(canary)

    def is_open(self, canary: CanaryName, gate: str) -> bool:
        """Tell whether a gate was opened for every epoch (loadtester: `/gate/check`)."""
        word = self._store.gates.find(canary, gate, EVERY_EPOCH)
        return word is not None and word.state is GateState.OPEN

    def put(self, canary: CanaryName, gate: str, state: GateState, who: str = "") -> None:
        """Open or close a gate for every epoch (loadtester: `/gate/open`, `/gate/close`)."""
        word = Gate(canary, gate, EVERY_EPOCH, state, self._now(), who)
        self._store.gates.change(canary, gate, EVERY_EPOCH, lambda _: word)


def _count(last: Gate | None, word: Gate) -> Gate:
    if word.state is not GateState.OPEN:
        return word
    expired = last is not None and 0 < last.expires_at <= word.at
    before = () if last is None or expired else last.approvals
    approvals = tuple(dict.fromkeys([*before, word.who]))
    if len(approvals) >= word.needed:
        return replace(word, approvals=approvals)
    # What is still missing is waited for as long as before.
    expires_at = last.expires_at if last is not None else 0.0
    return replace(word, state=GateState.WAITING, approvals=approvals, expires_at=expires_at)


def _expiry(word: Gate) -> str:
    if word.state is GateState.OPEN:
        return f"the approval of gate {word.gate}{_by(word)}, held for {show_duration(word.expires_at - word.at)}"
    missing = word.needed - len(word.approvals)
    return f"nobody gave the {missing} missing approval(s) of gate {word.gate} in time"


def _by(word: Gate) -> str:
    names = ", ".join(filter(None, word.approvals)) if len(word.approvals) > 1 else word.who
    return (f", by {names}" if names else "") + (f": {word.why}" if word.why else "")


def _waiting_text(gate: str, epoch: Epoch, word: Gate) -> str:
    canary = epoch.canary
    if gate == ROLLBACK_GATE:
        return f"no rollback of {canary} was asked for"
    if word.state is GateState.CLOSED:
        return f"gate {gate} of {canary} was closed{_by(word)}; open it with: penstock gate approve {canary} {gate}"
    release = _release(epoch, word)
    count = f" {len(word.approvals)} of {word.needed} given;" if word.needed > 1 else ""
    return (
        f"waiting for approval of gate {gate} of {canary}{release};{count}"
        f" approve with: penstock gate approve {canary} {gate}"
        + (f" ({word.why})" if word.why and not word.approvals else "")
    )


def _release(epoch: Epoch, word: Gate) -> str:
    if word.template:
        return f" (template {word.template})"
    return f" (release {epoch.checksum[:_CHECKSUM_SHOWN]})" if epoch.checksum else ""


def _other_template(word: Gate, template: str) -> str:
    if word.state is not GateState.OPEN and not word.approvals:
        return word.why
    names = ", ".join(filter(None, word.approvals)) or word.who
    by = f" by {names}" if names else ""
    return f"the approval{by} was for template {word.template or 'unknown'}, the target's is now {template}"
