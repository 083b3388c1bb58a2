"""Show runs: a list to page through, and one run with its log as it grows, its verdict and its report."""

from flask import Blueprint, Response, abort, request

from webhooks.hooks import HookService
from webhooks.live import Hub
from webhooks.protocol import PayloadError
from webhooks.routes.api.reports import write_html
from webhooks.routes.api.requests import read_canary, require, write_cursor
from webhooks.routes.api.runs import FORMATS, read_before, write_cancellation
from webhooks.routes.api.schemas import RUN_ID
from webhooks.routes.pages.forms import read_form
from webhooks.routes.pages.rendering import SANDBOX, render
from webhooks.routes.pages.run_feeds import TAIL, Piece, RunFeed, RunsFeed, write_position
from webhooks.routes.pages.streams import address, stream
from webhooks.routes.texts import show
from webhooks.store.records import Run, RunQuery, RunState

_ON_A_PAGE = 50


class RunPages:
    """Show runs."""

    def __init__(self, service: HookService, hub: Hub) -> None:
        self._runs = service.runs
        self._logs = service.store.logs
        self._hub = hub

    def list_runs(self) -> Response:
        """Show a page of the list, newest first."""
        # Before the runs are read: what happens in between is told once too often, not once too seldom.
        live = address("runs", RunsFeed(self._runs), canary=request.args.get("canary", ""))
        fault, found = "", tuple[Run, ...]()
        try:
            query = _read_query()
            found = self._runs.runs.page(query)
        except PayloadError as error:
            fault = str(error)
        following = write_cursor(found[-1].created_at, found[-1].id) if len(found) == _ON_A_PAGE else ""
        asked = {key: request.args.get(key, "") for key in ("canary", "test", "state")}
        first = "cursor" not in request.args and not fault
        return render(
            "runs",
            400 if fault else 200,
            runs=found,
            following=following,
            asked=asked,
            first=first,
            fault=fault,
            states=[state.value for state in RunState],
            live=live if first else "",
        )

    def show_run(self, id: str) -> Response:  # noqa: A002 - the name of the parameter in the path
        """Show one run."""
        run = self._find(id)
        start = max(0, self._logs.size(run.id) - TAIL)
        piece = Piece.cut(self._logs, run.id, start)
        live = f"/ui/live/runs/{run.id}?from={write_position(run, piece.end)}"
        return render("run", run=run, log=piece.text, skipped=start, live=live)

    def follow_run(self, id: str) -> Response:  # noqa: A002 - as above
        """Keep a run's page up to date."""
        require(RUN_ID, "run", id)
        return stream(self._hub, RunFeed(self._runs, self._logs, id))

    def follow_runs(self) -> Response:
        """Keep the list up to date."""
        return stream(self._hub, RunsFeed(self._runs))

    def cancel_run(self, id: str) -> Response:  # noqa: A002 - as above
        """Cancel a run and show it."""
        said = read_form("who", "why")
        run = self._find(id)
        if run.state.ended:
            abort(409, f"run {run.id} has ended already: {run.state.value}")
        self._runs.cancel_run(run, write_cancellation(said))
        return Response("", 303, {"Location": f"/ui/runs/{run.id}"})

    def show_log(self, id: str) -> Response:  # noqa: A002 - as above
        """Give the whole log to keep."""
        run = self._find(id)
        response = Response(
            self._logs.read(run.id, 0, self._logs.size(run.id)), content_type="text/plain; charset=utf-8"
        )
        return _to_keep(response, f"{run.id}.log")

    def show_report(self, id: str) -> Response:  # noqa: A002 - as above
        """Show the report inside the run's page, where it can do nothing."""
        response = Response(write_html(self._find(id)), content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = SANDBOX
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        return response

    def keep_report(self, id: str, form: str) -> Response:  # noqa: A002 - as above
        """Give the report to keep."""
        if form not in FORMATS:
            abort(404, f"a report has no form {show(form)}")
        write, kind = FORMATS[form]
        run = self._find(id)
        ending = {"junit": "xml"}.get(form, form)
        return _to_keep(Response(write(run), content_type=kind), f"{run.id}.{ending}")

    def _find(self, run_id: str) -> Run:
        require(RUN_ID, "run", run_id)
        run = self._runs.runs.find(run_id)
        if run is None:
            abort(404, f"run {run_id}: there is none, or it was so old that it is forgotten")
        return run


def _to_keep(response: Response, name: str) -> Response:
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Content-Security-Policy"] = SANDBOX
    return response


def _read_query() -> RunQuery:
    state = request.args.get("state", "")
    known = {one.value: one for one in RunState}
    if state and state not in known:
        raise PayloadError(f"state: {state[:80]!r} is unknown; known: {', '.join(known)}")
    canary = read_canary() if request.args.get("canary") else None
    return RunQuery(canary, request.args.get("test", ""), known.get(state), read_before(), _ON_A_PAGE)


def add_routes(blueprint: Blueprint, service: HookService, hub: Hub) -> None:
    """Add the routes of runs."""
    pages = RunPages(service, hub)
    for path, method, view in (
        ("/runs", "GET", pages.list_runs),
        ("/runs/<id>", "GET", pages.show_run),
        ("/runs/<id>/cancel", "POST", pages.cancel_run),
        ("/runs/<id>/log", "GET", pages.show_log),
        ("/runs/<id>/report", "GET", pages.show_report),
        ("/runs/<id>/report/<form>", "GET", pages.keep_report),
        ("/live/runs", "GET", pages.follow_runs),
        ("/live/runs/<id>", "GET", pages.follow_run),
    ):
        blueprint.add_url_rule(path, view.__name__, view, methods=[method], provide_automatic_options=False)
