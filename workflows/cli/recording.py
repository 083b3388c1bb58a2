"""Open the journal that a command was asked to keep; in a cluster its head is noted beside the release's state."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from workflows.cli.subject import Subject
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CONFIG_MAP
from workflows.errors import PenstockError
from workflows.journal.writer import Journal, Source, note_source, read_source
from workflows.records import TickRecord
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.state import RolloutState
from workflows.states.kubernetes import HEAD, PREFIX


def open_journal(path: Path, subject: Subject) -> Journal:
    """Open a journal; raises ConfigurationError for a path that cannot be written, before anything moves."""
    source = read_source(subject.file) if subject.file else note_source(subject.name, subject.text)
    return _NotedJournal(path, source, subject) if subject.cluster else Journal(path, source, subject.plan.key, _warn)


class _NotedJournal(Journal):
    """Note the hash of the last line in the cluster, so that a file which lost its end is known by it."""

    def __init__(self, path: Path, source: Source, subject: Subject) -> None:
        super().__init__(path, source, subject.plan.key, _warn)
        self._subject = subject

    def keep(self, record: TickRecord) -> None:
        """Keep one tick and note the head."""
        super().keep(record)
        self._note()

    def close(self, look: Callable[[], RolloutState]) -> None:
        """Write the end of a release that is over and note the head."""
        super().close(look)
        self._note()

    def _note(self) -> None:
        if self.head and self._subject.cluster:
            # The journal is for readers; a release does not fail for want of them.
            with suppress(PenstockError):
                _note_head(self._subject.cluster, self._subject.plan, self.head)


def _note_head(cluster: Cluster, plan: RolloutPlan, head: str) -> None:
    found = cluster.get(CONFIG_MAP, plan.namespace, PREFIX + plan.name)
    if found:
        found["metadata"]["annotations"] = {**(found["metadata"].get("annotations") or {}), HEAD: head}
        cluster.replace(CONFIG_MAP, found)


def _warn(message: str) -> None:
    sys.stderr.write(f"penstock: {message}\n")
