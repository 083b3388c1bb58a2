"""Describe where queries are asked: an address, who asks, and what must never be shown.

Valid once it is built. The rule to keep: the address carries no secret; what a URL had of one is among the secrets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from workflows.errors import ConfigurationError

_MASK = "***"
_LEAST_SECRET = 4
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Hold what a provider is reached with; `interval` is the check's, `secrets` are the values of its Secret."""

    provider: str
    address: str
    interval: timedelta = timedelta(minutes=1)
    secrets: Mapping[str, str] = field(default_factory=lambda: _NONE)
    headers: Mapping[str, str] = field(default_factory=lambda: _NONE)
    region: str = ""
    verify_tls: bool = True

    def secret(self, key: str) -> str:
        """Give a value of the Secret; raises ConfigurationError when it is not there."""
        if not self.secrets.get(key):
            known = ", ".join(sorted(self.secrets)) or "nothing"
            raise ConfigurationError(f"provider {self.provider}: its Secret needs {key!r} and has {known}")
        return self.secrets[key]

    def mask(self, text: str) -> str:
        """Take the secrets out of a text."""
        hidden = [*self.secrets.values(), *self.headers.values()]
        for value in sorted(hidden, key=len, reverse=True):
            text = text.replace(value, _MASK) if len(value) >= _LEAST_SECRET else text
        return text


def at(provider: str, address: str) -> Endpoint:
    """Describe an endpoint by its address alone; a user in the URL becomes a secret."""
    parts = urlsplit(address)
    if not (parts.username or parts.password):
        return Endpoint(provider, address)
    clean = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    who = {"username": unquote(parts.username or ""), "password": unquote(parts.password or "")}
    return Endpoint(provider, clean, secrets=MappingProxyType(who))
