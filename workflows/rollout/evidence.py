"""Judge a canary by evidence instead of thresholds: a pure, incremental judge, one look at a time.

`observe(terms, case, look)` adds a window and answers: FAILED when the evidence against the canary reaches 1/alpha,
PASSED when it may step, INCONCLUSIVE to keep the weight. E = (E_errors + E_latency + E_guard) / 3; the formulas stand
in comparison, guard and health, the whole in docs/judge.md. The one rule to keep: never count a request twice, and
forget evidence nowhere but at the restarts declared beforehand.
"""

import math
from dataclasses import dataclass, replace

from workflows.rollout import baseline, comparison, guard, health, ladder, verdicts
from workflows.rollout.case import Case, Look, Sight, Totals
from workflows.rollout.finding import Finding
from workflows.rollout.tally import Split, Tally, tally_errors, tally_slow
from workflows.rollout.terms import Terms

SMOOTHING = 0.25
LOPSIDED_ODDS, LOPSIDED_SIGMAS = 4.0, 5.0


@dataclass(frozen=True, slots=True)
class _Window:
    """Hold one look, reduced to tallies."""

    look: Look
    errors: Split
    slow: tuple[Split, ...]
    sight: Sight
    elapsed_s: float


def observe(terms: Terms, case: Case, look: Look) -> Finding:
    """Add one window to a case and say what follows; never raises, whatever the counts are.

    At weight 0 there is nothing to judge yet: the window only teaches how the primary does.
    """
    entered = _enter(terms, case, look.weight)
    window = _reduce(terms, entered, look)
    judged = _weigh(terms, _pass_time(entered, window), window) if look.weight > 0 else entered
    learned = _learn(judged, window)
    return verdicts.conclude(terms, learned, window.sight)


def _enter(terms: Terms, case: Case, weight: int) -> Case:
    """Open a new rung when the weight has changed: the comparison restarts, health begins again."""
    if weight == case.weight:
        return case if case.streams or weight <= 0 else _choose_streams(case)
    every = ladder.restart_every(terms.weights, comparison.MAX_RESTARTS)
    due = case.climbed > 0 and case.climbed % every == 0
    fresh = replace(
        case,
        errors=case.errors.restarted() if due else case.errors,
        latency=case.latency.restarted() if due else case.latency,
        rung=Totals(slow=(Split(),) * len(case.streams)),
        weight=weight,
        climbed=case.climbed + (weight > 0),
        health_errors=0.0,
        health_slow=0.0,
        rung_s=0.0,
        seen_s=0.0,
    )
    opened = fresh if case.errors.sums else replace(fresh, errors=fresh.errors.sized(len(comparison.ERRORS.ratios)))
    return opened if opened.streams or weight <= 0 else _choose_streams(opened)


def _choose_streams(case: Case) -> Case:
    """Choose the latency streams by the primary's past alone, once it is known."""
    streams = case.baseline.streams()
    if not streams:
        return case
    blank = (Split(),) * len(streams)
    return replace(
        case,
        streams=streams,
        latency=case.latency.sized(len(streams) * len(comparison.LATENCY.ratios)),
        whole=replace(case.whole, slow=blank),
        rung=replace(case.rung, slow=blank),
    )


def _reduce(terms: Terms, case: Case, look: Look) -> _Window:
    canary, primary = look.window.canary, look.window.primary
    errors = Split(tally_errors(canary), tally_errors(primary))
    slow = tuple(Split(tally_slow(canary, bound), tally_slow(primary, bound)) for bound in case.streams)
    return _Window(look, errors, slow, see(errors, look), _elapsed(terms, case, look))


def _elapsed(terms: Terms, case: Case, look: Look) -> float:
    """Let at most two intervals pass at a look and none backwards: a clock that jumps must not stand for data."""
    if case.at_s is None:
        return terms.interval_s
    passed = look.at_s - case.at_s
    return min(2 * terms.interval_s, max(0.0, passed)) if math.isfinite(passed) else 0.0


