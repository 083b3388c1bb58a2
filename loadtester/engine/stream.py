"""Write the engine's lines for its parent: one JSON object each, and nothing else ever on that descriptor."""

import json
import os
import sys
from typing import Any, BinaryIO

from loadtester.report import LoadReport


class Stream:
    """Own the descriptor that was standard output, so that what a user's script prints goes to standard error."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    @classmethod
    def take_over_stdout(cls) -> "Stream":
        """Keep standard output for the lines and lead everyone else's prints to standard error."""
        sys.stdout.flush()
        kept = os.dup(1)
        os.dup2(2, 1)
        return cls(os.fdopen(kept, "wb", buffering=0))

    def say(self, kind: str, **content: Any) -> None:
        """Write one line; a parent that no longer reads is not our concern, it ends us."""
        line = json.dumps({"kind": kind, **content}, separators=(",", ":")).encode() + b"\n"
        view = memoryview(line)
        try:
            while view:
                view = view[self._file.write(view) or 0 :]
        except BrokenPipeError:
            pass

    def report(self, kind: str, report: LoadReport) -> None:
        """Write a report as one line."""
        self.say(kind, report=report.to_dict())
