"""Show releases: a list to page through, and one release with its chart, its checks, its gates and its journal."""

import hashlib
from dataclasses import dataclass

from flask import Blueprint, Response, abort, current_app, request

from webhooks.access.readback import ReadBack
from webhooks.errors import ClusterError
from webhooks.gates import ROLLBACK_GATE, GateDecision
from webhooks.hooks import HookService
from webhooks.live import Event, Glance, Hub
from webhooks.protocol import PayloadError
from webhooks.releases import Measured, ReleaseService
from webhooks.routes.api.gates import read_gate_of, read_lasts
from webhooks.routes.api.releases import ReleaseViews, read_name, read_place
from webhooks.routes.api.requests import require, write, write_cursor
from webhooks.routes.api.schemas import NAME
from webhooks.routes.pages.forms import read_form
from webhooks.routes.pages.measurements import Measurements
from webhooks.routes.pages.release_story import ReleaseFeed, ReleaseStory, describe, limit, show_points
from webhooks.routes.pages.rendering import SANDBOX, render
from webhooks.routes.pages.streams import address, stream
from webhooks.store.records import CanaryName, GateState
from webhooks.store.releases import Release, ReleaseQuery

READ_BACK = "penstock.readback"
"""The name of who reads Canaries back among the extensions of the app."""

_ON_A_PAGE = 50
_LAST = 2**53


@dataclass(frozen=True, slots=True)
class ReleasesFeed:
    """Tell when the first page of the list has changed."""

    releases: ReleaseService
    namespace: str

    def look(self, position: str) -> Glance:
        """Look at the first page."""
        found = self.releases.page(ReleaseQuery(namespace=self.namespace, limit=_ON_A_PAGE))
        shown = [(one.canary, one.id, one.phase, one.weight, one.failed_checks, one.ending) for one in found]
        now = hashlib.blake2s(repr(shown).encode("utf-8", "replace"), digest_size=8).hexdigest()
        return Glance(now, (Event("changed"),) if position not in {"", now} else ())


@dataclass(frozen=True, slots=True)
class Showing:
    """Hold what keeps open pages up to date, and who knows measurements that nobody reports."""

    hub: Hub
    measurements: Measurements


