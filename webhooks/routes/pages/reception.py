"""Receive visitors of the pages: know them by a session or by what a trusted proxy says, and let in who may.

A session is only a name: what its owner may do is asked of the authority at every request. Whatever changes something
must come from a form of our own.
"""

import hmac
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv6Address, ip_address
from urllib.parse import quote, urlsplit

from flask import Response, abort, g, request
from werkzeug.exceptions import MethodNotAllowed

from webhooks.access import Authority, Need, Scope
from webhooks.access.reviews import GROUP, PERMISSIONS, USER
from webhooks.access.sessions import Session, Signer, begin_session, find_signer
from webhooks.errors import StoreError
from webhooks.routes.api.schemas import RUN_ID
from webhooks.routes.bodies import text
from webhooks.routes.pages.rendering import render, render_problem
from webhooks.routes.paths import PAGES, Audience, Place, find_filter
from webhooks.settings import AuthMode, Network, Settings
from webhooks.store.records import Run

MARK_FIELD = "mark"
"""The field of every form that shows that the form is ours."""

LOGIN = "/ui/login"
"""Where visitors log in."""

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_ONE_RUN = ("/ui/runs/", "/ui/live/runs/")
_LASTS_S = 12 * 3600.0
_LONGEST_NAME = 200
_NOT_OURS = "this form is not one of ours, or its session is over: go back, load the page again, and repeat"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Carry who looks: `known` tells whether they are let in, `session` is their browser's."""

    name: str
    known: bool
    session: Session
    admits: Callable[[Need], bool]

    def may(self, scope: str, namespace: str = "") -> bool:
        """Tell whether they may do something, in a namespace or in all."""
        return self.admits(Need(Scope(scope), namespace))

    @property
    def logged_in(self) -> bool:
        """Tell whether there is a log-in to end."""
        return bool(self.session.identity)


