"""A real `penstock serve --argo-plugin` in processes of its own, which a test may kill."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.plugin.agent import TOKEN
from tests.webhooks.served import PATIENCE_S, Served, alive


@contextmanager
def plugin_process(folder: Path, *flags: str) -> Iterator[Served]:
    """Serve until the end of the block, on the data that is in a folder."""
    token = folder / "token"
    token.write_text(TOKEN + "\n")
    words = ["serve", "--argo-plugin", f"--argo-token={token}", f"--data-dir={folder / 'data'}", "--port=0", *flags]
    with (folder / "serve.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "workflows", *words], stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    served = Served(process, process.stdout.readline().removeprefix("listening at ").strip(), folder / "data")
    try:
        yield served
    finally:
        kill(served)
        process.stdout.close()


def kill(served: Served) -> None:
    """Kill the plugin and all that it started, as a node that dies does."""
    for pid in filter(alive, served.family()):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    served.process.wait(PATIENCE_S)