class ReleasePages:
    """Show releases."""

    def __init__(self, service: HookService, showing: Showing) -> None:
        self._service = service
        self._measurements = showing.measurements
        self._views = ReleaseViews(service.releases, service.store.reports)
        self._hub = showing.hub

    def list_releases(self) -> Response:
        """Show a page of the list: what is under way, then the newest."""
        fault, found, namespace = "", tuple[Release, ...](), ""
        try:
            namespace, place = request.args.get("namespace", "").strip(), read_place()
            if namespace:
                require(NAME, "namespace", namespace)
            found = self._service.releases.page(ReleaseQuery(namespace, before=place, limit=_ON_A_PAGE))
        except PayloadError as error:
            fault = str(error)
        first = "cursor" not in request.args and not fault
        return render(
            "releases",
            400 if fault else 200,
            releases=found,
            describe=describe,
            silent=self._service.releases.is_silent,
            following=write_cursor(*found[-1].place) if len(found) == _ON_A_PAGE else "",
            namespace=namespace,
            first=first,
            fault=fault,
            live=address(f"releases/{namespace}", self._feed_of_list(namespace)) if first else "",
        )

    def show_release(self, namespace: str, name: str, id: str) -> Response:  # noqa: A002 - the name in the path
        """Show one release."""
        canary = read_name(namespace, name, id)
        feed = ReleaseFeed(self._service, self._measurements, canary, id)
        live = address(f"releases/{namespace}/{name}/{id}", feed)
        release = self._find(canary, id)
        measured = self._measurements.recall(release)
        release = limit(release, measured)
        return render(
            "release",
            story=ReleaseStory(self._service, release, measured),
            measured=bool(measured.points),
            release=release,
            headline=describe(release),
            silent=self._service.releases.is_silent(release),
            seen=_read_back(release),
            rollback=ROLLBACK_GATE,
            done=request.args.get("done", ""),
            live=live,
            there=f"/ui/releases/{namespace}/{name}/{id}",
        )

    def show_points(self, namespace: str, name: str, id: str) -> Response:  # noqa: A002 - as above
        """Give points of the chart, a bounded number that follow a sequence."""
        canary = read_name(namespace, name, id)
        text = request.args.get("after", "0")
        after = min(int(text), _LAST) if text.isascii() and text.isdigit() and len(text) <= len(str(_LAST)) else 0
        release = self._find(canary, id)
        return write(show_points(self._service, release, self._measurements.recall(release), after))

    def show_journal(self, namespace: str, name: str, id: str) -> Response:  # noqa: A002 - as above
        """Give the journal to keep."""
        release = self._find(read_name(namespace, name, id), id)
        if not ReleaseStory(self._service, release, Measured()).has_journal:
            abort(404, "its journal was not sent: penstock run --journal FILE --report-to URL sends it")
        response = self._views.read_journal(namespace, name, id)
        response.headers["Content-Security-Policy"] = SANDBOX
        return response

    def approve(self, namespace: str, name: str, id: str, gate: str) -> Response:  # noqa: A002 - as above
        """Open a gate of the release: let it pass, or roll it back where that is the gate."""
        return self._say((namespace, name, id), gate, GateState.OPEN)

    def halt(self, namespace: str, name: str, id: str, gate: str) -> Response:  # noqa: A002 - as above
        """Close a gate of the release."""
        return self._say((namespace, name, id), gate, GateState.CLOSED)

    def _say(self, where: tuple[str, str, str], gate: str, state: GateState) -> Response:
        namespace, name, release_id = where
        canary = read_gate_of(namespace, name, gate)
        release = self._find(read_name(*where), release_id)
        there = f"/ui/releases/{namespace}/{name}/{release_id}"
        if not release.under_way:
            abort(409, f"release {release_id} of {canary} is over: {describe(release)}")
        said = read_form("who", "why", "lasts", "template")
        decision = GateDecision(state, said["who"], said["why"], read_lasts(said["lasts"]), said["template"])
        self._service.gates.say(canary, gate, decision)
        return Response("", 303, {"Location": f"{there}?done={'rollback' if gate == ROLLBACK_GATE else state.value}"})

    def follow_release(self, namespace: str, name: str, id: str) -> Response:  # noqa: A002 - as above
        """Keep a release's page up to date."""
        return stream(self._hub, ReleaseFeed(self._service, self._measurements, read_name(namespace, name, id), id))

    def follow_releases(self, namespace: str = "") -> Response:
        """Keep the list up to date."""
        if namespace:
            require(NAME, "namespace", namespace)
        return stream(self._hub, self._feed_of_list(namespace))

    def _feed_of_list(self, namespace: str) -> ReleasesFeed:
        return ReleasesFeed(self._service.releases, namespace)

    def _find(self, canary: CanaryName, release_id: str) -> Release:
        release = self._service.releases.find(canary, release_id)
        if release is None:
            abort(404, f"release {release_id} of {canary}: there is none, or it was so old that it is forgotten")
        return release


def _read_back(release: Release) -> str:
    """Give the phase that the Canary itself shows, empty where nobody reads it back or it cannot be read."""
    read_back: ReadBack | None = current_app.extensions.get(READ_BACK)
    if read_back is None or not release.under_way:
        return ""
    try:
        return read_back.find_phase(release.canary)
    except ClusterError:
        return ""


def add_routes(blueprint: Blueprint, service: HookService, showing: Showing) -> None:
    """Add the routes of releases."""
    pages = ReleasePages(service, showing)
    one = "/releases/<namespace>/<name>/<id>"
    for path, method, view in (
        ("/releases", "GET", pages.list_releases),
        (one, "GET", pages.show_release),
        (f"{one}/points", "GET", pages.show_points),
        (f"{one}/journal", "GET", pages.show_journal),
        (f"{one}/gates/<gate>/approve", "POST", pages.approve),
        (f"{one}/gates/<gate>/halt", "POST", pages.halt),
        ("/live/releases/", "GET", pages.follow_releases),
        ("/live/releases/<namespace>", "GET", pages.follow_releases),
        (f"/live{one}", "GET", pages.follow_release),
    ):
        endpoint = f"{view.__name__}_release" if method == "POST" else f"{view.__name__}{path.count('/')}"
        blueprint.add_url_rule(path, endpoint, view, methods=[method], provide_automatic_options=False)
