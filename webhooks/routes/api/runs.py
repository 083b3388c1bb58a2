"""Serve runs: list, show, wait for, cancel, their logs and reports."""

import time
from collections.abc import Mapping

from flask import Response, request

from webhooks.protocol import PayloadError
from webhooks.routes.api import reports
from webhooks.routes.api.operations import JSON, Operation
from webhooks.routes.api.requests import (
    bad_cursor,
    read_body,
    read_canary,
    read_cursor,
    read_limit,
    read_number,
    refuse,
    require,
    write,
    write_cursor,
)
from webhooks.routes.api.schemas import LONGEST_WAIT_S, PAGING, RUN_ID, in_path, in_query
from webhooks.runs import RunService
from webhooks.store.port import LogStore
from webhooks.store.records import Run, RunQuery, RunState

_REASON = frozenset({"who", "why"})
FORMATS = {
    "json": (reports.write_json, JSON),
    "html": (reports.write_html, "text/html; charset=utf-8"),
    "junit": (reports.write_junit, "application/xml"),
}
"""How a report is written, by the name of its form."""

_LAST_BYTE = 2**31 - 1
_CURSOR_PARTS = 2


class RunViews:
    """Answer for runs."""

    def __init__(self, service: RunService, logs: LogStore) -> None:
        self._service = service
        self._logs = logs

    def list(self) -> Response:
        """List runs, newest first."""
        query = RunQuery(read_canary(), request.args.get("test", ""), _read_state(), read_before(), read_limit())
        found = self._service.runs.page(query)
        more = len(found) == query.limit
        following = write_cursor(found[-1].created_at, found[-1].id) if more else None
        return write({"runs": [reports.show_run(run) for run in found], "next": following})

    def show(self, id: str) -> Response:  # noqa: A002 - the name of the parameter in the path
        """Show one run."""
        return write(reports.show_run(self._find(id)))

    def wait(self, id: str) -> Response:  # noqa: A002 - as above
        """Show one run once it has ended, or as it is after some seconds."""
        seconds = read_number("seconds", 30, 0, LONGEST_WAIT_S)
        return write(reports.show_run(self._service.wait(self._find(id), time.monotonic() + seconds)))

    def cancel(self, id: str) -> Response:  # noqa: A002 - as above
        """Cancel one run."""
        body = read_body(_REASON)
        run = self._find(id)
        if run.state.ended:
            refuse(409, f"run {run.id} has ended already: {run.state.value}")
        return write(reports.show_run(self._service.cancel_run(run, write_cancellation(body))))

    def log(self, id: str) -> Response:  # noqa: A002 - as above
        """Give what a test has written, from a byte on."""
        start = read_number("start", 0, 0, _LAST_BYTE)
        content = self._logs.read(self._find(id).id, start)
        response = Response(content, content_type="text/plain; charset=utf-8")
        response.headers["Penstock-Next"] = str(start + len(content))
        return response

    def report(self, id: str) -> Response:  # noqa: A002 - as above
        """Give the report in one of its forms."""
        name = request.args.get("format", "json")
        if name not in FORMATS:
            raise PayloadError(f"format: {name[:80]!r} is unknown; known: {', '.join(FORMATS)}")
        run = self._find(id)
        form, kind = FORMATS[name]
        return Response(form(run), content_type=kind)

    def _find(self, run_id: str) -> Run:
        require(RUN_ID, "run", run_id)
        run = self._service.runs.find(run_id)
        if run is None:
            refuse(404, f"run {run_id}: there is none, or it was so old that it is forgotten")
        return run


def write_cancellation(said: Mapping[str, str]) -> str:
    """Write who cancelled a run and why."""
    by = f" by {said['who']}" if said.get("who") else ""
    why = f": {said['why']}" if said.get("why") else ""
    return f"cancelled{by}{why}"


def _read_state() -> RunState | None:
    text = request.args.get("state")
    try:
        return None if text is None else RunState(text)
    except ValueError as error:
        known = ", ".join(state.value for state in RunState)
        raise PayloadError(f"state: {text and text[:80]!r} is unknown; known: {known}") from error


def read_before() -> tuple[float, str] | None:
    """Read where the page before ended."""
    cursor = read_cursor()
    if cursor is None:
        return None
    if len(cursor) != _CURSOR_PARTS or not isinstance(cursor[0], float) or not isinstance(cursor[1], str):
        raise bad_cursor()
    return cursor[0], cursor[1]


def list_operations(views: RunViews) -> tuple[Operation, ...]:
    """List the operations on runs."""
    return (_describe_list(views), *_describe_one(views), _describe_log(views), _describe_report(views))


_PATH = "/api/v1/runs/{id}"
_ONE = in_path("id", RUN_ID, "the run")
_RUN = {JSON: "Run"}


def _describe_list(views: RunViews) -> Operation:
    filters = (
        in_query("canary", {"type": "string", "pattern": r"^[a-z0-9.-]+\.[a-z0-9-]+$"}, "NAME.NAMESPACE"),
        in_query("test", {"type": "string"}, "the name of the test"),
        in_query("state", {"enum": [state.value for state in RunState]}, "the state"),
    )
    text = "List runs, newest first"
    return Operation("listRuns", "get", "/api/v1/runs", text, views.list, {JSON: "RunPage"}, (*filters, *PAGING))


def _describe_one(views: RunViews) -> tuple[Operation, ...]:
    seconds = in_query("seconds", {"type": "integer", "minimum": 0, "maximum": LONGEST_WAIT_S}, "how long at most")
    wait, cancel, text = f"{_PATH}/wait", f"{_PATH}/cancel", "Wait for a run"
    faults = (404, 409, 413)
    return (
        Operation("showRun", "get", _PATH, "Show a run", views.show, _RUN, (_ONE,), faults=(404,)),
        Operation("waitForRun", "get", wait, text, views.wait, _RUN, (_ONE, seconds), faults=(404,)),
        Operation("cancelRun", "post", cancel, "Cancel a run", views.cancel, _RUN, (_ONE,), "Reason", faults=faults),
    )


def _describe_log(views: RunViews) -> Operation:
    start = in_query("start", {"type": "integer", "minimum": 0, "maximum": _LAST_BYTE}, "the first byte")
    follow = {"Penstock-Next": "the byte after the last one of this answer"}
    text, answers = "Read what a test has written so far", {"text/plain": "Text"}
    asked = (_ONE, start)
    return Operation("readLog", "get", f"{_PATH}/log", text, views.log, answers, asked, faults=(404,), headers=follow)


def _describe_report(views: RunViews) -> Operation:
    form = in_query("format", {"enum": list(FORMATS)}, "the form")
    answers = {JSON: "RunReport", "text/html": "Text", "application/xml": "Text"}
    path, text = f"{_PATH}/report", "Read a run's report"
    return Operation("readReport", "get", path, text, views.report, answers, (_ONE, form), faults=(404,))
