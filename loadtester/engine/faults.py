"""Name what a client of a user's own file raised, in the classes that our own requests have."""

import errno
import socket
import ssl
import zlib
from collections.abc import Iterator

_KINDS = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "timeout",
}
_WORDS = (
    ("certificate", "certificate"),
    ("timed out", "timeout"),
    ("timeout", "timeout"),
    ("name or service not known", "name not resolved"),
    ("failed to resolve", "name not resolved"),
    ("refused", "refused"),
    ("reset", "reset"),
    ("aborted", "closed"),
    ("closed", "closed"),
    ("redirect", "redirect loop"),
    ("parse", "garbage"),
)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def class_of(error: BaseException, status: int) -> str:
    """Give the class that an error is counted under; `status` is the answer's, 0 without one."""
    for item in _chain(error):
        kind = _class_of_one(item)
        if kind:
            return kind
    if status >= 400:  # noqa: PLR2004 - HTTP's first error status
        return f"status {status}"
    text = str(error).lower()
    return next((kind for word, kind in _WORDS if word in text), type(error).__name__)


def _class_of_one(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate"
    if isinstance(error, socket.gaierror):
        return "name not resolved"
    if isinstance(error, (TimeoutError, zlib.error)):
        return "timeout" if isinstance(error, TimeoutError) else "garbage"
    return _KINDS.get(error.errno or 0, "") if isinstance(error, OSError) else ""