class Reception:
    """Receive visitors."""

    def __init__(
        self,
        settings: Settings,
        authority: Authority | None,
        now: Callable[[], float],
        find_run: Callable[[str], Run | None],
    ) -> None:
        self.settings = settings
        self.authority = authority
        self.now = now
        self._find_run = find_run

    @cached_property
    def signer(self) -> Signer:
        """Give who signs sessions; the key is made when the first visitor comes."""
        try:
            return find_signer(self.settings.session_key, self.settings.data_dir)
        except OSError as error:
            raise StoreError(f"{self.settings.data_dir}: the key of sessions cannot be kept ({error})") from error

    def refuse(self, place: Place) -> Response | None:
        """Give the page for a visitor who is not let in, None for one who is; `g.visitor` says who it is."""
        if self._brings_no_cookie_yet():
            return render("again")
        visitor = g.visitor = self._recognise()
        g.caller, g.mark = visitor.name, self.signer.mark(visitor.session)
        if place.audience is Audience.VISITOR and not visitor.known:
            return _ask_to_log_in(place)
        if isinstance(request.routing_exception, MethodNotAllowed):
            return refuse_method(request.routing_exception.valid_methods or ())
        if place.changes and not self._comes_from_our_form():
            return render_problem(403, _NOT_OURS)
        return self._refuse_right(visitor, place) if place.audience is Audience.VISITOR else None

    def find_run_namespace(self) -> str:
        """Give the namespace of the run that a path names, empty where there is none."""
        run_id = str((request.view_args or {}).get("id", ""))
        run = self._find_run(run_id) if re.fullmatch(RUN_ID, run_id) else None
        return run.order.canary.namespace if run else ""

    def _refuse_right(self, visitor: Visitor, place: Place) -> Response | None:
        namespace = self._find_namespace(place)
        if visitor.admits(Need(place.scope, namespace)):
            return None
        of_cluster = visitor.session.identity.startswith(USER)
        where = f" in namespace {namespace}" if namespace else " in all namespaces" if of_cluster else ""
        told = f"{visitor.name or 'a stranger'} has no scope {place.scope.value}{where}"
        right = f"{' '.join(PERMISSIONS[place.scope])}.{GROUP}" if of_cluster else ""
        return render("rights", 403, told=told, right=right, scope=place.scope.value)

    def _find_namespace(self, place: Place) -> str:
        if request.path.startswith(_ONE_RUN):
            return self.find_run_namespace()
        named = (request.view_args or {}).get("namespace")
        if named is not None or place.changes:
            return str(named or "")
        return find_filter(request.path, request.args)

    def _brings_no_cookie_yet(self) -> bool:
        """Tell whether a link of another site led here: browsers then keep our cookie back until the next request."""
        from_elsewhere = request.headers.get("Sec-Fetch-Site") == "cross-site"
        return from_elsewhere and request.method == "GET" and self.signer.name not in request.cookies

    def _recognise(self) -> Visitor:
        session = self.signer.read(request.cookies.get(self.signer.name, ""), self.now())
        if session is None:
            session = begin_session("", self.now() + _LASTS_S)
            g.fresh_session = session
        named = self._name_of_proxy()
        if named:
            return Visitor(named, known=True, session=session, admits=self._admits_of_proxy)
        if self.authority is None:
            return Visitor("", not self.settings.proxy_user_header, session, self._admits_stranger)
        return self._recognise_session(self.authority, session)

    def _recognise_session(self, authority: Authority, session: Session) -> Visitor:
        def admits(need: Need) -> bool:
            admission = authority.admit_known(session.identity, need)
            return admission is not None and admission.allowed

        admission = authority.admit_known(session.identity, Need(Scope.READ)) if session.identity else None
        return Visitor(admission.caller if admission else "", admission is not None, session, admits)

    def _name_of_proxy(self) -> str:
        header = self.settings.proxy_user_header
        name = _read_name(request.headers.get(header, "")) if header else ""
        if name and not self.comes_by_proxy():
            abort(render_problem(403, f"{header} is believed from the networks of --proxy-from alone"))
        return name

    def _admits_of_proxy(self, need: Need) -> bool:
        granted = self.settings.proxy_scopes
        return need.scope.value in granted or Scope.ADMIN.value in granted or need.scope is Scope.READ

    def _admits_stranger(self, need: Need) -> bool:
        if need.scope is Scope.READ or self.settings.auth is AuthMode.OPEN:
            return True
        # A site whose name suddenly leads to this machine must not act in the name of who looks at it.
        return self.settings.on_loopback and urlsplit(f"//{request.host}").hostname in _LOOPBACK

    def _comes_from_our_form(self) -> bool:
        given = request.form.get(MARK_FIELD, "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), g.mark.encode()):
            return False
        origin = request.headers.get("Origin")
        if origin is None:
            return True
        host = request.headers.get("X-Forwarded-Host", "") if self.comes_by_proxy() else ""
        return urlsplit(origin).netloc in {request.host, host or request.host}

    def keep(self, response: Response, session: Session, now: float) -> None:
        """Have the browser keep a session; only over TLS where that is how it came."""
        forwarded = request.headers.get("X-Forwarded-Proto", "") if self.comes_by_proxy() else ""
        response.set_cookie(
            self.signer.name,
            self.signer.write(session),
            max_age=int(session.until - now),
            path="/ui",
            secure=request.is_secure or forwarded == "https",
            httponly=True,
            samesite="Strict",
        )

    def comes_by_proxy(self) -> bool:
        """Tell whether a proxy that is believed brought the request."""
        return _is_within(request.remote_addr, self.settings.proxy_from)


def refuse_method(allowed: Iterable[str]) -> Response:
    """Give the page for a method that a page does not take."""
    methods = ", ".join(sorted(allowed))
    response = render_problem(405, f"{request.path} does not take {request.method}; it takes {methods}")
    response.headers["Allow"] = methods
    return response


def _read_name(written: str) -> str:
    """Read a name of a header, which servers take for Latin-1: as UTF-8 where it is that."""
    with suppress(UnicodeError):
        written = written.encode("latin-1").decode()
    return written.strip()[:_LONGEST_NAME]


def _is_within(address: str | None, networks: tuple[Network, ...]) -> bool:
    try:
        known = ip_address(address or "")
    except ValueError:
        return False
    if isinstance(known, IPv6Address) and known.ipv4_mapped:
        known = known.ipv4_mapped
    return any(known in network for network in networks)


def _ask_to_log_in(place: Place) -> Response:
    if request.path.startswith("/ui/live/"):
        return text(401, "log in again\n")
    asked = _page_of_form() if place.changes else request.full_path.rstrip("?")
    there = f"{LOGIN}?next={quote(asked)}"
    if request.headers.get("HX-Request"):
        response = text(401, "log in again\n")
        response.headers["HX-Redirect"] = there
        return response
    return Response("", 303, {"Location": there})


def _page_of_form() -> str:
    """Give the page on which a form stood: what the browser says, or else the step before what was to be done."""
    said = urlsplit(request.headers.get("Referer", ""))
    if said.netloc == request.host and said.path.startswith(PAGES):
        return said.path
    return request.path.rpartition("/")[0]
