"""Refuse names that would mean something else inside a manifest."""

import re

from workflows.errors import ConfigurationError
from workflows.rollout.plan import RolloutPlan

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def check(plan: RolloutPlan) -> None:
    """Raise ConfigurationError for a canary or namespace that is not a Kubernetes name (RFC 1123)."""
    for place, name in (("metadata.name", plan.name), ("metadata.namespace", plan.namespace)):
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"{place}: {name!r} is not a name that can stand in a manifest; use lower case letters, digits, - and ."
            )