def see(errors: Split, look: Look) -> Sight:
    """Tell what a window allows to be seen, by the requests of both arms and the split that was asked."""
    if not errors.requests:
        return Sight.DARK
    if look.weight >= ladder.ALL:
        return Sight.ALONE if errors.canary.requests else Sight.NO_CANARY
    if not look.sticky and not look.synthetic and _lopsided(errors, look.weight / ladder.ALL):
        return Sight.LOPSIDED
    if not errors.canary.requests:
        return Sight.NO_CANARY
    return Sight.CLEAR if errors.primary.requests else Sight.NO_PRIMARY


def _lopsided(errors: Split, asked: float) -> bool:
    """Tell whether a split is impossible by chance: five standard errors and four times the odds away.

    A counter that comes back with its whole past, a half of the pods that is not scraped, or load on one arm alone
    show so.
    """
    requests, seen = errors.requests, errors.canary.requests
    if not 0 < asked < 1:
        return False
    far = abs(seen - requests * asked) > LOPSIDED_SIGMAS * math.sqrt(requests * asked * (1 - asked))
    odds = (seen * (1 - asked)) / max(asked * (requests - seen), 1e-9)
    return far and not 1 / LOPSIDED_ODDS <= odds <= LOPSIDED_ODDS


def _pass_time(case: Case, window: _Window) -> Case:
    seen = window.elapsed_s if window.sight.usable else 0.0
    return replace(
        case,
        rung_s=case.rung_s + window.elapsed_s,
        seen_s=case.seen_s + seen,
        baked_s=case.baked_s + seen,
    )


def _weigh(terms: Terms, case: Case, window: _Window) -> Case:
    """Add a window's evidence for and against the canary; one whose split is wrong only speaks to the guard."""
    limit = guard.limit_share(terms.allowed_errors, case.baseline.answers.share)
    guarded = replace(case, guard=case.guard.plus(window.errors, limit, window.elapsed_s))
    if window.sight is Sight.LOPSIDED:
        return guarded
    weighed = replace(
        guarded,
        errors=case.errors.plus(comparison.score(comparison.ERRORS, (window.errors,))),
        latency=case.latency.plus(comparison.score(comparison.LATENCY, window.slow)),
        whole=_sum(case.whole, case, window),
        rung=_sum(case.rung, case, window),
    )
    return _nurse(terms, weighed, window)


def _sum(totals: Totals, case: Case, window: _Window) -> Totals:
    primary = window.errors.primary
    share = primary.share if primary.requests else case.baseline.error_share()
    return Totals(
        errors=totals.errors.plus(window.errors),
        expected=totals.expected + window.errors.canary.requests * share,
        slow=tuple(old.plus(new) for old, new in zip(totals.slow, window.slow, strict=True)),
    )


def _nurse(terms: Terms, case: Case, window: _Window) -> Case:
    """Grow the health evidence by what the canary answered."""
    bounds = health.bounds_of(terms, case)
    slow = tally_slow(window.look.window.canary, bounds.slow_ms) if bounds.slow_ms else Tally()
    return replace(
        case,
        health_errors=health.grow(case.health_errors, window.errors.canary, bounds.errors, bounds.errors_delta),
        health_slow=health.grow(case.health_slow, slow, bounds.slow, bounds.slow_delta),
    )


def _learn(case: Case, window: _Window) -> Case:
    """Learn how the primary does from a window whose counts can be trusted."""
    look = window.look
    at = look.at_s if math.isfinite(look.at_s) else case.at_s
    if window.sight in {Sight.DARK, Sight.LOPSIDED}:
        return replace(case, at_s=at)
    streams = case.streams or case.baseline.streams()
    requests, usual = window.errors.requests, case.traffic
    traffic = requests if usual is None else usual + SMOOTHING * (requests - usual)
    return replace(
        case,
        at_s=at,
        baseline=baseline.learn(case.baseline, look.window.primary, streams),
        traffic=usual if look.synthetic else traffic,
    )
