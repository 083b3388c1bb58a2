"""Find out before the first request whether a run can write what it was asked to write.

The rule to keep: nothing that stands in a file is touched before the run has ended.
"""

import argparse
import os
from pathlib import Path

from loadtester.errors import PlanError


def require_writable(given: argparse.Namespace) -> None:
    """Refuse a --json or --report that could not be written; raises PlanError that names the flag."""
    if given.json is not None:
        _require_file(given.json)
    if given.report is not None and not given.in_cluster:
        _require_folder(given.report)


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise PlanError(f"--json: {path} is a folder; name a file")
    if path.exists():
        if not os.access(path, os.W_OK):
            raise PlanError(f"--json: {path} cannot be written; name another file, or give the right to write it")
        return
    folder = path.parent
    if not folder.is_dir():
        raise PlanError(f"--json: {path}: {folder} is not a folder; make it, or name another file")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PlanError(f"--json: {path}: nothing can be written into {folder}; name a file elsewhere")


def _require_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlanError(f"--report: {folder}: {error.strerror}; name a folder that can be made") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PlanError(f"--report: nothing can be written into {folder}; name another folder")
