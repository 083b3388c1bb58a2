"""Say where traffic goes: the two arms, the split between them, and where home is.

The one rule to keep: traffic is never sent to an arm that has no ready endpoint.
"""

import enum
from dataclasses import dataclass
from datetime import timedelta

from workflows.rollout.phase import Phase

ALL = 100


class Arm(enum.Enum):
    """Name the two versions between which traffic is split."""

    PRIMARY = "primary"
    CANARY = "canary"


@dataclass(frozen=True, slots=True)
class Route:
    """Say how user traffic is split, in whole percents that sum to 100.

    `matched` restricts the canary's share to the requests that the A/B match picks; all others go to the primary.
    `mirrored` copies requests to the canary, whose answers nobody sees. `sticky` keeps users on their arm by cookie.
    """

    canary_percent: int = 0
    mirrored: bool = False
    matched: bool = False
    sticky: bool = False

    def __post_init__(self) -> None:
        """Refuse a share outside 0 to 100."""
        if not 0 <= self.canary_percent <= ALL:
            raise ValueError(f"canary_percent: {self.canary_percent} is not within 0 to 100")

    @property
    def primary_percent(self) -> int:
        """Give what is left for the primary."""
        return ALL - self.canary_percent

    def __str__(self) -> str:
        """Name the canary's share and what is special about it: `20, mirrored`."""
        marks = [name for name in ("mirrored", "matched", "sticky") if getattr(self, name)]
        return ", ".join([str(self.canary_percent), *marks])


@dataclass(frozen=True, slots=True)
class Readiness:
    """Say whether an arm can serve: `ready` is the owner's threshold, `endpoints` are what could take a request now.

    `unready_for` is how long the arm has missed its threshold without progress; zero when it is ready. An arm without
    endpoints is not ready, whatever its threshold.
    """

    ready: bool
    endpoints: int
    reason: str = ""
    unready_for: timedelta = timedelta()

    def __post_init__(self) -> None:
        """Withdraw a readiness that no endpoint stands for: a threshold of 0 percent is met by nobody at all."""
        if self.ready and not self.serving:
            object.__setattr__(self, "ready", False)
            object.__setattr__(self, "reason", self.reason or "no ready endpoint")

    @property
    def serving(self) -> bool:
        """Tell whether a request sent to this arm would find somebody."""
        return self.endpoints > 0


def home(phase: Phase, primary: Readiness, canary: Readiness) -> Arm | None:
    """Tell which arm all traffic belongs on when something breaks; None when neither arm can serve.

    The primary, but while it is being replaced (promoting, finalising) only once it is ready, since the canary has
    been proved and the new primary has not; never an arm without ready endpoints.
    """
    promoted = phase in {Phase.PROMOTING, Phase.FINALISING}
    wanted = Arm.CANARY if promoted and not primary.ready else Arm.PRIMARY
    spare = Arm.PRIMARY if wanted is Arm.CANARY else Arm.CANARY
    serving = {Arm.PRIMARY: primary.serving, Arm.CANARY: canary.serving}
    return next((arm for arm in (wanted, spare) if serving[arm]), None)


def route_home(arm: Arm) -> Route:
    """Send all traffic to one arm, with nothing mirrored, matched or sticky."""
    return Route(canary_percent=ALL if arm is Arm.CANARY else 0)
