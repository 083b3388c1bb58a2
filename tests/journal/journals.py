"""Journals of releases on paper, and ways to spoil them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.rollout_story import Story
from workflows.journal import chain, reader
from workflows.journal.chain import Mark
from workflows.journal.reader import JournalFile
from workflows.journal.writer import Journal, Source
from workflows.rollout.traffic import Arm

SOURCE = Source("canary.yaml", "0" * 64)
Document = dict[str, Any]


class Recording:
    """One story and the journal that it writes."""

    def __init__(self, path: Path, story: Story | None = None, limit_bytes: int = 1 << 20) -> None:
        self.path, self.story = path, story or Story()
        self.warnings: list[str] = []
        plan = self.story.release.plan
        self.journal = Journal(path, SOURCE, plan.key, self.warnings.append, limit_bytes=limit_bytes)
        self.story.release = replace(self.story.release, keep=self.journal.keep)

    def tick(self, times: int = 1) -> "Recording":
        self.story.tick(times)
        return self

    def close(self) -> JournalFile:
        self.journal.close(self.story.release.state)
        return self.read()

    def run(self) -> JournalFile:
        """Run the story to its end."""
        self.story.run()
        return self.close()

    def read(self) -> JournalFile:
        return reader.read(self.path)


def good(path: Path) -> JournalFile:
    return Recording(path).run()


def bad(path: Path, story: Story | None = None) -> JournalFile:
    """A release whose canary fails a tenth of its requests."""
    recording = Recording(path, story)
    recording.story.traffic.errors_percent[Arm.CANARY] = 10
    return recording.run()


def forged(path: Path, change: Callable[[int, Document], object]) -> JournalFile:
    forge(path, change)
    return reader.read(path)


def forge(path: Path, change: Callable[[int, Document], object]) -> None:
    """Change documents and chain all lines anew, as whoever can write the file could."""
    mark, lines = Mark(), b""
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        document = json.loads(line)
        for name in ("line", "prev", "hash"):
            del document[name]
        change(number, document)
        text, mark = chain.seal(document, mark)
        lines += text
    path.write_bytes(lines)
