"""Write the report of one stage as a page, for a pipeline engine that keeps it as an artifact."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from workflows.records import TickRecord
from workflows.release import Release
from workflows.reports import html
from workflows.reports.recorder import Recorder


@contextmanager
def reporting(path: Path, release: Release) -> Iterator[Release]:
    """Record what a block decides and write it at the end, where it decided anything."""
    recorder = Recorder(release.plan)

    def keep(record: TickRecord) -> None:
        release.keep(record)
        recorder.watch(record)

    try:
        yield replace(release, keep=keep)
    finally:
        if recorder.decisions():
            html.write_html(path, [recorder.report(release.state())])
