"""Run the two versions as processes of the local platform.

The rule to keep: this side only writes wishes and reads sightings; the supervisor, who owns the processes, acts.
"""

import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from workflows.errors import ConfigurationError, TemporaryError, UnavailableError
from workflows.ports import Clock
from workflows.rollout.traffic import Arm, Readiness
from workflows.workloads import process_folder
from workflows.workloads.process_folder import ArmSighting, Wish

STALE_AFTER = timedelta(seconds=10)
"""A supervisor that has shown no sign of life for so long is taken for dead."""

_ALL = 100


class ProcessWorkload:
    """Run the two versions on the local platform; the percents are the shares of replicas that make an arm ready."""

    def __init__(
        self, directory: Path, clock: Clock, *, primary_ready_percent: int = _ALL, canary_ready_percent: int = _ALL
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._percent = {Arm.PRIMARY: primary_ready_percent, Arm.CANARY: canary_ready_percent}

    def initialise(self) -> None:
        """Take the platform over from whoever applies Deployments, and scale the target to zero once it can be."""
        process_folder.change_wish(self._directory, lambda wish: replace(_present(wish), adopted=True))
        if self.readiness(Arm.PRIMARY).ready:
            self.scale(Arm.CANARY, up=False)

    def revision(self) -> str:
        """Identify what the target asks for now."""
        return process_folder.read_wish(self._directory).target.template.revision

    def readiness(self, arm: Arm) -> Readiness:
        """Tell whether an arm can serve; one that still serves an older template is not ready."""
        wish, seen = process_folder.read_wish(self._directory), self._sighting(arm)
        wanted = wish.replicas(arm)
        if wanted == 0:
            return Readiness(ready=False, endpoints=0, reason="scaled to zero")
        serving = [replica for replica in seen.replicas if replica.serving]
        updated = sum(replica.revision == wish.template(arm).revision for replica in serving)
        if updated >= math.ceil(wanted * self._percent[arm] / _ALL) and updated == len(serving):
            return Readiness(ready=True, endpoints=len(serving))
        reason = f"{updated} of {wanted} replicas are ready" + (f": {seen.reason}" if seen.reason else "")
        return Readiness(
            ready=False, endpoints=len(serving), reason=reason, unready_for=timedelta(seconds=seen.unready_for_s)
        )

    def scale(self, arm: Arm, *, up: bool) -> None:
        """Ask for an arm's replicas, or for none."""

        def change(wish: Wish | None) -> Wish:
            if arm is Arm.PRIMARY:
                return replace(_present(wish), primary_up=up)
            return replace(_present(wish), canary_up=up)

        process_folder.change_wish(self._directory, change)

    def promote(self, revision: str) -> None:
        """Ask for the target's template on the primary; refuse when the target is no longer at that revision."""

        def change(wish: Wish | None) -> Wish:
            wish = _present(wish)
            current = wish.target.template.revision
            if current != revision:
                raise TemporaryError(f"target: at revision {current}, not {revision}; a newer release has begun")
            return replace(wish, primary=wish.target, primary_up=True)

        process_folder.change_wish(self._directory, change)

    def _sighting(self, arm: Arm) -> ArmSighting:
        sighting = process_folder.read_sighting(self._directory)
        if self._clock.now() - sighting.heartbeat > STALE_AFTER:
            raise UnavailableError(
                f"{self._directory}: supervisor {sighting.supervisor} shows no sign of life; start the platform with "
                f"`penstock local up`"
            )
        return sighting.of(arm)


def _present(wish: Wish | None) -> Wish:
    if wish is None:
        raise ConfigurationError("no Deployment was applied to this platform; start it with `penstock local up`")
    return wish
