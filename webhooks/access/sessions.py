"""Remember who has logged in, in a signed text that the browser keeps: it holds no token and no secret.

Whose session it is, is asked of the authority at every request; the text alone opens nothing.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

KEY_FILE = "session.key"
"""The file in the data folder with the key that signs, where no setting gives one."""

_KEY_BYTES = 32
_NAME_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Session:
    """Carry whom a browser belongs to, nobody where `identity` is empty, and until when (unix seconds)."""

    id: str
    identity: str
    until: float


def begin_session(identity: str, until: float) -> Session:
    """Give a session that no other browser has."""
    return Session(secrets.token_hex(16), identity, until)


@dataclass(frozen=True, slots=True)
class Signer:
    """Write sessions so that only we can have written them."""

    key: bytes

    @property
    def name(self) -> str:
        """Name the cookie: two services on one host must not take each other's."""
        return f"penstock_{hashlib.sha256(self.key).hexdigest()[:_NAME_SHOWN]}"

    def write(self, session: Session) -> str:
        """Write a session."""
        body = json.dumps([session.id, session.identity, session.until])
        return f"{base64.urlsafe_b64encode(body.encode()).decode()}.{self._sign('session', body)}"

    def read(self, text: str, now: float) -> Session | None:
        """Read a session; None for one that is over, or that is not ours."""
        body, _, signature = text.partition(".")
        try:
            plain = base64.b64decode(body.encode(), altchars=b"-_", validate=True).decode()
        except ValueError:
            return None
        if not hmac.compare_digest(self._sign("session", plain).encode(), signature.encode("utf-8", "replace")):
            return None
        session = Session(*json.loads(plain))
        return session if now < session.until else None

    def mark(self, session: Session) -> str:
        """Give the text that every form of a session's pages carries, which pages of other sites cannot know."""
        return self._sign("form", session.id)

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self.key, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()


def find_signer(key: str, folder: Path) -> Signer:
    """Give the signer of a key, or of the folder's own, which is made when missing; raises OSError."""
    if key:
        return Signer(key.encode())
    path = folder / KEY_FILE
    if not path.exists():
        fresh = folder / f"{KEY_FILE}.{secrets.token_hex(8)}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        # Of several that begin at once, one key stays.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(fresh)
        fresh.unlink()
    return Signer(path.read_bytes())
