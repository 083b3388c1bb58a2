"""Answer hooks: (hook, payload) in, outcome out; every answer may be asked for again and is then the same.

The table of what each hook starts, waits for and answers stands in docs/hooks.md and is tested row by row.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from webhooks.access import Listed
from webhooks.catalog import CatalogFile, CatalogTest, Every, Kind, OnFailure, show_duration
from webhooks.checks.job import CheckResult, Outcome
from webhooks.checks.load import settle
from webhooks.gates import ROLLBACK_GATE, GateService
from webhooks.hooks.commands import CommandService
from webhooks.hooks.epochs import HookCall, enter, finish, finish_since
from webhooks.hooks.orders import AskedTests, OrderError, asks_to_hold, make_order, names_tests, read_call
from webhooks.hooks.outcomes import TestResult, combine
from webhooks.hooks.targets import TargetPolicy
from webhooks.protocol import HookOutcome, HookPayload, HookType, HookVerdict, PayloadError
from webhooks.releases import Heard, Keeping, ReleaseService
from webhooks.runs import LoadDesk, RunService
from webhooks.settings import Settings
from webhooks.store.port import Store
from webhooks.store.records import CanaryName, Epoch, HookEvent, Run, RunState

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_LONGEST_WORD = 256
_TEXT_KEPT, _TEXTS_KEPT = 4096, 64
_ADVANCE = re.compile(r"Advance \S+ canary (?:weight|iteration) ")
_GATE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_RESULTS = {
    RunState.PASSED: Outcome.PASSED,
    RunState.FAILED: Outcome.FAILED,
    RunState.INCONCLUSIVE: Outcome.INCONCLUSIVE,
    RunState.CANCELLED: Outcome.FAILED,
    RunState.LOST: Outcome.INCONCLUSIVE,
}


@dataclass(frozen=True, slots=True)
class _Begun:
    """Hold a test whose run was started or joined, or whose result is there already."""

    test: CatalogTest
    run: Run | None = None
    result: CheckResult | None = None


_CONNECTING = frozenset({Kind.HTTP, Kind.PYTEST, Kind.LOAD})


class HookService:
    """Answer every type of hook; knows no HTTP."""

    def __init__(self, store: Store, catalog: CatalogFile, runs: RunService, settings: Settings) -> None:
        self.gates = GateService(store, runs.now, lambda gate: catalog.current().gates.get(gate))  # noqa: PLW0108 - asked anew, the catalog may change
        self.commands = CommandService(runs, store.logs, settings)
        keeping = Keeping(settings.kept_s, settings.kept_runs, settings.epoch_silence_s)
        self.releases = ReleaseService(store, runs.now, keeping)
        self.store = store
        self.runs = runs
        self.catalog = catalog
        self._store = store
        self._runs = runs
        self._loads = LoadDesk(runs)
        self._settings = settings
        self._targets = TargetPolicy(settings.resolve, settings.allow_targets)

    def handle(self, hook: HookType, payload: HookPayload, listed: Listed | None = None) -> HookOutcome:
        """Answer one call; `listed` is what its Canary says of it, None where that was not read back.

        Raises PayloadError for names that no Kubernetes object can have.
        """
        for key, value in (("name", payload.name), ("namespace", payload.namespace)):
            if not _NAME.fullmatch(value):
                raise PayloadError(f"{key}: {value[:80]!r} is not the name of a Kubernetes object")
        for key, value in (("phase", payload.phase), ("checksum", payload.checksum)):
            if len(value) > _LONGEST_WORD:
                raise PayloadError(f"{key}: {len(value)} characters; at most {_LONGEST_WORD}")
        call = HookCall(hook, payload, self._runs.now(), listed)
        try:
            return self._answer(call)
        except OrderError as error:
            return HookOutcome(HookVerdict.FAILED, str(error))

    def _answer(self, call: HookCall) -> HookOutcome:
        match call.hook:
            case HookType.PRE_ROLLOUT | HookType.ROLLOUT:
                return self._refuse_unconfirmed(call) or self._test(call)
            case HookType.CONFIRM_ROLLOUT | HookType.CONFIRM_TRAFFIC_INCREASE | HookType.CONFIRM_PROMOTION:
                return self._confirm(call)
            case HookType.ROLLBACK:
                return self._ask_gate(call, ROLLBACK_GATE)
            case HookType.POST_ROLLOUT:
                return self._end(call)
            case HookType.EVENT:
                return self._keep(call)

    def _confirm(self, call: HookCall) -> HookOutcome:
        if call.hook is HookType.CONFIRM_TRAFFIC_INCREASE:
            return self._confirm_increase(call)
        outcome = self._ask(call)
        if call.hook is HookType.CONFIRM_ROLLOUT and outcome.verdict is HookVerdict.PASSED:
            self._admit(call)
        return outcome

    def _admit(self, call: HookCall) -> None:
        if call.template:
            self._change_epoch(call, lambda epoch: replace(epoch, template=call.template))

    def _refuse_unconfirmed(self, call: HookCall) -> HookOutcome | None:
        """Refuse a template that confirm-rollout, which is not asked again when an analysis starts over, never saw."""
        if call.hook is not HookType.PRE_ROLLOUT or call.listed is None or not call.template:
            return None
        epoch = self._enter(call)
        if epoch.template == call.template:
            return None
        view = self.gates.check(call.listed.gate, epoch, call.template)
        if view.open:
            self._admit(call)
            return None
        admitted = f"template {epoch.template}" if epoch.template else "no template yet"
        told = f"confirm-rollout admitted {admitted}, the target's is now {call.template}: {view.text}"
        return HookOutcome(HookVerdict.FAILED, told)

    def _ask(self, call: HookCall) -> HookOutcome:
        return self._test(call) if names_tests(call.payload.metadata) else self._ask_gate(call, call.hook.value)

    def _confirm_increase(self, call: HookCall) -> HookOutcome:
        metadata = call.payload.metadata
        only_holds = asks_to_hold(metadata) and "gate" not in metadata and not names_tests(metadata)
        held = self._ask_held(self._enter(call))
        if held:
            return HookOutcome(HookVerdict.WAITING, held)
        outcome = HookOutcome(HookVerdict.PASSED, "no test holds the traffic") if only_holds else self._ask(call)
        if outcome.verdict is HookVerdict.PASSED:
            self._change_epoch(call, lambda epoch: replace(epoch, step=epoch.step + 1))
        return outcome

    def _ask_held(self, epoch: Epoch) -> str:
        """Say what the traffic waits for, empty for nothing."""
        for run in filter(None, map(self._runs.runs.find, epoch.held)):
            test = run.order.test
            if not run.state.ended:
                lasted = show_duration(self._runs.now() - run.created_at)
                return f"waiting for test {test}, which has been running for {lasted}"
            if run.state is not RunState.PASSED:
                return f"waiting for pre-rollout to tell that test {test} {run.state.value}: {run.reason}"
        return ""

    def _change_epoch(self, call: HookCall, decide: Callable[[Epoch], Epoch]) -> None:
        last = self._store.epochs.latest(call.canary)
        if last is not None and not last.ended and decide(last) != last:
            self._store.epochs.advance(call.canary, lambda now: decide(now or last))

    def _enter(self, call: HookCall) -> Epoch:
        def decide(last: Epoch | None) -> Epoch:
            return enter(last, call, self._settings.epoch_silence_s)

        last = self._store.epochs.latest(call.canary)
        wanted = decide(last)
        if wanted == last:
            return wanted
        epoch = self._store.epochs.advance(call.canary, decide)
        if last is None or epoch.number != last.number:
            self._runs.cancel(call.canary, "a newer release began", spare_epoch=epoch.number)
            self.releases.hear(Heard(call.canary, call.at, call.checksum, call.payload.phase, begins=True))
        return epoch

    def _ask_gate(self, call: HookCall, default: str) -> HookOutcome:
        gate = call.payload.metadata.get("gate") or default
        if not _GATE.fullmatch(gate):
            raise OrderError(f"metadata.gate: {gate[:80]!r} is not at most 63 letters, digits, '.', '_' and '-'")
        asked = call.template if call.hook is HookType.CONFIRM_ROLLOUT else ""
        view = self.gates.check(gate, self._enter(call), asked)
        return HookOutcome(HookVerdict.PASSED if view.open else HookVerdict.WAITING, view.text)

    def _end(self, call: HookCall) -> HookOutcome:
        self._finish_epoch(call)
        self._tell_release(call)
        return HookOutcome(HookVerdict.PASSED, f"release of {call.canary} is over, its tests and load are ended")

    def _keep(self, call: HookCall) -> HookOutcome:
        payload = call.payload
        kept = dict(islice(((key, text[:_TEXT_KEPT]) for key, text in payload.metadata.items()), _TEXTS_KEPT))
        self._store.events.add(HookEvent(call.canary, payload.checksum, payload.phase, call.at, kept))
        if _ADVANCE.match(payload.metadata.get("eventMessage", "")):
            self._change_epoch(call, lambda epoch: replace(epoch, step=epoch.step + 1))
        if call.tells_the_end:
            self._finish_epoch(call)
        said, warning = kept.get("eventMessage", ""), kept.get("eventType") == "Warning"
        self._tell_release(call, said, warning=warning)
        return HookOutcome(HookVerdict.PASSED, "kept")

    def _tell_release(self, call: HookCall, said: str = "", *, warning: bool = False) -> None:
        phase, over = call.payload.phase, call.tells_the_end
        self.releases.hear(Heard(call.canary, call.at, call.checksum, phase, said, warning, over=over))

    def end_release(self, canary: CanaryName, at: float) -> None:
        """End the analysis under way, because its Canary says since `at` (unix seconds) that the release is over."""
        self.releases.hear(Heard(canary, at, text="its Canary says that the release is over", over=True))
        last = self._store.epochs.latest(canary)
        if last is None or finish_since(last, at) == last:
            return
        if self._store.epochs.advance(canary, lambda now: finish_since(now or last, at)).ended:
            self._runs.cancel(canary, "the release is over")

    def _finish_epoch(self, call: HookCall) -> None:
        last = self._store.epochs.latest(call.canary)
        wanted = finish(last, call)
        if last is None or wanted is None or wanted == last:
            return
        self._store.epochs.advance(call.canary, lambda now: finish(now, call) or last)
        self._runs.cancel(call.canary, "the release is over")

    def _test(self, call: HookCall) -> HookOutcome:
        failures = self._tell_commands(call)
        if failures:
            return HookOutcome(HookVerdict.FAILED, failures)
        if self._asks_commands(call) and not call.payload.metadata.keys() & {"test", "tests"}:
            return HookOutcome(HookVerdict.PASSED, "no command failed")
        asked = read_call(call, self.catalog.current(), self._settings.wait_s)
        epoch = self._enter(call)
        holds = asked.hold and call.hook is HookType.PRE_ROLLOUT
        deadline = time.monotonic() + (0.0 if holds else asked.wait_s)
        begun = [self._begin(call, epoch, asked, test) for test in asked.tests]
        results = [self._settle(call, epoch, one, deadline) for one in begun]
        if holds:
            pairs = zip(begun, results, strict=True)
            running = tuple(one.run.id for one, told in pairs if one.run is not None and told.result is None)
            self._change_epoch(call, lambda last: replace(last, held=running))
        cut_short = not holds and time.monotonic() < deadline
        return combine(call.hook, replace(asked, cut_short=cut_short), results)

    def _tell_commands(self, call: HookCall) -> str:
        told = self._asks_commands(call)
        return self.commands.tell_failures(call.canary, call.payload.checksum) if told else ""

    def _asks_commands(self, call: HookCall) -> bool:
        return call.hook is HookType.ROLLOUT and self.commands.allowed

    def _begin(self, call: HookCall, epoch: Epoch, asked: AskedTests, test: CatalogTest) -> _Begun:
        order = make_order(call, epoch, test, asked.parameters, self._settings.resolve)
        fault = self._targets.find_fault(order.target, call.canary) if test.kind in _CONNECTING else ""
        if fault:
            raise OrderError(f"{test.name}: {fault}")
        if call.hook is HookType.ROLLOUT and test.kind is Kind.LOAD:
            return _Begun(test, result=self._loads.ask(order, test))
        return _Begun(test, self._runs.start(order))

    def _settle(self, call: HookCall, epoch: Epoch, begun: _Begun, deadline: float) -> TestResult:
        test, run = begun.test, begun.run
        if run is None:
            return TestResult(test.name, begun.result)
        run = self._runs.wait(run, deadline)
        if not run.state.ended:
            return TestResult(test.name, None)
        result = settle(test, CheckResult(_RESULTS[run.state], run.reason))
        if not _is_kept(call.hook, epoch, test, result):
            self._runs.retire(run)
        failed = result.outcome is Outcome.FAILED and run.state is not RunState.CANCELLED
        if call.hook is HookType.CONFIRM_PROMOTION and failed and test.keeping.on_failure is OnFailure.ROLLBACK:
            self.gates.roll_back(epoch, f"test {test.name}", result.reason)
        return TestResult(test.name, result)


def _is_kept(hook: HookType, epoch: Epoch, test: CatalogTest, result: CheckResult) -> bool:
    """Tell whether a verdict answers the next equal call too; a failure is told once unless it is final."""
    match result.outcome:
        case Outcome.FAILED:
            return test.keeping.final
        case Outcome.INCONCLUSIVE:
            return False
        case Outcome.PASSED:
            # Without a sign of weight steps, every call of a rollout hook is one.
            known_step = test.keeping.every is Every.STEP and epoch.step > 0
            return hook is not HookType.ROLLOUT or test.keeping.every is Every.EPOCH or known_step
