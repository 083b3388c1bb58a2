"""A hostile test can neither approve its own gate nor read what another may know, if tests have users of their own."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webhooks.served import PATIENCE_S, ROOT, Served, command, eventually, serving
from webhooks.access import make_token
from webhooks.access.scopes import Scope
from webhooks.runs.families import find_owned
from webhooks.store.records import RunQuery
from webhooks.store.sql import SqlStore, locate

FIRST = 70_000 + 2 * (os.getpid() % 10_000)  # two users for each process of the tests
BECOMING = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run tests under other users")

ATTACK = """
id -u
cat data/store.db tokens secret token
for process in /proc/[0-9]*; do cat "$process/environ"; done | tr '\\0' '\\n' | grep -a -e TOKENS -e SHY -e DATA_DIR
address=${1#http://}
post() {
  exec 3<>"/dev/tcp/${address%:*}/${address#*:}"
  printf 'POST %s HTTP/1.0\\r\\nContent-Length: %d\\r\\n\\r\\n%s' "$1" "${#2}" "$2" >&3
  cat <&3
}
post /api/v1/gates/weather/ad/promotion/approve '{}'
post /gate/open '{"name": "ad", "namespace": "weather"}'
setsid sh -c 'while :; do sleep 5; done' >/dev/null 2>&1 &
"""
CATALOG = """
tests:
  attack:
    kind: command
    argv: [sh, -c, 'cd "$PLACE" && bash attack.sh "$PENSTOCK_PARAM_URL" 2>&1']
    environment: {PLACE: "${folder}"}
    parameters: {url: {type: url}}
  other: {kind: command, argv: [sleep, "60"], secrets: {SHY: {file: secret}}}
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter; what is in it is for its owner alone, but for the attack."""
    made = Path(tempfile.mkdtemp(prefix="penstock-hostile-"))
    made.chmod(0o755)
    token, line = make_token("runner", frozenset({Scope.RUNNER}))
    texts = {"attack.sh": ATTACK, "catalog.yaml": CATALOG, "tokens": line, "secret": "not-yours", "token": token}
    for name, text in texts.items():
        (made / name).write_text(text)
        (made / name).chmod(0o644 if name == "attack.sh" else 0o600)
    yield made
    shutil.rmtree(made)


USERS = ["--runner-user", f"{FIRST}-{FIRST + 1}", "--runs-at-once", "2"]


@contextlib.contextmanager
def working(served: Served, folder: Path, place: str) -> Iterator[None]:
    """Have a runner at work, in the service or apart from it."""
    if place == "here":
        served.settle()
        yield
        return
    asked = command("runner", "--service", served.url, "--token-file", str(folder / "token"), *USERS)
    with (folder / "runner.log").open("w") as log, subprocess.Popen(asked, cwd=ROOT, stderr=log) as process:
        yield
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)


@BECOMING
@pytest.mark.parametrize("place", ["here", "apart"])
def test_a_hostile_test_gets_nothing_and_leaves_nothing(folder: Path, place: str) -> None:
    flags = ["--catalog", str(folder / "catalog.yaml"), "--tokens", str(folder / "tokens"), "--runner", place, *USERS]
    with serving(folder / "data", *flags) as served, working(served, folder, place):
        served.hook("pre-rollout", test="other", wait="1ms")
        eventually(lambda: bool(list(find_owned(FIRST))), "the other test")
        answer = served.hook("pre-rollout", test="attack", url=served.url, wait="30s")
        gate = served.hook("confirm-promotion", gate="promotion")
        left = list(find_owned(FIRST + 1))
    store = SqlStore(locate("", folder / "data"))
    (run,) = store.runs.page(RunQuery(test="attack"))
    told = store.logs.read(run.id).decode()
    store.close()

    assert (answer, gate[0], left) == ((200, "attack passed: exit status 0"), 403, []), told
    assert told.startswith(f"{FIRST + 1}\n")
    assert (told.count("no valid token"), told.count("Permission denied") >= 4) == (2, True)
    assert not [word for word in ("SQLite", "not-yours", "pst_", "SHY=", "PENSTOCK_TOKENS=") if word in told]
