"""Run a simulated release under the product's evidence judge and ladder, after five minutes of the primary alone."""

from random import Random

from judging.flagger import LONGEST_S, P99_LIMIT_MS, Run
from workflows.foresight.traffic import TICK_S, Traffic, draw_window
from workflows.rollout import ladder
from workflows.rollout.case import Case, Look
from workflows.rollout.evidence import observe
from workflows.rollout.state import Verdict
from workflows.rollout.terms import Mode, Terms

HISTORY_TICKS = 30


def terms_of(mode: Mode, weights: tuple[int, ...]) -> Terms:
    """Give the default terms, with the p99 limit that every rule here has."""
    return Terms(weights, mode, slow_limit_ms=P99_LIMIT_MS)


def learn(random: Random, traffic: Traffic, terms: Terms) -> Case:
    """Show the judge what went before the release."""
    case = Case()
    for tick in range(-HISTORY_TICKS, 0):
        at = tick * TICK_S
        window = draw_window(random, traffic, 0, at)
        case = observe(terms, case, Look(at + TICK_S, 0, window)).case
    return case


def release(random: Random, traffic: Traffic, terms: Terms) -> Run:
    """Run one release under the evidence judge."""
    case, at, failed, requests = learn(random, traffic, terms), 0.0, 0, 0
    weight = ladder.next_rung(terms.weights, 0, case.traffic) or terms.weights[0]
    while at < LONGEST_S:
        window = draw_window(random, traffic, weight, at)
        at += TICK_S
        failed, requests = failed + window.canary.errors, requests + window.canary.total
        finding = observe(terms, case, Look(at, weight, window))
        case = finding.case
        if finding.verdict is Verdict.FAILED:
            return Run("rolled back", at, failed, requests)
        if finding.stuck:
            return Run("paused", at, failed, requests)
        if finding.verdict is Verdict.PASSED:
            following = ladder.next_rung(terms.weights, weight, case.traffic)
            if following is None:
                return Run("promoted", at, failed, requests)
            weight = following
    return Run("paused", at, failed, requests)
