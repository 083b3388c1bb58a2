"""Read the value of one setting from text and write it back; a reader raises ValueError that says what is allowed."""

import enum
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from webhooks.settings.values import Network

Choice = TypeVar("Choice", bound=enum.Enum)

_MAX_PORT = 65535
_ADDRESS = re.compile(r"^(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_PREFIX = re.compile(r"/[A-Za-z0-9._~-]{1,200}")
_TARGET = re.compile(
    r"(?:\*\.)?[A-Za-z0-9._-]+(?::[0-9]{1,5})?|[0-9A-Fa-f.:]+/[0-9]{1,3}|\[[0-9A-Fa-f:]+\](?::[0-9]{1,5})?"
)
_USERS = re.compile(r"(?:([1-9][0-9]{0,8})-([1-9][0-9]{0,8})|[a-z_][a-z0-9_-]{0,31}|[1-9][0-9]{0,8})")
_STORE = "postgresql://"
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,62}")
_SCOPES = ("read", "run", "approve", "admin")
_SHORTEST_KEY = 32
_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "0"})


def read_text(text: str) -> str:
    """Read a text that is not empty."""
    if not text.strip():
        raise ValueError("is empty")
    return text


def read_path(text: str) -> Path:
    """Read a path."""
    return Path(read_text(text))


def read_store(text: str) -> str:
    """Read where the store is; the text may hold a password and is never shown."""
    if not text.startswith(_STORE):
        raise ValueError(f"does not begin with {_STORE}")
    return text


def read_pattern(text: str) -> str:
    """Read a regular expression."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is not a regular expression ({error})") from error
    return text


def read_number(text: str) -> int:
    """Read a whole number that is not negative."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError("is not a whole number")
    return int(text)


def read_port(text: str) -> int:
    """Read a port."""
    if not (text.isascii() and text.isdigit()) or int(text) > _MAX_PORT:
        raise ValueError(f"is not a number within 0 to {_MAX_PORT}")
    return int(text)


def read_duration(text: str) -> float:
    """Read a duration in seconds, above 0."""
    match = _DURATION.fullmatch(text)
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if seconds <= 0:
        raise ValueError("is not a duration above 0; write 500ms, 8s, 5m or 1h")
    return seconds


def write_duration(seconds: float) -> str:
    """Write a duration so that it can be read again."""
    return f"{seconds:g}s"


def read_flag(text: str) -> bool:
    """Read yes or no."""
    if text.lower() not in _YES | _NO:
        raise ValueError("is neither true nor false")
    return text.lower() in _YES


def write_flag(value: bool) -> str:  # noqa: FBT001 - the value to write
    """Write yes or no."""
    return "true" if value else "false"


def choice(kind: type[Choice]) -> Callable[[str], Choice]:
    """Give the reader of an enum's values."""

    def read(text: str) -> Choice:
        try:
            return kind(text)
        except ValueError:
            raise ValueError(f"is unknown; known: {', '.join(str(one.value) for one in kind)}") from None

    return read


def read_prefix(text: str) -> str:
    """Read a path of one step, which is kept secret."""
    if not _PREFIX.fullmatch(text):
        raise ValueError("is not one step of a path, such as /a-long-random-text")
    return text


def read_key(text: str) -> str:
    """Read a key that signs log-ins."""
    if len(text) < _SHORTEST_KEY:
        raise ValueError(f"has {len(text)} characters, which can be guessed; give at least {_SHORTEST_KEY} random ones")
    return text


def read_header(text: str) -> str:
    """Read the name of a header."""
    if not _HEADER.fullmatch(text):
        raise ValueError("is not the name of a header, such as X-Forwarded-User")
    return text


def read_scopes(text: str) -> tuple[str, ...]:
    """Read scopes that commas or spaces set apart."""
    items = tuple(_items(text))
    for item in items:
        if item not in _SCOPES:
            raise ValueError(f"has {item!r}, which is unknown; known: {', '.join(_SCOPES)}")
    return items


def _items(text: str) -> list[str]:
    return text.replace(",", " ").split()


def read_users(text: str) -> str:
    """Read a user, by name or number, or a range of numbers."""
    match = _USERS.fullmatch(text)
    if match is None or (match[1] and int(match[1]) > int(match[2])):
        raise ValueError("is not a user: write NAME, UID or FIRST-LAST, such as 70000-70015")
    return text


def read_networks(text: str) -> tuple[Network, ...]:
    """Read networks that commas or spaces set apart."""
    try:
        return tuple(ip_network(item) for item in _items(text))
    except ValueError as error:
        raise ValueError(f"is not a list of networks such as 10.0.0.0/8 ({error})") from error


def read_targets(text: str) -> tuple[str, ...]:
    """Read hosts, *.domains and networks that tests may go to, with a port or without."""
    items = tuple(item.lower() for item in _items(text))
    for item in items:
        if not _TARGET.fullmatch(item):
            raise ValueError(f"has {item!r}, which is no HOST, HOST:PORT, *.DOMAIN or NETWORK/BITS")
    return items


def write_items(items: tuple[object, ...]) -> str:
    """Write a list."""
    return ",".join(map(str, items))


def read_pairs(text: str) -> Mapping[str, str]:
    """Read `host:port=host:port` pairs that commas or spaces set apart."""
    pairs: dict[str, str] = {}
    for item in _items(text):
        asked, separator, instead = item.partition("=")
        if not separator or not (_is_address(asked) and _is_address(instead)):
            raise ValueError(f"{item!r} is not HOST:PORT=HOST:PORT, such as ad-canary.weather:80=127.0.0.1:9001")
        pairs[asked.lower()] = instead
    return MappingProxyType(pairs)


def write_pairs(pairs: Mapping[str, str]) -> str:
    """Write pairs."""
    return ",".join(f"{asked}={instead}" for asked, instead in pairs.items())


def _is_address(text: str) -> bool:
    return bool(_ADDRESS.match(text)) and int(text.rpartition(":")[2]) <= _MAX_PORT
