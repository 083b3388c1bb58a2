"""Make every decision of a journal again, from the record alone, and compare.

The one rule to keep: it is the product's own `deliberate` and the product's own judge that decide again, never a copy.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from workflows.errors import ConfigurationError
from workflows.journal import codec
from workflows.journal.entries import ENDING, WHOLE, Origin, TickEntry, name_rule
from workflows.journal.masking import mask_texts
from workflows.journal.reader import JournalFile, PlannedTick
from workflows.records import Decider
from workflows.rollout import gates
from workflows.rollout.decision import Answer, CountTraffic, Decision, JudgeMetrics, Question, Tick
from workflows.rollout.machine import IllegalTransitionError
from workflows.rollout.samples import TrafficCounts
from workflows.rollout.state import CheckResult, RolloutState
from workflows.rollout.tick import deliberate
from workflows.stages import Ending

_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Difference:
    """Say where a record and what follows from it differ; both values as JSON."""

    line: int
    field: str
    recorded: str
    recomputed: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"line {self.line}: {self.field}: recorded {self.recorded}, recomputed {self.recomputed}"


@dataclass(frozen=True, slots=True)
class Replay:
    """Say what came of a replay: how many ticks there were, how many of them judged metrics, and what differs."""

    ticks: int
    judged: int
    differences: tuple[Difference, ...]


def replay(file: JournalFile) -> Replay:
    """Decide every tick again; raises ConfigurationError for a record that this program cannot decide by."""
    for origin in file.origins:
        _check_rule(file, origin)
    ticks = tuple(file.ticks())
    differences = tuple(difference for planned in ticks for difference in compare(planned))
    judged = sum(_metrics(planned.tick) is not None for planned in ticks)
    return Replay(len(ticks), judged, differences)


def _check_rule(file: JournalFile, origin: Origin) -> None:
    told, known = origin.rule, name_rule(origin.plan)
    if told != known:
        raise ConfigurationError(
            f"{file.path}: judged by rule {told.name!r} version {told.version}; this program replays "
            f"{known.name!r} version {known.version}. It was written by penstock {origin.program}"
        )


def compare(planned: PlannedTick) -> Iterator[Difference]:
    """Decide one tick again and give every difference."""
    yield from _compare_window(planned)
    yield from _compare_metrics(planned)
    yield from _compare_counts(planned)
    hearing = _Hearing(planned)
    decision = hearing.decide()
    yield from hearing.differences
    if decision:
        yield from _compare_decisions(planned, decision)


def _compare_window(planned: PlannedTick) -> Iterator[Difference]:
    evidence, since = planned.tick.evidence, planned.tick.before.counts
    window = evidence.reading.since(since) if evidence.reading and since else TrafficCounts()
    yield from _differ(planned.line, "evidence.window", TrafficCounts, (evidence.window, window))


def _compare_metrics(planned: PlannedTick) -> Iterator[Difference]:
    recorded = _metrics(planned.tick)
    if recorded is None:
        return
    checks, evidence = planned.plan.analysis.checks, planned.tick.evidence
    missing = next((each.name for each in checks if not each.built_in and each.name not in evidence.measurements), None)
    if missing:
        yield Difference(planned.line, f"evidence.measurements.{missing}", "nothing", "a measurement is needed")
        return
    again = gates.judge(checks, evidence.window.canary, evidence.measurements)
    yield from _differ(planned.line, "metrics", tuple[CheckResult, ...], (recorded, again))


def _compare_counts(planned: PlannedTick) -> Iterator[Difference]:
    window = planned.tick.evidence.window
    for exchange in planned.tick.evidence.exchanges:
        if isinstance(exchange.question, CountTraffic):
            yield from _differ(planned.line, "counts", Answer, (exchange.answer, window))


def _metrics(tick: TickEntry) -> tuple[CheckResult, ...] | None:
    answers = (each.answer for each in tick.evidence.exchanges if isinstance(each.question, JudgeMetrics))
    return next((answer for answer in answers if isinstance(answer, tuple)), None)


class _Hearing:
    """Lead a deliberation by the recorded answers; it must ask what was asked."""

    def __init__(self, planned: PlannedTick) -> None:
        self._planned = planned
        self._left = list(planned.tick.evidence.exchanges)
        self.differences: list[Difference] = []

    def decide(self) -> Decision | None:
        """Give the decision, or none and the difference that kept it from being made."""
        tick = Tick(self._planned.plan, self._planned.tick.before, self._planned.tick.world)
        try:
            return self._hear(find_decider(self._planned), tick)
        except (IllegalTransitionError, LookupError, TypeError, ValueError) as error:
            self._note("decision", "made", f"cannot be made: {error}")
            return None

    def _hear(self, decide: Decider, tick: Tick) -> Decision | None:
        deliberation = decide(tick)
        if isinstance(deliberation, Decision):
            self._expect_silence()
            return deliberation
        try:
            question = next(deliberation)
            while (answer := self._answer(question)) is not None:
                question = deliberation.send(answer)
        except StopIteration as decided:
            decision: Decision = decided.value
            self._expect_silence()
            return decision
        return None

    def _answer(self, question: Question) -> Answer | None:
        asked = self._left.pop(0) if self._left else None
        if asked and asked.question == question:
            return asked.answer
        self._note("question", _show(Question, asked.question) if asked else "none", _show(Question, question))
        return None

    def _expect_silence(self) -> None:
        for asked in self._left:
            self._note("question", _show(Question, asked.question), "none")

    def _note(self, field: str, recorded: str, recomputed: str) -> None:
        self.differences.append(Difference(self._planned.line, field, recorded, recomputed))


def find_decider(planned: PlannedTick) -> Decider:
    """Give who decides a tick again; raises ConfigurationError for one that is not known."""
    named = planned.tick.decider
    if named.name == WHOLE:
        return deliberate
    if named.name == ENDING and named.cause:
        return Ending(named.cause, named.reason)
    if named.stage:
        return named.stage
    raise ConfigurationError(f"line {planned.line}: decided by {named.name!r}, which this program does not know")


def _compare_decisions(planned: PlannedTick, again: Decision) -> Iterator[Difference]:
    recorded = planned.tick.decision
    yield from _compare_fields(planned.line, "state.", RolloutState, (recorded.state, again.state))
    yield from _compare_fields(planned.line, "", Decision, (recorded, again))


def _compare_fields(line: int, where: str, of: Any, pair: tuple[Any, Any]) -> Iterator[Difference]:
    hints = codec.hints(of)
    for item in fields(of):
        if item.name != "state":
            values = (getattr(pair[0], item.name), getattr(pair[1], item.name))
            yield from _differ(line, where + item.name, hints[item.name], values)


def _differ(line: int, field: str, hint: Any, pair: tuple[Any, Any]) -> Iterator[Difference]:
    recorded, again = (_document(hint, value) for value in pair)
    if recorded != again:
        yield Difference(line, field, _shorten(recorded), _shorten(again))


def _document(hint: Any, value: Any) -> Any:
    # Compared as they are kept: what was masked in the record must not differ from what is made again.
    return mask_texts(codec.encode(hint, value))


def _show(hint: Any, value: Any) -> str:
    return _shorten(codec.encode(hint, value))


def _shorten(document: Any) -> str:
    text = json.dumps(document)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
