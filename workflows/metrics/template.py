"""Fill in a query's placeholders as Flagger does: `{{ target }}`, `{{ interval }}`, `{{ variables.x }}`.

Pure. The rule to keep: a placeholder that nobody can fill is an error that lists the known ones, never an empty text.
"""

import re
from collections.abc import Mapping
from datetime import timedelta

from workflows.errors import ConfigurationError
from workflows.rollout.plan import Check, RolloutPlan

_PLACEHOLDER = re.compile(r"\{\{-?(.*?)-?\}\}", re.DOTALL)
_VARIABLES = "variables."


def render(check: Check, plan: RolloutPlan) -> str:
    """Fill in a check's query; raises ConfigurationError for an unknown placeholder."""
    known = _values(check, plan)
    return _PLACEHOLDER.sub(lambda found: _fill(found[1].strip(), known, check), check.query)


def format_interval(interval: timedelta) -> str:
    """Write a duration for a range selector: whole seconds, else milliseconds (Prometheus knows no fractions)."""
    milliseconds = round(interval.total_seconds() * 1000)
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


def _values(check: Check, plan: RolloutPlan) -> Mapping[str, str]:
    ingress, route = plan.references.get("ingressRef"), plan.references.get("routeRef")
    return {
        "name": plan.name,
        "namespace": plan.namespace,
        "target": plan.target.name,
        "service": plan.service.name,
        "ingress": ingress.name if ingress else plan.target.name,
        "route": route.name if route else plan.target.name,
        "interval": format_interval(check.interval),
        **{_VARIABLES + name: value for name, value in check.variables.items()},
    }


def _fill(placeholder: str, known: Mapping[str, str], check: Check) -> str:
    # Go's templates take a leading dot for a field; both spellings are met in the wild.
    value = known.get(placeholder.removeprefix("."))
    if value is None:
        raise ConfigurationError(
            f"spec.analysis.metrics: {check.name}: query: unknown placeholder {{{{ {placeholder} }}}}; known: "
            f"{', '.join(sorted(known))}, and what templateVariables name"
        )
    return value
