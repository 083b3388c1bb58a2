"""Name what can go wrong by what the caller does about it.

PenstockError
├── ConfigurationError   the user mends a file or a flag      exit 78
├── TemporaryError       ask again later                      exit 75
│   ├── UnavailableError   a part of the platform is not there
│   └── ConflictError      somebody else wrote first: read and decide again
└── FencedError          another owner holds the release      exit 14
"""

import enum


class ExitCode(enum.IntEnum):
    """Tell a pipeline how a command ended."""

    PROMOTED = 0
    ROLLED_BACK = 10
    INCONCLUSIVE = 11
    REFUSED = 12
    FAILED = 13
    FENCED = 14
    TEMPORARY = 75
    CONFIGURATION = 78


class PenstockError(Exception):
    """Say what went wrong, where, the value and the way out; the root of this package's errors."""


class ConfigurationError(PenstockError):
    """Say what is wrong with a file, a flag or a setting; asking again will not help."""


class TemporaryError(PenstockError):
    """Say what did not work this time; the same call may work later."""


class UnavailableError(TemporaryError):
    """Say which part of the platform is not there or does not answer."""


class ConflictError(TemporaryError):
    """Say that an object changed between our look at it and our write: read it and decide again."""


class FencedError(PenstockError):
    """Say who holds the release instead of us."""
