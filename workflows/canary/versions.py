"""Find the analysis in files of either version, and demand of each version what its resource definition demands."""

from workflows.canary.schema.resource import BETA
from workflows.canary.section import Section

_DEFAULTS = {"interval": "60s", "threshold": "1"}


def find_analysis(canary: Section) -> Section:
    """Give the analysis, noting one that is missing, given twice, or under its older name in a newer file."""
    spec = canary.section("spec")
    newer = canary.get("apiVersion", BETA) == BETA
    if not spec.wrote("canaryAnalysis"):
        _demand(spec, newer=newer)
        return spec.section("analysis")
    if spec.wrote("analysis"):
        spec.error("canaryAnalysis", "stands beside analysis, which replaces it; keep only analysis")
        return spec.section("analysis")
    if newer:
        message = "is the older name of analysis, which a cluster demands in v1beta1; rename it"
        spec.warn("canaryAnalysis", message)
    analysis = spec.section("canaryAnalysis")
    _demand_fields(analysis, strict=False)
    return analysis


def _demand(spec: Section, *, newer: bool) -> None:
    if spec.wrote("analysis"):
        _demand_fields(spec.section("analysis"), strict=newer)
    elif spec.present:
        spec.error("analysis" if newer else "canaryAnalysis", "is required and missing")


def _demand_fields(analysis: Section, *, strict: bool) -> None:
    """Demand what Flagger's resource definition does, but only remind older files of it."""
    for name, default in _DEFAULTS.items():
        if analysis.present and not analysis.wrote(name):
            if strict:
                analysis.error(name, "is required and missing")
            else:
                analysis.warn(name, f"is missing; {default} is used")
