"""List the phases of a release, in Flagger's words."""

import enum


class Phase(enum.Enum):
    """Name where a release stands (Flagger: `status.phase`)."""

    INITIALIZING = "Initializing"
    INITIALIZED = "Initialized"
    WAITING = "Waiting"
    PROGRESSING = "Progressing"
    WAITING_PROMOTION = "WaitingPromotion"
    PROMOTING = "Promoting"
    FINALISING = "Finalising"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


ANALYSED = frozenset({Phase.PROGRESSING, Phase.WAITING_PROMOTION})
"""Phases in which the canary is judged."""

UNDER_WAY = ANALYSED | {Phase.WAITING, Phase.PROMOTING, Phase.FINALISING}
"""Phases in which a release has an owner; all others rest."""
