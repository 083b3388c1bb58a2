"""Read what the catalog says about gates: how many approvals, for how long, and what becomes of one that expires."""

import enum
from dataclasses import dataclass

from webhooks.catalog.fields import Fields

_MAX_APPROVALS = 20


class OnExpiry(enum.Enum):
    """Name what happens when an approval, or the patience of a gate that waits for it, runs out."""

    CLOSE = "close"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class GateRule:
    """Say what a gate needs: `approvals` of different people, which hold for `expires_s` (0: for the whole release).

    `patience_s` is how long it waits for them (0: for ever).
    """

    approvals: int = 1
    expires_s: float = 0.0
    patience_s: float = 0.0
    on_expiry: OnExpiry = OnExpiry.CLOSE


def read_gates(fields: Fields) -> dict[str, GateRule]:
    """Read the rules of all gates by their names."""
    found: dict[str, GateRule] = {}

    def read(name: str, document: object) -> None:
        section = Fields(document, f"{fields.path}.{name}", fields.faults)
        found[name] = GateRule(
            approvals=section.integer("approvals", 1, 1, _MAX_APPROVALS),
            expires_s=section.seconds("expires", 0.0),
            patience_s=section.seconds("patience", 0.0),
            on_expiry=section.choice("onExpiry", OnExpiry.CLOSE),
        )
        section.close()

    fields.each(read)
    return found
