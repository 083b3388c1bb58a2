"""Read the secrets of a test where tests run, and hide their values in everything that a test leaves.

A value is hidden as it is and as JSON, URLs, HTML and base64 write it. Shorter ones than four characters are refused:
hiding them would hide half of every log, and tell them by what is missing.
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, quote_plus

from webhooks.catalog import Secret
from webhooks.errors import SecretError

HIDDEN = "***"
"""What stands in the place of a secret."""

REFERENCE = "secrets."
"""How the names of secrets begin in `${secrets.NAME}`."""

_SHORTEST = 4
_LONGEST = 4096


def read_secrets(secrets: Sequence[Secret], environ: Mapping[str, str]) -> dict[str, str]:
    """Give the values of secrets by name, but of those that the cluster hands over; raises SecretError."""
    return {one.name: _check(one, _read(one, environ)) for one in secrets if not one.secret}


def _read(one: Secret, environ: Mapping[str, str]) -> str:
    if one.variable:
        if one.variable not in environ:
            raise SecretError(f"secret {one.name}: the variable {one.variable} is not set where tests run")
        return environ[one.variable].strip()
    try:
        with Path(one.file).open(encoding="utf-8") as file:
            return file.read(2 * _LONGEST).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SecretError(f"secret {one.name}: the file {one.file} cannot be read ({reason})") from error


def _check(one: Secret, value: str) -> str:
    if not _SHORTEST <= len(value) <= _LONGEST:
        raise SecretError(f"secret {one.name}: has {len(value)} characters; {_SHORTEST} to {_LONGEST} can be hidden")
    if not value.isprintable():
        raise SecretError(f"secret {one.name}: has more than one line, or characters that cannot be printed")
    return value


def as_references(secrets: Mapping[str, str]) -> dict[str, str]:
    """Give secrets by the names under which requests refer to them."""
    return {REFERENCE + name: value for name, value in secrets.items()}


class Mask:
    """Hide some values."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = {form for value in values for form in _forms(value)}
        # The longest first, so that a value is never hidden in part because another begins like it.
        self._forms = sorted((form.encode() for form in forms), key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, self._forms)))

    def hide(self, text: str) -> str:
        """Give a text without the values."""
        return self.hide_bytes(text.encode(errors="replace")).decode() if self._forms else text

    def hide_bytes(self, content: bytes) -> bytes:
        """Give bytes without the values."""
        return self._pattern.sub(HIDDEN.encode(), content) if self._forms else content

    def hide_json(self, document: str) -> str:
        """Give a JSON document without the values in its texts; its numbers stay numbers."""
        return json.dumps(self._hide_inside(json.loads(document))) if self._forms and document else document

    def _hide_inside(self, document: object) -> object:
        match document:
            case str():
                return self.hide(document)
            case dict():
                return {self.hide(key): self._hide_inside(value) for key, value in document.items()}
            case list():
                return [self._hide_inside(value) for value in document]
            case _:
                return document

    def split(self, content: bytes) -> int:
        """Say up to where bytes can be judged while more are to come: no value goes on beyond that."""
        held = max((_overlap(content, form) for form in self._forms), default=0)
        place = len(content) - held
        ends = (found.end() for found in self._pattern.finditer(content) if found.start() < place < found.end())
        return next(ends, place) if self._forms else place


def _overlap(content: bytes, form: bytes) -> int:
    """Give how many of the last bytes are the beginning of a form, but not the whole of it."""
    longest = min(len(content), len(form) - 1)
    return next((size for size in range(longest, 0, -1) if content.endswith(form[:size])), 0)


class MaskedStream:
    """Hide values in bytes that come in pieces, also where a value lies in two of them."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._rest = b""

    def feed(self, piece: bytes) -> bytes:
        """Take in a piece and give what can be told."""
        content = self._rest + piece
        place = self._mask.split(content)
        self._rest = content[place:]
        return self._mask.hide_bytes(content[:place])

    def finish(self) -> bytes:
        """Give what was held back."""
        rest, self._rest = self._rest, b""
        return self._mask.hide_bytes(rest)


def _forms(value: str) -> set[str]:
    forms = {
        value,
        " ".join(value.split()),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        html.escape(value),
        html.escape(value, quote=False),
        base64.b64encode(value.encode()).decode().rstrip("="),
    }
    return {form for form in forms if len(form) >= _SHORTEST}
