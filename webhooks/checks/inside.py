"""Do inside a Kubernetes Job of our own image what the runner would do here: files, child, and its JUnit handed back.

`python3 -m webhooks.checks.inside`, with the order in PENSTOCK_JOB. What the child writes is the pod's log, secrets
hidden; the files that are asked for follow in one marked last line.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

from webhooks.checks.secrets import Mask, MaskedStream

RESULT_MARK = "PENSTOCK-FILES "
"""How the line begins that carries files."""

_ORDER = "PENSTOCK_JOB"
_FILE_LIMIT = 1024 * 1024
_CHUNK = 65536


def main() -> int:
    """Run the child that the order describes and end with its exit status."""
    order: dict[str, Any] = json.loads(os.environ.pop(_ORDER))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in order["files"].items():
            (folder / Path(file).name).write_text(text)
        mask = Mask(os.environ.get(secret, "") for secret in order["secrets"])
        status = _run(order, folder, mask)
        files = {file: mask.hide(text) for file in order["collect"] if (text := _read(folder / Path(file).name))}
    if files:
        print(RESULT_MARK + json.dumps({"files": files}), flush=True)  # noqa: T201 - for the owner of the Job
    return status


def _run(order: dict[str, Any], folder: Path, mask: Mask) -> int:
    # The image's Python may stand elsewhere than the one that wrote the order.
    argv = [sys.executable if word == order["python"] else word for word in order["argv"]]
    environ = {**os.environ, "HOME": str(folder), "PYTHONUNBUFFERED": "1", **order["environ"]}
    try:
        with tempfile.TemporaryFile() as stdin:
            stdin.write(order["stdin"].encode())
            stdin.seek(0)
            status = _follow(argv, stdin, folder, environ, mask)
    except OSError as error:
        print(f"cannot run {argv[0]}: {error}", file=sys.stderr)  # noqa: T201 - the log of the run
        return 127
    return status if status >= 0 else 128 - status


def _follow(argv: list[str], stdin: IO[bytes], folder: Path, environ: dict[str, str], mask: Mask) -> int:
    stream = MaskedStream(mask)
    with subprocess.Popen(  # noqa: S603 - made from the operator's catalog
        argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder, env=environ
    ) as child:
        while child.stdout is not None and (piece := os.read(child.stdout.fileno(), _CHUNK)):
            _write(stream.feed(piece))
        _write(stream.finish())
    return child.returncode


def _write(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace") if path.stat().st_size <= _FILE_LIMIT else ""
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
