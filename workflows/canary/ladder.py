"""Find out how traffic moves: the strategy, and the ladder of weights the canary climbs.

A ladder ends at `maxWeight` exactly; Flagger overshoots it when the steps do not divide it.
"""

import itertools

from workflows.canary.section import Section
from workflows.rollout.plan import Strategy

KUBERNETES = "kubernetes"
WAYS = ("stepWeight", "stepWeights", "iterations")
ALL = 100
_FORCED_ITERATIONS = 10
_ONE_OF = "give exactly one of stepWeight, stepWeights or iterations"


def climb(step: int, top: int) -> tuple[int, ...]:
    """List the weights from one step up to `top`, which is the last and never exceeded."""
    return (*range(step, top, step), top)


def read_iterations(analysis: Section, provider: str) -> int:
    """Give the number of iterations, 0 for a canary that moves by weight; notes a missing or ambiguous strategy."""
    given = [way for way in WAYS if analysis.wrote(way)]
    iterations = analysis.get("iterations", 0)
    if len(given) != 1:
        _note_ways(analysis, given)
        return iterations
    idle = iterations < 1 and not analysis.faulty(given[0])
    if idle and provider == KUBERNETES:
        forced = f"Flagger makes it {_FORCED_ITERATIONS} iterations of blue/green"
        analysis.warn(given[0], f"cannot be used with provider kubernetes, which has no weights; {forced}")
        return _FORCED_ITERATIONS
    if idle and given == ["iterations"]:
        analysis.error("iterations", "is no iteration at all; give at least 1, or a stepWeight instead")
    return iterations


def _note_ways(analysis: Section, given: list[str]) -> None:
    if given:
        analysis.error("", f"has {' and '.join(given)}; {_ONE_OF}")
    elif analysis.present:
        analysis.error("", f"names no way to move traffic, so Flagger would try for ever; {_ONE_OF}")


def read_strategy(analysis: Section, iterations: int, *, matched: bool) -> Strategy:
    """Choose the strategy as Flagger does: iterations with a match, iterations alone, or weights."""
    if iterations < 1:
        if matched:
            analysis.warn("match", "is ignored, since an A/B test needs iterations")
        return Strategy.CANARY
    return Strategy.AB_TESTING if matched else Strategy.BLUE_GREEN


def read_weights(analysis: Section, strategy: Strategy) -> tuple[int, ...]:
    """Give the ladder of weights, empty unless the strategy is canary."""
    if strategy is not Strategy.CANARY:
        if analysis.wrote("maxWeight"):
            analysis.warn("maxWeight", "is ignored, since iterations move all traffic at once")
        return ()
    if analysis.wrote("stepWeights"):
        return _listed(analysis)
    step = analysis.get("stepWeight", 0)
    top = _top(analysis)
    if step > top:
        analysis.warn("stepWeight", f"is above maxWeight, so the only step goes to {top}")
    return climb(step, top) if step else ()


def _top(analysis: Section) -> int:
    top = analysis.get("maxWeight", ALL)
    if top == 0:
        analysis.warn("maxWeight", "is read as 100, as Flagger does; remove it or give at least 1")
    return top or ALL


def _listed(analysis: Section) -> tuple[int, ...]:
    weights: tuple[int, ...] = analysis.get("stepWeights", ())
    if analysis.wrote("maxWeight"):
        analysis.warn("maxWeight", "is ignored, since the last of stepWeights is the highest weight")
    if analysis.written["stepWeights"] == []:
        analysis.error("stepWeights", "is empty; list the weights, such as [5, 20, 50]")
    if any(after <= before for before, after in itertools.pairwise(weights)):
        analysis.error("stepWeights", f"{list(weights)} does not rise at every step; list each weight once, in order")
    return weights
