"""Serve releases: list and show them, take what the loop reports of them, give their journals."""

from dataclasses import replace

from flask import Response, request

from webhooks.releases import ReleaseService
from webhooks.routes.api.operations import JSON, Operation
from webhooks.routes.api.release_bodies import read_plan, read_reports
from webhooks.routes.api.requests import (
    bad_cursor,
    read_canary,
    read_cursor,
    read_limit,
    read_number,
    refuse,
    require,
    write,
    write_cursor,
)
from webhooks.routes.api.schemas import CANARY, NAME, PAGING, RELEASE_ID, in_path, in_query
from webhooks.store.port import ReportStore
from webhooks.store.records import CanaryName
from webhooks.store.releases import ArmFigures, CheckFigure, Release, ReleasePlan, ReleaseQuery, Report

JOURNAL_LIMIT = 64 * 1024 * 1024
"""How many bytes of a journal are taken; the loop writes no longer ones."""

_BODY_LIMIT = 4 * 1024 * 1024
_LAST = 2**53
_MOST = 500
_PLACE = (int, float, str, str, str)
_NDJSON = "application/x-ndjson"


class ReleaseViews:
    """Answer for releases."""

    def __init__(self, releases: ReleaseService, reports: ReportStore) -> None:
        self._releases = releases
        self._reports = reports

    def list(self) -> Response:
        """List releases: those under way first, then the newest."""
        query = ReleaseQuery(_read_namespace(), read_canary(), read_place(), read_limit())
        found = self._releases.page(query)
        following = write_cursor(*found[-1].place) if len(found) == query.limit else None
        return write({"releases": [show_release(one) for one in found], "next": following})

    def show(self, namespace: str, name: str, id: str) -> Response:  # noqa: A002 - the name of the parameter in the path
        """Show one release."""
        return write(show_release(self._find(read_name(namespace, name, id), id)))

    def begin(self, namespace: str, name: str, id: str) -> Response:  # noqa: A002 - as above
        """Keep a release that begins."""
        canary = read_name(namespace, name, id)
        began_at, plan = read_plan(request.get_data())
        return write(show_release(self._releases.begin(canary, id, began_at, plan)))

    def report(self, namespace: str, name: str, id: str) -> Response:  # noqa: A002 - as above
        """Keep what the loop reports."""
        canary = read_name(namespace, name, id)
        request.max_content_length = _BODY_LIMIT
        reports, lost = read_reports(request.get_data())
        self._find(canary, id)
        return write(show_release(self._releases.tell(canary, id, reports, lost)))

    def list_reports(self, namespace: str, name: str, id: str) -> Response:  # noqa: A002 - as above
        """List what was reported, oldest first."""
        canary = read_name(namespace, name, id)
        self._find(canary, id)
        after, limit = read_number("after", 0, 0, _LAST), read_number("limit", _MOST, 1, _MOST)
        found = self._reports.select(canary, id, after, limit)
        following = found[-1].sequence if len(found) == limit else None
        return write({"reports": [show_report(one) for one in found], "next": following})

    def keep_journal(self, namespace: str, name: str, id: str) -> Response:  # noqa: A002 - as above
        """Keep the journal of a release."""
        canary = read_name(namespace, name, id)
        self._find(canary, id)
        request.max_content_length = JOURNAL_LIMIT
        content = request.get_data()
        self._reports.keep_journal(canary, id, content)
        return write({"bytes": len(content)})

    def read_journal(self, namespace: str, name: str, id: str) -> Response:  # noqa: A002 - as above
        """Give the journal to download."""
        canary = read_name(namespace, name, id)
        content = self._reports.read_journal(canary, id)
        if content is None:
            refuse(404, f"release {id} of {canary}: its journal was not sent; penstock run --journal FILE sends it")
        response = Response(content, content_type=_NDJSON)
        response.headers["Content-Disposition"] = f'attachment; filename="{name}-{id}.journal.jsonl"'
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def _find(self, canary: CanaryName, release_id: str) -> Release:
        release = self._releases.find(canary, release_id)
        if release is None:
            refuse(404, f"release {release_id} of {canary}: there is none, or it was so old that it is forgotten")
        return release


def read_name(namespace: str, name: str, release_id: str) -> CanaryName:
    """Read whose release a path is about; 404 for names that nothing can have."""
    require(NAME, "namespace", namespace)
    require(NAME, "name", name)
    require(RELEASE_ID, "release", release_id)
    return CanaryName(namespace, name)


def _read_namespace() -> str:
    text = request.args.get("namespace", "")
    if text:
        require(NAME, "namespace", text)
    return text


def read_place() -> tuple[int, float, str, str, str] | None:
    """Read where a page begins from the cursor of the query."""
    cursor = read_cursor()
    if cursor is None:
        return None
    match cursor:
        case [int(under_way), int() | float() as began_at, str(namespace), str(name), str(release_id)]:
            return under_way, float(began_at), namespace, name, release_id
        case _:
            raise bad_cursor()


