"""Report a release to the webhook service while it goes on, from a thread of its own.

The rule to keep: a release neither waits for its reports nor fails for want of them. What the service did not take
stays in a bounded queue and is sent again, all of it once more at the end; what the queue had no room for is counted.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workflows.errors import TemporaryError
from workflows.notifiers.fanout import EventFanout
from workflows.records import TickRecord, keep_all
from workflows.release import Release
from workflows.reports import messages
from workflows.reports.chapter import Chapter, name_release
from workflows.reports.messages import Message
from workflows.reports.release import TimelinePoint
from workflows.reports.release_service import ReleaseService, Reply
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.state import Event

CLOSE_WITHIN_S = 5.0
"""How long the last reports may keep a command that is done."""

_AT_ONCE = 200
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 15.0
_UNKNOWN = 404
_WRONG = frozenset({400, 413})

log = logging.getLogger("penstock.reports")


class Reporter:
    """Report on the releases of one canary; `title` names them for people. Is an EventSink too."""

    def __init__(
        self, service: ReleaseService, plan: RolloutPlan, warn: Callable[[str], None] = log.warning, title: str = ""
    ) -> None:
        self._service = service
        self._plan = plan
        self._warn = warn
        self.title = title
        self._changed = threading.Condition()
        self._chapters: deque[Chapter] = deque()
        self._current: Chapter | None = None
        self._told: tuple[object, ...] = ()
        self._closing = False
        self._given_up = False
        self._thread: threading.Thread | None = None

    @property
    def release_id(self) -> str:
        """Give the id of the release under way, empty before there is one."""
        return self._current.id if self._current else ""

    def keep(self, record: TickRecord) -> None:
        """Report one tick; one that says what the one before said is left out."""
        state = record.decision.state
        if not (record.before.under_way or state.under_way):
            return
        message = messages.describe_tick(record)
        with self._changed:
            chapter = self._find_chapter(record)
            told = (chapter.id, message["phase"], message["weight"], message["failedChecks"], message["text"])
            if message["verdict"] is None and told == self._told:
                return
            self._told = told
            chapter.over = not state.under_way
            self._add(chapter, record.at, message)

    def emit(self, plan: RolloutPlan, event: Event, at: datetime) -> None:
        """Report one event of a release that has begun."""
        _ = plan
        with self._changed:
            if self._current:
                self._add(self._current, at, messages.describe_event(event, at))

    def sample(self, point: TimelinePoint) -> None:
        """Report how the traffic looks."""
        with self._changed:
            if self._current:
                self._add(self._current, point.at, messages.describe_point(point))

    def attach(self, journal: Path) -> None:
        """Send a journal with the release that was reported last, if that is over."""
        with self._changed:
            if self._current and self._current.over and journal.is_file():
                self._current.journal = journal
                self._wake(self._current)

    def close(self) -> None:
        """Send what is left, for a few seconds at most."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        if thread:
            thread.join(CLOSE_WITHIN_S)
        left = sum(len(chapter.unsent) for chapter in self._chapters)
        if left and not self._given_up:
            self._warn(f"{self._service.url}: {left} reports on {self._plan.key} were not sent")

    def _find_chapter(self, record: TickRecord) -> Chapter:
        state, current = record.decision.state, self._current
        goes_on = record.before.under_way and record.before.revision == state.revision
        if current and goes_on and not current.over:
            return current
        revisions = (state.revision, record.before.promoted_revision)
        about = messages.describe_plan(self._plan, revisions, self.title)
        new = Chapter((self._plan.namespace, self._plan.name), record.at, about)
        # Who finds a release under way asks the service under which id it began.
        new.id = "" if goes_on else name_release(record.at)
        self._current = new
        self._chapters.append(new)
        return new

    def _add(self, chapter: Chapter, at: datetime, message: Message) -> None:
        chapter.add(at, message)
        self._wake(chapter)

    def _wake(self, chapter: Chapter) -> None:
        if chapter not in self._chapters:
            self._chapters.append(chapter)
        if self._thread is None and not self._given_up:
            self._thread = threading.Thread(target=self._work, name="reports", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _work(self) -> None:
        pause_s = 0.0
        while (chapter := self._next(pause_s)) is not None:
            try:
                self._send(chapter)
                pause_s = 0.0
            except TemporaryError as error:
                if not pause_s:
                    self._warn(f"reports on {self._plan.key} wait: {error}")
                pause_s = min(max(2 * pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
                if self._closing:
                    return
            except (_RefusedError, LookupError, TypeError, ValueError, OSError) as error:
                self._warn(f"{self._service.url} takes no reports on {self._plan.key}: {error}; the release goes on")
                self._given_up = True
                return

    def _next(self, pause_s: float) -> Chapter | None:
        """Wait for something to send, and after trouble for a pause too; None once all is sent and nothing follows."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing, pause_s)
            while True:
                while self._chapters and not self._chapters[0].waiting:
                    self._chapters.popleft()
                if self._chapters or self._closing:
                    return self._chapters[0] if self._chapters else None
                self._changed.wait(_LONGEST_PAUSE_S)

    def _send(self, chapter: Chapter) -> None:
        if not chapter.begun:
            self._begin(chapter)
        with self._changed:
            batch = [chapter.unsent[place] for place in range(min(_AT_ONCE, len(chapter.unsent)))]
        if batch:
            reply = self._service.send("POST", f"{chapter.path}/reports", chapter.write(batch))
            self._settle(chapter, batch, reply)
        elif chapter.journal:
            journal, chapter.journal = chapter.journal, None
            _check(self._service.send_lines(f"{chapter.path}/journal", journal.read_bytes()))

    def _begin(self, chapter: Chapter) -> None:
        if not chapter.id:
            self._join(chapter)
        document = {"beganAt": chapter.began_at.timestamp(), "plan": chapter.about}
        _check(self._service.send("PUT", chapter.path, document))
        chapter.begun = True

    def _join(self, chapter: Chapter) -> None:
        namespace, name = chapter.key
        reply = _check(self._service.ask(f"/releases?canary={name}.{namespace}&limit=1"))
        found: list[dict[str, Any]] = reply.document.get("releases", [])
        mine = [one for one in found if not one["endedAt"] and one["toldBy"] == "loop"]
        if mine and mine[0]["plan"]["revision"] == chapter.about["revision"]:
            chapter.id = str(mine[0]["id"])
            # The clock of the process before may have been ahead of ours.
            chapter.shift = max(0, int(mine[0]["sequence"]) + 1 - messages.count_micros(chapter.began_at))
            chapter.began_at = datetime.fromtimestamp(mine[0]["beganAt"], UTC)
        else:
            chapter.id = name_release(chapter.began_at)

    def _settle(self, chapter: Chapter, batch: list[Message], reply: Reply) -> None:
        if reply.status == _UNKNOWN and chapter.forgivable:
            # The service forgot the release, or lost its store: it is told again.
            chapter.begun = chapter.forgivable = False
            return
        chapter.forgivable = True
        lost = 0
        if reply.status in _WRONG:
            self._warn(f"{self._service.url} did not understand {len(batch)} reports: {reply.detail}")
            lost = len(batch)
        else:
            _check(reply)
        with self._changed:
            chapter.lost += lost
            for message in batch:
                if chapter.unsent and chapter.unsent[0] is message:
                    chapter.unsent.popleft()


@contextmanager
def telling(reporter: Reporter, release: Release, journal: Path | None = None) -> Iterator[Release]:
    """Report what a block does with a release, and at its end send the journal of one that is over."""
    told = replace(release.platform, events=EventFanout(release.platform.events, reporter))
    try:
        yield replace(release, platform=told, keep=keep_all(release.keep, reporter.keep))
    finally:
        if journal:
            reporter.attach(journal)
        reporter.close()


class _RefusedError(Exception):
    """Say why asking again would not help."""


def _check(reply: Reply) -> Reply:
    if not reply.taken:
        raise _RefusedError(reply.detail)
    return reply
