"""Write the queries that read a provider's counters for one plan, and tell whose each series of the answer is.

Pure. The rule to keep: both arms are asked for in one query, so that they are counted at the same moment.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from workflows.canary.exclusions import EXCLUDE_TRAFFIC, parse_exclusions
from workflows.errors import ConfigurationError
from workflows.metrics.series import Series
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.traffic import Arm

HELD = "5m"
"""How long a counter keeps its last value while its pod is not scraped (Prometheus' own look-back)."""

PARTS = ("kubernetes_pod_name", "pod", "instance")
"""The labels that name whoever counts, the first that is there."""

_NO_WORD = re.compile(r"\W")
_SUFFIX = "[0-9a-zA-Z]+"


@dataclass(frozen=True, slots=True)
class Revisions:
    """Name the revisions of a Knative service that are the two arms."""

    primary: str = ""
    canary: str = ""


@dataclass(frozen=True, slots=True)
class Queries:
    """Hold what is asked of a Prometheus, and the patterns by which the arms are told apart."""

    requests: str
    buckets: str
    newest: str
    label: str
    primary: re.Pattern[str] | None
    canary: re.Pattern[str]

    def arm(self, labels: Mapping[str, str]) -> Arm | None:
        """Tell whose a series is, None for neither's."""
        label = labels.get(self.label, "")
        if self.primary and self.primary.fullmatch(label):
            return Arm.PRIMARY
        return Arm.CANARY if self.canary.fullmatch(label) else None


def write_queries(series: Series, plan: RolloutPlan, revisions: Revisions) -> Queries:
    """Write the queries; raises ConfigurationError for an exclusion that cannot be read."""
    values = _values(plan, revisions)
    canary = series.canary.format_map(values)
    primary = None if series.primary is None else series.primary.format_map(values)
    either = canary if primary is None else f"{canary}|{primary}"
    arm = series.arm.format_map(values)
    fixed = [each.format_map(values) for each in series.selectors]
    picked = ",".join((*fixed, f'{arm}=~"{either}"', *exclude(plan.annotations)))
    timed = ",".join((picked, *series.timed))
    labels = ",".join(dict.fromkeys((*PARTS, arm)))
    return Queries(
        requests=f"sum by ({labels},{series.code}) (last_over_time({series.requests}{{{picked}}}[{HELD}]))",
        buckets=f"sum by ({labels},le) (last_over_time({series.buckets}{{{timed}}}[{HELD}]))",
        newest=f"max(timestamp({series.requests}{{{picked}}}))",
        label=arm,
        primary=None if primary is None else re.compile(primary),
        canary=re.compile(canary),
    )


def exclude(annotations: Mapping[str, str]) -> list[str]:
    """Give the matchers that leave traffic out, as of our own load; raises ConfigurationError for what is none."""
    try:
        excluded = parse_exclusions(annotations.get(EXCLUDE_TRAFFIC, ""))
    except ValueError as error:
        raise ConfigurationError(f"metadata.annotations.{EXCLUDE_TRAFFIC}: {error}") from error
    return [f'{label}!~"{pattern}"' for label, pattern in excluded]


def _values(plan: RolloutPlan, revisions: Revisions) -> Mapping[str, str]:
    ingress, route = plan.references.get("ingressRef"), plan.references.get("routeRef")
    names = {
        "namespace": plan.namespace,
        "target": plan.target.name,
        "service": plan.service.name,
        "ingress": ingress.name if ingress else plan.target.name,
        "route": route.name if route else plan.target.name,
        "primary_revision": revisions.primary,
        "canary_revision": revisions.canary,
    }
    # A dot is the one character of a name that a regular expression reads otherwise; [.] needs no escape in PromQL.
    literal = {key: name.replace(".", "[.]") for key, name in names.items()}
    # Skipper: what is no word character in a route's name is an underscore.
    words = {f"{key}_word": _NO_WORD.sub("_", name) for key, name in names.items()}
    pod = _SUFFIX if plan.target.kind == "DaemonSet" else f"{_SUFFIX}-{_SUFFIX}"
    return {**literal, **words, "kind": plan.target.kind.lower(), "pod": pod}
