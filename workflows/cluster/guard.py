"""Look whether Flagger's own controller drives a canary: then nobody else may.

The rule to keep: one driver at a time. Taking over and handing back are explicit (`penstock adopt`, `penstock
hand-back`); a Canary that is not in the cluster at all is driven by whoever has its file.
"""

from dataclasses import dataclass

from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CANARY, Manifest
from workflows.cluster.refusals import NotServedError
from workflows.errors import FencedError

ADOPTED = "penstock.dev/adopted"
"""The annotation on a Canary that Penstock drives: suspended for Flagger, not for us. Its value says since when."""

_FLAGGER = "flagger"


def driven_by_flagger(canary: Manifest) -> bool:
    """Tell whether Flagger's controller writes to this Canary and has not been told to stop."""
    if (canary.get("spec") or {}).get("suspend"):
        return False
    managers = {entry.get("manager") for entry in canary["metadata"].get("managedFields") or ()}
    # The hash of the spec is written by nobody but the controller, also where managedFields are stripped.
    return _FLAGGER in managers or bool((canary.get("status") or {}).get("lastAppliedSpec"))


def adopted(canary: Manifest) -> bool:
    """Tell whether a Canary was taken over with `penstock adopt`."""
    return ADOPTED in (canary["metadata"].get("annotations") or {})


def find_canary(cluster: Cluster, namespace: str, name: str) -> Manifest | None:
    """Read a Canary, None where there is none, or where the cluster knows no Canaries."""
    try:
        return cluster.get(CANARY, namespace, name)
    except NotServedError:
        return None


@dataclass(frozen=True, slots=True)
class Guard:
    """Refuse to write for a canary that Flagger drives, now or again."""

    cluster: Cluster
    namespace: str
    name: str

    def __call__(self) -> None:
        """Raise FencedError when Flagger's controller drives the canary."""
        canary = find_canary(self.cluster, self.namespace, self.name)
        if canary is None or not driven_by_flagger(canary):
            return
        where = f"canary/{self.name} -n {self.namespace}"
        if adopted(canary):
            raise FencedError(
                f"{where}: spec.suspend is off, so Flagger drives it again; we have stopped and move nothing more. "
                f"Take it back with `penstock adopt {where}`, or let go with `penstock hand-back {where}`"
            )
        raise FencedError(
            f"{where}: Flagger drives it (it is not suspended); take it over with `penstock adopt {where}`"
        )
