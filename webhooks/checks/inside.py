"""Do inside a Kubernetes Job of our own image what the runner would do here: files, child, and its JUnit handed back.

`python3 -m webhooks.checks.inside`, with the order in PENSTOCK_JOB. What the child writes is the pod's log; the files
that are asked for follow in one marked last line.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

RESULT_MARK = "PENSTOCK-FILES "
"""How the line begins that carries files."""

_ORDER = "PENSTOCK_JOB"
_FILE_LIMIT = 1024 * 1024


def main() -> int:
    """Run the child that the order describes and end with its exit status."""
    order: dict[str, Any] = json.loads(os.environ.pop(_ORDER))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in order["files"].items():
            (folder / Path(file).name).write_text(text)
        status = _run(order, folder)
        files = {file: text for file in order["collect"] if (text := _read(folder / Path(file).name))}
    if files:
        print(RESULT_MARK + json.dumps({"files": files}), flush=True)  # noqa: T201 - for the owner of the Job
    return status


def _run(order: dict[str, Any], folder: Path) -> int:
    # The image's Python may stand elsewhere than the one that wrote the order.
    argv = [sys.executable if word == order["python"] else word for word in order["argv"]]
    environ = {**os.environ, "HOME": str(folder), "PYTHONUNBUFFERED": "1", **order["environ"]}
    try:
        done = subprocess.run(argv, input=order["stdin"].encode(), cwd=folder, env=environ, check=False)  # noqa: S603 - made from the operator's catalog
    except OSError as error:
        print(f"cannot run {argv[0]}: {error}", file=sys.stderr)  # noqa: T201 - the log of the run
        return 127
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace") if path.stat().st_size <= _FILE_LIMIT else ""
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
