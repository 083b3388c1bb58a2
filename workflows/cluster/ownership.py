"""Mark the objects that are made for a canary, and refuse those that were made by or for somebody else.

The rule to keep: an object that carries neither our mark nor Flagger's is never overwritten.
"""

from dataclasses import dataclass

from workflows.cluster.client import Cluster
from workflows.cluster.guard import find_canary
from workflows.cluster.kinds import CANARY, Kind, Manifest
from workflows.errors import ConfigurationError
from workflows.rollout.plan import RolloutPlan

MARK = "penstock.dev/canary"
"""The annotation that names the canary an object was made for."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Name the canary for which objects are made; `uid` is that of its object, empty where there is none."""

    canary: str
    uid: str = ""

    def mark(self, manifest: Manifest) -> Manifest:
        """Mark an object as made for this canary, so that it goes with it."""
        metadata = manifest["metadata"]
        metadata.setdefault("annotations", {})[MARK] = self.canary
        if self.uid:
            metadata["ownerReferences"] = [self._reference()]
        return manifest

    def _reference(self) -> Manifest:
        return {
            "apiVersion": CANARY.api_version,
            "kind": CANARY.kind,
            "name": self.canary,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }

    def check(self, kind: Kind, found: Manifest) -> None:
        """Raise ConfigurationError when an object was not made for this canary."""
        owner = owner_of(found)
        if owner == self.canary:
            return
        where = f"{kind.kind} {found['metadata']['name']} in {found['metadata']['namespace']}"
        if owner:
            raise ConfigurationError(
                f"{where}: made for canary {owner}, not for {self.canary}; let each canary have a target of its own"
            )
        raise ConfigurationError(
            f"{where}: not made for a canary, and would be overwritten; rename it, or hand it over with "
            f"the annotation {MARK}: {self.canary}"
        )


def owner_of(manifest: Manifest) -> str:
    """Name the canary an object was made for, by our mark or by Flagger's owner reference; empty for none."""
    metadata = manifest["metadata"]
    marked = (metadata.get("annotations") or {}).get(MARK, "")
    owners = (owner["name"] for owner in metadata.get("ownerReferences") or [] if owner["kind"] == CANARY.kind)
    return marked or next(owners, "")


def read_claim(cluster: Cluster, plan: RolloutPlan) -> Claim:
    """Read the Canary's object, where there is one, for the owner references of what is made for it."""
    found = find_canary(cluster, plan.namespace, plan.name)
    return Claim(plan.name, found["metadata"]["uid"] if found else "")
