"""Open the journal that a command was asked to keep."""

import sys
from pathlib import Path

from workflows.cli.subject import Subject
from workflows.journal.writer import Journal, note_source, read_source


def open_journal(path: Path, subject: Subject) -> Journal:
    """Open a journal; raises ConfigurationError for a path that cannot be written, before anything moves."""
    source = read_source(subject.file) if subject.file else note_source(subject.name, subject.text)
    return Journal(path, source, subject.plan.key, _warn)


def _warn(message: str) -> None:
    sys.stderr.write(f"penstock: {message}\n")
