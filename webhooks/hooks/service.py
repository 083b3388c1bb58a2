"""Answer hooks: (hook, payload) in, outcome out; every answer may be asked for again and is then the same.

The table of what each hook starts, waits for and answers stands in docs/hooks.md and is tested row by row.
"""

import re
import time
from collections.abc import Callable

from webhooks.catalog import CatalogFile, CatalogTest, Kind, show_duration
from webhooks.checks.job import CheckResult, Outcome, join_reasons
from webhooks.checks.load import settle
from webhooks.gates import ROLLBACK_GATE, GateService
from webhooks.hooks.epochs import HookCall, enter, finish
from webhooks.hooks.orders import AskedTests, OrderError, make_order, names_tests, read_call
from webhooks.protocol import HookOutcome, HookPayload, HookType, HookVerdict, PayloadError
from webhooks.runs import LoadDesk, RunService
from webhooks.settings import Settings
from webhooks.store.port import Store
from webhooks.store.records import Epoch, HookEvent, Run, RunState

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_GATE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_RESULTS = {
    RunState.PASSED: Outcome.PASSED,
    RunState.FAILED: Outcome.FAILED,
    RunState.INCONCLUSIVE: Outcome.INCONCLUSIVE,
    RunState.CANCELLED: Outcome.FAILED,
    RunState.LOST: Outcome.INCONCLUSIVE,
}


class HookService:
    """Answer every type of hook; knows no HTTP."""

    def __init__(self, store: Store, catalog: CatalogFile, runs: RunService, settings: Settings) -> None:
        self.gates = GateService(store, runs.now, lambda gate: catalog.current().gates.get(gate))
        self._store = store
        self._catalog = catalog
        self._runs = runs
        self._loads = LoadDesk(runs)
        self._settings = settings

    def handle(self, hook: HookType, payload: HookPayload) -> HookOutcome:
        """Answer one call; raises PayloadError for names that no Kubernetes object can have."""
        for key, value in (("name", payload.name), ("namespace", payload.namespace)):
            if not _NAME.fullmatch(value):
                raise PayloadError(f"{key}: {value[:80]!r} is not the name of a Kubernetes object")
        call = HookCall(hook, payload, self._runs.now())
        try:
            return self._answer(call)
        except OrderError as error:
            return HookOutcome(HookVerdict.FAILED, str(error))

    def _answer(self, call: HookCall) -> HookOutcome:
        match call.hook:
            case HookType.PRE_ROLLOUT | HookType.ROLLOUT:
                return self._test(call)
            case HookType.CONFIRM_ROLLOUT | HookType.CONFIRM_TRAFFIC_INCREASE | HookType.CONFIRM_PROMOTION:
                return self._test(call) if names_tests(call.payload.metadata) else self._ask_gate(call, call.hook.value)
            case HookType.ROLLBACK:
                return self._ask_gate(call, ROLLBACK_GATE)
            case HookType.POST_ROLLOUT:
                return self._end(call)
            case HookType.EVENT:
                return self._keep(call)

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
        return epoch

    def _ask_gate(self, call: HookCall, default: str) -> HookOutcome:
        gate = call.payload.metadata.get("gate") or default
        if not _GATE.fullmatch(gate):
            raise OrderError(f"metadata.gate: {gate[:80]!r} is not at most 63 letters, digits, '.', '_' and '-'")
        view = self.gates.check(gate, self._enter(call))
        return HookOutcome(HookVerdict.PASSED if view.open else HookVerdict.WAITING, view.text)

    def _end(self, call: HookCall) -> HookOutcome:
        self._finish_epoch(call)
        return HookOutcome(HookVerdict.PASSED, f"release of {call.canary} is over, its tests and load are ended")

    def _keep(self, call: HookCall) -> HookOutcome:
        payload = call.payload
        self._store.events.add(HookEvent(call.canary, payload.checksum, payload.phase, call.at, payload.metadata))
        if call.tells_the_end:
            self._finish_epoch(call)
        return HookOutcome(HookVerdict.PASSED, "kept")

    def _finish_epoch(self, call: HookCall) -> None:
        last = self._store.epochs.latest(call.canary)
        wanted = finish(last, call)
        if last is None or wanted is None or wanted == last:
            return
        self._store.epochs.advance(call.canary, lambda now: finish(now, call) or last)
        self._runs.cancel(call.canary, "the release is over")

    def _test(self, call: HookCall) -> HookOutcome:
        asked = read_call(call, self._catalog.current(), self._settings.wait_s)
        epoch = self._enter(call)
        deadline = time.monotonic() + asked.wait_s
        questions = [self._start(call, epoch, asked, test) for test in asked.tests]
        return _combine(call, asked, [question(deadline) for question in questions])

    def _start(
        self, call: HookCall, epoch: Epoch, asked: AskedTests, test: CatalogTest
    ) -> Callable[[float], CheckResult | None]:
        order = make_order(call, epoch, test, asked.parameters, self._settings.resolve)
        if call.hook is HookType.ROLLOUT and test.kind is Kind.LOAD:
            result = self._loads.ask(order, test)
            return lambda _: result
        run = self._runs.start(order)
        return lambda deadline: self._await(call, test, run, deadline)

    def _await(self, call: HookCall, test: CatalogTest, run: Run, deadline: float) -> CheckResult | None:
        run = self._runs.wait(run, deadline)
        if not run.state.ended:
            return None
        result = settle(test, CheckResult(_RESULTS[run.state], run.reason))
        # A pass is kept for the epoch, but a rollout hook asks anew at every step; a failure is told once.
        if result.outcome is not Outcome.PASSED or call.hook is HookType.ROLLOUT:
            self._runs.retire(run)
        return result


def _combine(call: HookCall, asked: AskedTests, results: list[CheckResult | None]) -> HookOutcome:
    pairs = list(zip(asked.tests, results, strict=True))
    bad = [
        f"{test.name} {result.outcome.value}: {result.reason}"
        for test, result in pairs
        if result is not None and result.outcome is not Outcome.PASSED
    ]
    if bad:
        return HookOutcome(HookVerdict.FAILED, join_reasons(bad))
    running = [test.name for test, result in pairs if result is None]
    if running:
        return _still_running(call, ", ".join(running), asked.wait_s)
    good = [f"{test.name} passed: {result.reason}" for test, result in pairs if result is not None]
    return HookOutcome(HookVerdict.PASSED, join_reasons(good, shown=len(good)))


def _still_running(call: HookCall, names: str, wait_s: float) -> HookOutcome:
    if call.hook in {HookType.PRE_ROLLOUT, HookType.ROLLOUT}:
        advice = "raise the hook's timeout and metadata.wait, or make the test shorter"
        return HookOutcome(HookVerdict.FAILED, f"{names} still running after {show_duration(wait_s)}: {advice}")
    return HookOutcome(HookVerdict.WAITING, f"waiting for test {names}, which is still running")
