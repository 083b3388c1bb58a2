"""Say what one kind of router needs, can do and writes: pure, with the I/O left to `router`.

A dialect is a row of a table: the object that holds the split, how a split is written into it and read back from it,
the objects that must stand before it, and the one it is copied from where the user owns the original.
"""

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from workflows.cluster.kinds import Kind, Manifest
from workflows.cluster.ownership import Claim
from workflows.cluster.targets import Target
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes.site import Site


class Ability(enum.Enum):
    """Name what only some routers can do, by the field of `spec.analysis` that asks for it."""

    MATCH = "match"
    MIRROR = "mirror"
    STICKY = "sessionAffinity"


@dataclass(frozen=True, slots=True)
class Draft:
    """Hold what an object is written from: the split, the object there is, and the one to copy from.

    `target` is None when it is gone and the traffic only goes home. `claim` is the canary's on what is made.
    `token` makes the value of a new cookie.
    """

    site: Site
    route: Route
    claim: Claim
    found: Manifest | None = None
    source: Manifest | None = None
    target: Target | None = None
    token: Callable[[], str] = field(default=str)


@dataclass(frozen=True, slots=True)
class Companion:
    """Describe an object that must stand before the split is written."""

    kind: Kind
    name: str
    build: Callable[[Manifest | None], Manifest]


@dataclass(frozen=True, slots=True)
class Source:
    """Name the user's object that ours is copied from, and the reference of the plan that names it."""

    kind: Kind
    field: str
    optional: bool = False


def _apex(site: Site) -> str:
    return site.apex


def _none(_: object) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Write and read the split of one kind of router.

    `write` gives metadata and spec of the object (an annotation that is None is removed); `read` gives the split that
    an object holds. `objection` says what of a plan cannot be written, `pending` why a split is not in force yet;
    both are empty where all is well. `is_target` is set where the object is the plan's target itself.
    """

    kind: Kind
    write: Callable[[Draft], Manifest]
    read: Callable[[Site, Manifest], Route]
    companions: Callable[[Draft], Iterable[Companion]]
    abilities: frozenset[Ability] = frozenset()
    name: Callable[[Site], str] = _apex
    source: Source | None = None
    objection: Callable[[Site], str] = _none
    pending: Callable[[Manifest], str] = _none
    namespaced: bool = True
    is_target: bool = False

    def refusal(self, plan: RolloutPlan) -> str:
        """Say what a plan asks for beyond this router, empty where nothing is."""
        asked = {
            Ability.MATCH: bool(plan.analysis.match),
            Ability.MIRROR: plan.analysis.mirror_percent > 0,
            Ability.STICKY: plan.analysis.affinity is not None,
        }
        beyond = [ability.value for ability, wanted in asked.items() if wanted and ability not in self.abilities]
        if self.source and not self.source.optional and self.source.field not in plan.references:
            return f"spec.{self.source.field}: is missing; name the {self.source.kind.kind} that leads to the service"
        if beyond:
            return f"spec.analysis.{beyond[0]}: is beyond this provider; remove it, or use istio or gatewayapi:v1"
        return self.objection(Site(plan))
