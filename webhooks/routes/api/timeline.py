"""Serve what happened to one canary, newest first: its events, runs and the words on its gates."""

from collections.abc import Iterator

from flask import Response

from webhooks.gates import GateService
from webhooks.routes.api.gates import show_gate
from webhooks.routes.api.operations import JSON, Operation
from webhooks.routes.api.reports import show_run
from webhooks.routes.api.requests import bad_cursor, read_cursor, read_limit, require, write, write_cursor
from webhooks.routes.api.schemas import CANARY, NAME, PAGING
from webhooks.store.port import Store
from webhooks.store.records import CanaryName, Gate, HookEvent, Run, RunQuery

_RUNS_SHOWN = 1000


class TimelineViews:
    """Answer for timelines."""

    def __init__(self, store: Store, gates: GateService) -> None:
        self._store = store
        self._gates = gates

    def show(self, namespace: str, name: str) -> Response:
        """Show one page of what happened."""
        require(NAME, "namespace", namespace)
        require(NAME, "name", name)
        limit, skipped = read_limit(), _read_place()
        moments = sorted(self._collect(CanaryName(namespace, name)), key=lambda one: -float(str(one["at"])))
        page = [one for one in moments if skipped is None or float(str(one["at"])) < skipped][: limit + 1]
        shown = _whole_moments(page, limit)
        following = write_cursor(float(str(shown[-1]["at"]))) if len(page) > len(shown) else None
        return write({"moments": shown, "next": following})

    def _collect(self, canary: CanaryName) -> Iterator[dict[str, object]]:
        yield from map(show_event, self._store.events.select(canary))
        yield from map(_show_run, self._store.runs.page(RunQuery(canary=canary, limit=_RUNS_SHOWN)))
        yield from map(show_gate_moment, self._gates.history(canary))


def _whole_moments(page: list[dict[str, object]], limit: int) -> list[dict[str, object]]:
    """Cut a page where time moves on, so that what happened at once is not torn; all of it when it did not."""
    if len(page) <= limit:
        return page
    last = page[limit]["at"]
    return [one for one in page[:limit] if one["at"] != last] or page


def _read_place() -> float | None:
    cursor = read_cursor()
    if cursor is None:
        return None
    if len(cursor) != 1 or not isinstance(cursor[0], float):
        raise bad_cursor()
    return cursor[0]


def show_event(event: HookEvent) -> dict[str, object]:
    """Show an event hook as a moment."""
    text = event.metadata.get("eventMessage", event.phase)
    of = {"phase": event.phase, "checksum": event.checksum, "metadata": dict(event.metadata)}
    return {"at": event.at, "kind": "event", "text": text, "of": of}


def _show_run(run: Run) -> dict[str, object]:
    text = f"{run.order.hook}: {run.order.test} {run.state.value}" + (f": {run.reason}" if run.reason else "")
    return {"at": run.created_at, "kind": "run", "text": text, "of": show_run(run)}


def show_gate_moment(gate: Gate) -> dict[str, object]:
    """Show a word on a gate as a moment."""
    by = f" by {gate.who}" if gate.who else ""
    why = f": {gate.why}" if gate.why else ""
    return {
        "at": gate.at,
        "kind": "gate",
        "text": f"gate {gate.gate} {gate.state.value}{by}{why}",
        "of": show_gate(gate),
    }


def list_operations(views: TimelineViews) -> tuple[Operation, ...]:
    """List the operations on timelines."""
    path = "/api/v1/canaries/{namespace}/{name}/timeline"
    answers = {JSON: "Timeline"}
    page = (*CANARY, *PAGING)
    return (Operation("showTimeline", "get", path, "Show what happened", views.show, answers, page, faults=(404,)),)
