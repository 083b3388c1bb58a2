"""Explain a finding of the evidence judge in one sentence for people.

Intervals are Wilson's score intervals at 95 %, for one look and with the requests divided by the design effect of
clusters; they illustrate, the evidence decides.
"""

import math

from workflows.rollout.case import Case
from workflows.rollout.comparison import LATENCY, mean_power
from workflows.rollout.finding import Finding, Signal
from workflows.rollout.sizing import Missing, requests_missing, smallest_effect
from workflows.rollout.state import Verdict
from workflows.rollout.tally import Split, Tally
from workflows.rollout.terms import Terms

Z95 = 1.959964
MOST_SHOWN = 1e6


def interval(tally: Tally, design_effect: float = 1.0) -> tuple[float, float]:
    """Give Wilson's 95 % interval of a share (1927, no continuity correction); 0 to 1 without requests."""
    requests = tally.requests / max(1.0, design_effect)
    if requests <= 0:
        return 0.0, 1.0
    share, square = tally.share, Z95**2
    centre = (share + square / (2 * requests)) / (1 + square / requests)
    half = Z95 / (1 + square / requests) * math.sqrt(share * (1 - share) / requests + square / (4 * requests**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def explain(terms: Terms, finding: Finding) -> str:
    """Say which signal leads, both arms with counts and intervals, how strong the evidence is, and what would pass."""
    case = finding.case
    seen = f"{_describe(finding)}; evidence {_shorten(finding.scores.total)}"
    if finding.verdict is Verdict.FAILED:
        return f"{seen}, {terms.limit:g} rolls back; a pass needs it below {terms.doubt:g}"
    if finding.verdict is Verdict.PASSED:
        return f"{seen}, below {terms.doubt:g}: weight {case.weight} passed{_limit(terms, case)}"
    stuck = ", and waiting alone will not help" if finding.stuck else ""
    needs = _ask(requests_missing(terms, case))
    return f"{seen}, {terms.limit:g} rolls back; {finding.obstacle}{stuck}; {needs}{_limit(terms, case)}"


def _describe(finding: Finding) -> str:
    case = finding.case
    effect = case.baseline.error_dispersion.design_effect
    if finding.scores.leading is Signal.LATENCY and case.streams:
        place = _leading_stream(case)
        effect = case.baseline.slow_dispersion.design_effect
        return f"slower than {case.streams[place]:g} ms: {_compare(case.whole.slow[place], effect)}"
    errors = _compare(case.whole.errors, effect)
    if finding.scores.leading is Signal.GUARD:
        return f"5xx against the absolute limit: {errors}"
    return f"5xx: {errors}"


def _leading_stream(case: Case) -> int:
    width = len(LATENCY.ratios)
    means = [mean_power(case.latency.sums[at : at + width], 1.0) for at in range(0, len(case.latency.sums), width)]
    return means.index(max(means))


def _compare(split: Split, effect: float) -> str:
    return f"canary {_count(split.canary, effect)}, primary {_count(split.primary, effect)}"


def _count(tally: Tally, effect: float) -> str:
    if not tally.requests:
        return "no requests"
    low, high = interval(tally, effect)
    share = f"{100 * tally.share:.2f}%, Wilson 95% {100 * low:.2f} to {100 * high:.2f}%"
    return f"{tally.events:.0f} of {tally.requests:.0f} ({share})"


def _shorten(evidence: float) -> str:
    return f"{evidence:.3g}" if evidence < MOST_SHOWN else f"above {MOST_SHOWN:g}"


def _ask(missing: Missing) -> str:
    if missing.canary is None:
        return "no number of requests would show it well at these rates"
    if not missing.canary:
        return "no more requests are needed for its health"
    more = f" and {missing.primary} primary" if missing.primary else ""
    return f"about {missing.canary} more good canary{more} requests would show it well"


def _limit(terms: Terms, case: Case) -> str:
    effect = smallest_effect(terms, case)
    return "" if effect is None else f"; an error share of {100 * effect:.2g}% would have shown by now"
