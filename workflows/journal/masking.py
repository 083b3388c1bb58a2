"""Take secrets out of what is kept.

The one rule to keep: a value goes when its key looks like a secret's, and so does what a URL carries of one; nobody
can tell a secret by its value alone, so a secret under a harmless key stays.
"""

import re
from typing import Any

MASK = "***"
"""What stands in the place of a secret."""

_WORDS = "token|passw|passphrase|secret|credential|api[-_.]?key|access[-_.]?key|private[-_.]?key|authori[sz]ation"
_KEY = re.compile(rf"(?:{_WORDS}|last-applied-configuration|^(?:set-)?cookie$)", re.IGNORECASE)
_USER = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_QUERY = re.compile(rf"(?<=[?&])([^=&#\s]*(?:{_WORDS})[^=&#\s]*)=[^&#\s]+", re.IGNORECASE)


def mask_values(document: Any) -> Any:
    """Replace the texts and numbers whose key looks like a secret's, at any depth, and what URLs carry of secrets."""
    match document:
        case dict():
            return {key: MASK if _hides(key, item) else mask_values(item) for key, item in document.items()}
        case list():
            return [mask_values(item) for item in document]
        case _:
            return mask_texts(document)


def _hides(key: str, item: Any) -> bool:
    hideable = isinstance(item, str | int | float) and not isinstance(item, bool)
    return hideable and bool(_KEY.search(key))


def mask_texts(document: Any) -> Any:
    """Replace what the URLs in texts carry of secrets: a user with a password, and parameters such as `?token=`."""
    match document:
        case dict():
            return {key: mask_texts(item) for key, item in document.items()}
        case list():
            return [mask_texts(item) for item in document]
        case str():
            return _QUERY.sub(rf"\1={MASK}", _USER.sub(MASK, document))
        case _:
            return document
