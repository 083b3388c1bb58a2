"""Read `spec.analysis`: how a new revision is tried."""

from datetime import timedelta

from workflows.canary import affinity, checks, hooks, ladder, matches, providers
from workflows.canary.section import Section
from workflows.canary.templates import Templates
from workflows.rollout.plan import Analysis, RequestMatch, SessionAffinity, Strategy

_INTERVAL = timedelta(minutes=1)
_FLAGGERS_LEAST_INTERVAL = timedelta(seconds=10)


def read_analysis(
    analysis: Section,
    provider: str,
    namespace: str,
    templates: Templates,
) -> tuple[Strategy, Analysis]:
    """Give the strategy and the analysis with all defaults filled in."""
    match = _read_match(analysis, provider)
    iterations = ladder.read_iterations(analysis, provider)
    strategy = ladder.read_strategy(analysis, iterations, matched=bool(match))
    providers.check_abilities(analysis, provider, strategy)
    return strategy, Analysis(
        interval=_read_interval(analysis),
        threshold=_read_threshold(analysis),
        weights=ladder.read_weights(analysis, strategy),
        iterations=iterations,
        promotion_step=analysis.get("stepWeightPromotion", 0),
        mirror_percent=_read_mirror(analysis, strategy),
        primary_ready_percent=analysis.get("primaryReadyThreshold", 100),
        canary_ready_percent=analysis.get("canaryReadyThreshold", 100),
        match=match if strategy is Strategy.AB_TESTING else (),
        affinity=_read_affinity(analysis, strategy),
        checks=checks.read_checks(analysis, templates, namespace),
        hooks=hooks.read_hooks(analysis, strategy),
        alerts=hooks.read_alerts(analysis, namespace),
    )


def _read_match(analysis: Section, provider: str) -> tuple[RequestMatch, ...]:
    match = matches.read_matches(analysis)
    if match and provider == ladder.KUBERNETES:
        analysis.warn("match", "is dropped, since provider kubernetes cannot pick requests")
        return ()
    return match


def _read_interval(analysis: Section) -> timedelta:
    interval = analysis.get("interval", _INTERVAL)
    if interval < _FLAGGERS_LEAST_INTERVAL:
        analysis.warn("interval", "is below Flagger's least; Flagger would use 10s")
    return interval


def _read_threshold(analysis: Section) -> int:
    threshold = analysis.get("threshold", 1)
    if threshold < 1:
        analysis.warn("threshold", "is read as 1, as Flagger does; give at least 1")
    return max(threshold, 1)


def _read_mirror(analysis: Section, strategy: Strategy) -> float:
    if not analysis.get("mirror", False):
        if analysis.wrote("mirrorWeight"):
            analysis.warn("mirrorWeight", "is ignored without mirror: true")
        return 0
    if strategy is Strategy.AB_TESTING:
        analysis.warn("mirror", "is ignored, since an A/B test does not copy requests")
        return 0
    return analysis.get("mirrorWeight", 0) or ladder.ALL


def _read_affinity(analysis: Section, strategy: Strategy) -> SessionAffinity | None:
    found = affinity.read_affinity(analysis)
    if found and strategy is not Strategy.CANARY:
        analysis.warn("sessionAffinity", "is ignored, since only traffic that moves by weight needs it")
        return None
    return found
