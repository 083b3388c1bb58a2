"""Keep bearer tokens in a file, one line each: name, scopes, salt, salted SHA-256, and perhaps the day it ends.

A token is 256 random bits, so a fast hash is enough: there is nothing to guess. Several lines may have one name, so
that a token can be replaced without a gap. The file is read again when it changes; a faulty version is refused.
"""

import hashlib
import hmac
import logging
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from webhooks.access.scopes import Admission, Need, Scope, covers
from webhooks.errors import SettingsError

_log = logging.getLogger("penstock.access")
_PREFIX = "pst_"
_RANDOM_BYTES = 32
_SALT_BYTES = 16
_MARK = 32
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SALT = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._-]{0,62}")
_FIELDS = (4, 5)
_LONGEST_FILE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """Carry one line of the file; `until` is unix seconds, 0 is for ever."""

    name: str
    scopes: frozenset[Scope]
    salt: str
    digest: str
    until: float = 0.0

    def matches(self, token: str) -> bool:
        """Tell whether a token is this one, in a time that says nothing about either."""
        return hmac.compare_digest(_digest(self.salt, token), self.digest)

    @property
    def mark(self) -> str:
        """Give a text that names the line and says nothing of the token, not even its digest."""
        return "line:" + hashlib.sha256(f"{self.name} {self.salt} {self.digest}".encode()).hexdigest()[:_MARK]


def _digest(salt: str, token: str) -> str:
    return hashlib.sha256(f"{salt}:{token}".encode("utf-8", "replace")).hexdigest()


def make_token(name: str, scopes: frozenset[Scope], until: str = "") -> tuple[str, str]:
    """Give a new token and its line for the file; raises SettingsError for a name or a day that is none."""
    if not _NAME.fullmatch(name):
        raise SettingsError(f"name: {name[:80]!r} is not at most 63 letters, digits, '@', '.', '_' and '-'")
    if until:
        _read_day(until)
    token, salt = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES), secrets.token_hex(_SALT_BYTES)
    named = ",".join(sorted(scope.value for scope in scopes))
    return token, " ".join(filter(None, (name, named, salt, _digest(salt, token), until)))


def read_scopes(text: str) -> frozenset[Scope]:
    """Read scopes that commas set apart; raises SettingsError that lists the known."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = {scope.value: scope for scope in Scope}
    for name in names:
        if name not in known:
            raise SettingsError(f"scopes: {name[:80]!r} is unknown; known: {', '.join(known)}")
    if not names:
        raise SettingsError(f"scopes: there is none; known: {', '.join(known)}")
    return frozenset(known[name] for name in names)


def _read_day(text: str) -> float:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise SettingsError(f"until: {text[:80]!r} is not a day such as 2027-12-31") from error


def read_entry(line: str) -> TokenEntry:
    """Read one line of the file; raises SettingsError."""
    parts = line.split()
    if len(parts) not in _FIELDS or not _SALT.fullmatch(parts[2]) or not _DIGEST.fullmatch(parts[3]):
        raise SettingsError("not NAME SCOPES SALT DIGEST [UNTIL]; make a line with: penstock token NAME --file FILE")
    until = _read_day(parts[4]) if len(parts) == _FIELDS[1] else 0.0
    return TokenEntry(parts[0], read_scopes(parts[1]), parts[2], parts[3], until)


def _read_entries(path: Path) -> tuple[TokenEntry, ...]:
    found = []
    try:
        lines = path.read_text(encoding="utf-8")[:_LONGEST_FILE].splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        way_out = "make one with: penstock token NAME --file FILE"
        raise SettingsError(f"tokens: {path} cannot be read ({reason}); {way_out}") from error
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                found.append(read_entry(line))
            except SettingsError as error:
                raise SettingsError(f"tokens: {path}: line {number}: {error}") from error
    return tuple(found)


class TokenFile:
    """Know the tokens of a file; raises SettingsError when its first version is faulty."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        self._path = path
        self._now = now
        self._lock = threading.Lock()
        self._stamp = self._look()
        self._entries = _read_entries(path)

    def admit(self, token: str, need: Need) -> Admission | None:
        """Say whose token it is; every line is compared, so that the time does not tell which one matched."""
        return self._admit([entry for entry in self._current() if entry.matches(token)], need)

    def identify(self, token: str) -> str:
        """Give the mark of the token's line."""
        valid = self._valid([entry for entry in self._current() if entry.matches(token)])
        return valid[0].mark if valid else ""

    def admit_known(self, identity: str, need: Need) -> Admission | None:
        """Say what the line with a mark is good for."""
        return self._admit([entry for entry in self._current() if entry.mark == identity], need)

    def _admit(self, matching: list[TokenEntry], need: Need) -> Admission | None:
        valid = self._valid(matching)
        if not valid:
            return None
        return Admission(valid[0].name, any(covers(entry.scopes, need.scope) for entry in valid))

    def _valid(self, matching: list[TokenEntry]) -> list[TokenEntry]:
        now = self._now()
        return [entry for entry in matching if not entry.until or now < entry.until]

    def _current(self) -> tuple[TokenEntry, ...]:
        with self._lock:
            stamp = self._look()
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    self._entries = _read_entries(self._path)
                except SettingsError:
                    _log.exception("the tokens stay as they were")
            return self._entries

    def _look(self) -> object:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_size, status.st_ino)
