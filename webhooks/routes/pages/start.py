"""Show the first page: what is released, which gates wait, what runs, what is wrong."""

from dataclasses import dataclass

from flask import Blueprint, Response, request

from webhooks.gates import GateService
from webhooks.hooks import HookService
from webhooks.live import Event, Feed, Glance, Hub
from webhooks.releases import ReleaseService
from webhooks.routes.api.requests import require
from webhooks.routes.api.schemas import NAME
from webhooks.routes.pages.gates import GatesFeed
from webhooks.routes.pages.release_story import describe
from webhooks.routes.pages.releases import ReleasesFeed
from webhooks.routes.pages.rendering import render
from webhooks.routes.pages.run_feeds import RunsFeed, list_under_way
from webhooks.routes.pages.streams import address, stream
from webhooks.runs import RunService
from webhooks.store.records import GateState
from webhooks.store.releases import ReleaseQuery

_MOST = 20


@dataclass(frozen=True, slots=True)
class StartFeed:
    """Tell when releases, runs or gates have changed."""

    releases: ReleaseService
    runs: RunService
    gates: GateService
    namespace: str

    def look(self, position: str) -> Glance:
        """Join what their feeds see."""
        feeds: tuple[Feed, ...] = (
            ReleasesFeed(self.releases, self.namespace),
            RunsFeed(self.runs),
            GatesFeed(self.gates),
        )
        now = "~".join(feed.look("").position for feed in feeds)
        return Glance(now, (Event("changed"),) if position not in {"", now} else ())


def add_routes(blueprint: Blueprint, service: HookService, hub: Hub) -> None:
    """Add the routes of the first page."""

    def make_feed(namespace: str) -> StartFeed:
        if namespace:
            require(NAME, "namespace", namespace)
        return StartFeed(service.releases, service.runs, service.gates, namespace)

    def show_start() -> Response:
        namespace = request.args.get("namespace", "").strip()
        live = address("start", make_feed(namespace), namespace=namespace)
        waiting = [gate for gate in service.gates.select() if gate.state is GateState.WAITING]
        waiting = [gate for gate in waiting if namespace in {"", gate.canary.namespace}]
        service.catalog.current()
        return render(
            "start",
            live=live,
            namespace=namespace,
            waiting=waiting[:_MOST],
            waiting_count=len(waiting),
            running=list_under_way(service.runs, namespace),
            releases=[one for one in service.releases.page(ReleaseQuery(namespace, limit=_MOST)) if one.ending is None],
            describe=describe,
            silent=service.releases.is_silent,
            fault=service.catalog.fault,
        )

    blueprint.add_url_rule("/", view_func=show_start)
    blueprint.add_url_rule(
        "/live/start", "follow_start", lambda: stream(hub, make_feed(request.args.get("namespace", "").strip()))
    )
