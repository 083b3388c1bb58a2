"""Answer hooks from a script, and remember the calls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from webhooks.protocol import HookPayload, HookType
from workflows.ports import HookAnswer
from workflows.rollout.plan import Hook

_YES = HookAnswer(passed=True, reason="")


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """Carry one call as it was made."""

    hook: Hook
    payload: HookPayload


@dataclass(slots=True)
class MemoryHookCaller:
    """Answer each hook, by its name or else by its type, with the next answer of its script; the last one stays.

    A hook without a script says yes, but a rollback hook says no: its yes would end the release.
    """

    script: Mapping[str | HookType, Sequence[HookAnswer]] = field(default_factory=dict)
    calls: list[RecordedCall] = field(default_factory=list)

    def call(self, hook: Hook, payload: HookPayload) -> HookAnswer:
        """Give the next answer."""
        earlier = sum(call.hook.name == hook.name and call.hook.type is hook.type for call in self.calls)
        self.calls.append(RecordedCall(hook, payload))
        answers = self.script.get(hook.name) or self.script.get(hook.type)
        if not answers:
            return HookAnswer(passed=False, reason="") if hook.type is HookType.ROLLBACK else _YES
        return answers[min(earlier, len(answers) - 1)]
