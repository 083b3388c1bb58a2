"""Name the objects of a release on Kubernetes, and hold what its plan says of them."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflows.rollout.plan import Analysis, RolloutPlan
from workflows.rollout.traffic import Arm


@dataclass(frozen=True, slots=True)
class Site:
    """Give the names, the port and the settings that routers write, from a plan."""

    plan: RolloutPlan

    @property
    def apex(self) -> str:
        """Name the service that users call, and most objects of a mesh."""
        return self.plan.service.name

    @property
    def primary(self) -> str:
        """Name the primary's service."""
        return self.service_of(Arm.PRIMARY)

    @property
    def canary(self) -> str:
        """Name the canary's service."""
        return self.service_of(Arm.CANARY)

    @property
    def namespace(self) -> str:
        """Name the namespace of the release."""
        return self.plan.namespace

    @property
    def port(self) -> int:
        """Give the port of all three services."""
        return self.plan.service.port

    @property
    def analysis(self) -> Analysis:
        """Give what the plan says of matches, mirrors and cookies."""
        return self.plan.analysis

    def service_of(self, arm: Arm) -> str:
        """Name an arm's service."""
        return f"{self.apex}-{arm.value}"

    def setting(self, name: str) -> Any:
        """Give a field of `spec.service` as it was written, without its nulls; None where it is absent."""
        return _without_nulls(self.plan.service.settings.get(name))

    def settings(self, *names: str) -> dict[str, Any]:
        """Give those of the fields of `spec.service` that are there and say something."""
        found = {name: self.setting(name) for name in names}
        return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def _without_nulls(value: Any) -> Any:
    match value:
        case Mapping():
            return {name: _without_nulls(item) for name, item in value.items() if item is not None}
        case list():
            return [_without_nulls(item) for item in value]
        case _:
            return copy.copy(value)
