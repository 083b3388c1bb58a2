"""Say where a test may go: to services of its canary, to what --resolve and --allow-targets name, and nowhere else.

What a name means in the end is checked again by whoever connects (webhooks/checks/addresses.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from types import MappingProxyType
from urllib.parse import urlsplit

from webhooks.checks.addresses import is_forbidden
from webhooks.store.records import CanaryName

_SERVICES = ("", "-canary", "-primary")
_ENDINGS = ("", ".svc", ".svc.cluster.local")


@dataclass(frozen=True, slots=True)
class TargetPolicy:
    """Hold what the operator allows besides the canary's services."""

    resolve: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    allowed: tuple[str, ...] = ()

    def find_fault(self, url: str, canary: CanaryName) -> str:
        """Say why a test may not go to a URL, empty when it may."""
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if _is_forbidden_literal(host):
            return f"{host} is an address of the machine's own network, where no test may go"
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if address in self.resolve or host in _services(canary):
            return ""
        if any(_matches(allowed, host, address) for allowed in self.allowed):
            return ""
        return f"{host} is no service of {canary}; allow it with --allow-targets {host}"


def _services(canary: CanaryName) -> frozenset[str]:
    return frozenset(
        f"{canary.name}{service}.{canary.namespace}{ending}" for service in _SERVICES for ending in _ENDINGS
    )


def _is_forbidden_literal(host: str) -> bool:
    try:
        return is_forbidden(ip_address(host))
    except ValueError:
        return False


def _matches(allowed: str, host: str, address: str) -> bool:
    if "/" in allowed:
        try:
            return ip_address(host) in ip_network(allowed)
        except ValueError:
            return False
    if allowed.startswith("*."):
        return host.endswith(allowed[1:])
    return allowed.strip("[]") == host or allowed == address
