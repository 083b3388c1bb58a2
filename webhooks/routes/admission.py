"""Let in who belongs: people by their token, hooks by where they come from and by what their Canary lists.

Runs before every route, so that a new one is guarded without having to think of it.
"""

import hmac
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from webhooks.access import Authority, Need
from webhooks.access.readback import ReadBack
from webhooks.errors import ClusterError
from webhooks.protocol import PayloadError, one_line
from webhooks.routes.bodies import read_payload
from webhooks.routes.faults import fault
from webhooks.routes.pages.reception import Reception
from webhooks.routes.paths import Audience, Place, find_filter
from webhooks.settings import AuthMode, Settings, VerifyMode

_log = logging.getLogger("penstock.access")
_PREFIXED = "penstock.prefixed"
_BEARER = "bearer "

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Guard:
    """Hold what decides who is let in: settings, who knows tokens, reads Canaries back and receives visitors."""

    settings: Settings
    authority: Authority | None = None
    read_back: ReadBack | None = None
    reception: Reception | None = None

    def refuse(self) -> Response | None:
        """Give the answer for a request that is not let in, None for one that is."""
        g.caller, g.listed = "", None
        place: Place = g.place
        match place.audience:
            case Audience.PLATFORM:
                return None
            case Audience.PEOPLE:
                return self._refuse_person(place)
            case Audience.VISITOR | Audience.ENTRANCE:
                return self.reception.refuse(place) if self.reception else fault(404, "there are no pages here")
            case Audience.CONTROLLER:
                return self._refuse_hook(place)

    def _refuse_person(self, place: Place) -> Response | None:
        if self.settings.auth is AuthMode.OPEN:
            return None
        if self.authority is None:
            return self._refuse_stranger(place)
        token = _bearer_token()
        need = Need(place.scope, self._find_namespace(place))
        admission = self.authority.admit(token, need) if token else None
        if admission is None:
            response = fault(
                401, "no valid token; send Authorization: Bearer TOKEN (penstock ... reads PENSTOCK_TOKEN)"
            )
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        if not admission.allowed:
            where = f" in namespace {need.namespace}" if need.namespace else ""
            return fault(403, f"{admission.caller} has no scope {place.scope.value}{where}")
        g.caller = admission.caller
        return None

    def _find_namespace(self, place: Place) -> str:
        if self.reception and request.path.startswith("/api/v1/runs/"):
            return self.reception.find_run_namespace()
        return _namespace(place)

    def _refuse_stranger(self, place: Place) -> Response | None:
        if not place.changes:
            return None
        if not self.settings.on_loopback:
            return fault(
                403, "nothing is changed for strangers here; start the service with --tokens FILE or --auth kubernetes"
            )
        origin = request.headers.get("Origin", "")
        if origin and urlsplit(origin).netloc != request.host:
            return fault(403, "a page of another site asked for this; it is refused")
        return None

    def _refuse_hook(self, place: Place) -> Response | None:
        if self.settings.path_prefix and not request.environ.get(_PREFIXED):
            return fault(404, "nothing is here")
        if self.settings.allow_from and not self._comes_from_ours():
            return fault(403, f"no hook is taken from {request.remote_addr}; --allow-from lists who may send one")
        if self.read_back is None:
            return None
        return self._refuse_forged(self.read_back, place)

    def _comes_from_ours(self) -> bool:
        try:
            address = ip_address(request.remote_addr or "")
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self.settings.allow_from)

    def _refuse_forged(self, read_back: ReadBack, place: Place) -> Response | None:
        enforced = self.settings.verify_hooks is VerifyMode.ENFORCE
        found = ""
        try:
            verified = read_back.verify(place.hook, request.script_root + request.path, read_payload())
            found, g.listed = verified.fault, verified.listed
        except PayloadError:
            # A route says best what is wrong with a body, and starts nothing with one that cannot be read.
            return None
        except ClusterError as error:
            if enforced:
                raise
            found = str(error)
        if not found:
            return None
        _log.warning("hook not verified path=%s fault=%r refused=%s", request.path, found, enforced)
        return fault(403, one_line(f"not verified: {found}")) if enforced else None


def _bearer_token() -> str:
    header = request.headers.get("Authorization", "")
    return header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else ""


def _namespace(place: Place) -> str:
    named = (request.view_args or {}).get("namespace")
    if named is not None:
        return str(named)
    if place.asks:
        # Whoever names the canary elsewhere than here asks of all namespaces.
        return request.args.get("canary", "").rpartition(".")[2]
    if request.path.startswith(("/api/", "/runner/")):
        return "" if place.changes else find_filter(request.path, request.args)
    try:
        return read_payload().namespace
    except PayloadError:
        return ""


def register(app: Flask, guard: Guard) -> None:
    """Have the app let in nobody else."""
    app.before_request(guard.refuse)
    if guard.settings.path_prefix:
        app.wsgi_app = _strip_prefix(app.wsgi_app, guard.settings.path_prefix)  # type: ignore[method-assign,assignment] # Flask's own way


def _strip_prefix(inner: Wsgi, prefix: str) -> Wsgi:
    wanted = prefix.encode()

    def answer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        step = path[: len(prefix)].encode("utf-8", "replace")
        if hmac.compare_digest(step, wanted) and path[len(prefix) : len(prefix) + 1] in {"/", ""}:
            environ["SCRIPT_NAME"] = str(environ.get("SCRIPT_NAME", "")) + prefix
            environ["PATH_INFO"] = path[len(prefix) :] or "/"
            environ[_PREFIXED] = True
        return inner(environ, start)

    return answer
