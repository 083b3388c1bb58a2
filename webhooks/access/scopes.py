"""Say what may be done over the HTTP API and what a call needs.

The scope `admin` includes everything. Every scope includes `read`, but for `runner`: a test might steal it.
"""

import enum
from dataclasses import dataclass
from typing import Protocol


class Scope(enum.Enum):
    """Name what may be done."""

    READ = "read"
    RUN = "run"
    APPROVE = "approve"
    REPORT = "report"
    RUNNER = "runner"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Need:
    """Say what a call needs: a scope, and the namespace it is about (empty: all of them)."""

    scope: Scope
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """Say who calls and whether what is needed is allowed."""

    caller: str
    allowed: bool


class Authority(Protocol):
    """Know tokens."""

    def admit(self, token: str, need: Need) -> Admission | None:
        """Say whose token it is and whether it is good for what is needed; None when nobody's.

        Raises ClusterError when it cannot be said now.
        """
        ...

    def identify(self, token: str) -> str:
        """Give a text by which the token's owner is known again without it, empty when it is nobody's."""
        ...

    def admit_known(self, identity: str, need: Need) -> Admission | None:
        """Say as `admit` does for whom `identify` named; None once that token is no longer good."""
        ...


def covers(scopes: frozenset[Scope], needed: Scope) -> bool:
    """Tell whether scopes include the one that is needed."""
    looks = needed is Scope.READ and bool(scopes - {Scope.RUNNER})
    return looks or needed in scopes or Scope.ADMIN in scopes
