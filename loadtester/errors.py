"""Name what can go wrong by what the caller does about it.

LoadError
├── PlanError       the user mends the plan or the command line     exit 104
├── EngineError     the engine process could not do its work        exit 98
└── ScriptError     the user's own Locust file is at fault          exit 107
"""

from collections.abc import Sequence


class LoadError(Exception):
    """Say what went wrong, where, the value and the way out; the root of this package's errors."""


class PlanError(LoadError):
    """Say what is wrong with a plan, one line for each fault, each with its path."""

    def __init__(self, faults: str | Sequence[str]) -> None:
        self.faults = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(self.faults))


class EngineError(LoadError):
    """Say why the engine could not make load or report on it."""


class ScriptError(LoadError):
    """Say what is wrong with the user's Locust file."""