def show_release(release: Release) -> dict[str, object]:
    """Show a release as the API does; what is not known is null."""
    return {
        "namespace": release.canary.namespace,
        "name": release.canary.name,
        "id": release.id,
        "toldBy": release.teller.value,
        "plan": _show_plan(release.plan),
        "phase": release.phase or None,
        "weight": release.weight,
        "failedChecks": release.failed_checks,
        "reason": release.reason,
        "ending": release.ending and release.ending.value,
        "beganAt": release.began_at,
        "heardAt": release.heard_at,
        "endedAt": release.ended_at or None,
        "sequence": release.sequence,
        "lost": release.lost,
    }


def _show_plan(plan: ReleasePlan) -> dict[str, object]:
    return {
        "title": plan.title,
        "revision": plan.revision,
        "previous": plan.previous,
        "strategy": plan.strategy,
        "judge": plan.judge,
        "weights": [*plan.weights],
        "threshold": plan.threshold,
        "intervalSeconds": plan.interval_s,
        "minimumSuccessPercent": plan.minimum_success_percent,
        "maximumP99Ms": plan.maximum_p99_ms,
    }


def show_report(report: Report) -> dict[str, object]:
    """Show a report as the API takes and gives it."""
    return {
        "sequence": report.sequence,
        "at": report.at,
        "kind": report.kind.value,
        "text": report.text,
        "warning": report.warning,
        "phase": report.phase,
        "weight": report.weight,
        "failedChecks": report.failed_checks,
        "verdict": report.verdict and report.verdict.value,
        "checks": [_show_check(check) for check in report.checks],
        "primary": _show_arm(report.primary),
        "canary": _show_arm(report.canary),
        "ending": report.ending and report.ending.value,
    }


def _show_check(check: CheckFigure) -> dict[str, object]:
    return {
        "name": check.name,
        "verdict": check.verdict.value,
        "value": check.value,
        "limit": check.limit,
        "reason": check.reason,
    }


def _show_arm(arm: ArmFigures) -> dict[str, object]:
    return {"successPercent": arm.success_percent, "p99Ms": arm.p99_ms, "requests": arm.requests}


def list_operations(views: ReleaseViews) -> tuple[Operation, ...]:
    """List the operations on releases."""
    return (_describe_list(views), *_describe_one(views), *_describe_reports(views), *_describe_journal(views))


_ONE = (*CANARY, in_path("id", RELEASE_ID, "the release"))
_PATH = "/api/v1/releases/{namespace}/{name}/{id}"
_RELEASE = {JSON: "Release"}


def _sending(operation: Operation) -> Operation:
    return replace(operation, needs_body=True, faults=(404, 409, 413))


def _describe_list(views: ReleaseViews) -> Operation:
    filters = (
        in_query("namespace", {"type": "string", "pattern": NAME}, "the namespace"),
        in_query("canary", {"type": "string", "pattern": r"^[a-z0-9.-]+\.[a-z0-9-]+$"}, "NAME.NAMESPACE"),
    )
    text, answers, path = "List releases, those under way first", {JSON: "ReleasePage"}, "/api/v1/releases"
    return Operation("listReleases", "get", path, text, views.list, answers, (*filters, *PAGING), faults=(404,))


def _describe_one(views: ReleaseViews) -> tuple[Operation, ...]:
    show, begin = "Show a release", "Say that a release begins, or again what it set out to do"
    return (
        Operation("showRelease", "get", _PATH, show, views.show, _RELEASE, _ONE, faults=(404,)),
        _sending(Operation("beginRelease", "put", _PATH, begin, views.begin, _RELEASE, _ONE, "ReleaseBeginning")),
    )


def _describe_reports(views: ReleaseViews) -> tuple[Operation, ...]:
    path, answers = f"{_PATH}/reports", {JSON: "ReportPage"}
    limits = (
        in_query("after", {"type": "integer", "minimum": 0, "maximum": _LAST}, "the sequence before the first"),
        in_query("limit", {"type": "integer", "minimum": 1, "maximum": _MOST, "default": _MOST}, "how many at most"),
    )
    listing, adding = "List what was reported of a release", "Report on a release; what came before changes nothing"
    return (
        Operation("listReports", "get", path, listing, views.list_reports, answers, (*_ONE, *limits), faults=(404,)),
        _sending(Operation("addReports", "post", path, adding, views.report, _RELEASE, _ONE, "Reports")),
    )


def _describe_journal(views: ReleaseViews) -> tuple[Operation, ...]:
    path, answers = f"{_PATH}/journal", {_NDJSON: "Text"}
    keep, kept = "Keep the journal of a release (JSON lines)", {JSON: "Kept"}
    return (
        Operation("readJournal", "get", path, "Read the journal", views.read_journal, answers, _ONE, faults=(404,)),
        _sending(
            Operation("keepJournal", "put", path, keep, views.keep_journal, kept, _ONE, "Text", body_type=_NDJSON)
        ),
    )
