"""A hostile test can neither approve its own gate nor read what another may know, if tests have users of their own."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webhooks.served import eventually, serving
from webhooks.runs.families import find_owned
from webhooks.store.records import RunQuery
from webhooks.store.sql import SqlStore, locate

FIRST = 70_000 + 2 * (os.getpid() % 10_000)  # two users for each process of the tests
BECOMING = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run tests under other users")

ATTACK = """
id -u
cat data/store.db tokens secret
for process in /proc/[0-9]*; do cat "$process/environ"; done | tr '\\0' '\\n' | grep -a -e TOKENS -e SHY -e DATA_DIR
curl -s -m 5 -X POST "$1/api/v1/gates/weather/ad/promotion/approve" -d '{}'
curl -s -m 5 -X POST "$1/gate/open" -d '{"name": "ad", "namespace": "weather"}'
setsid sh -c 'while :; do sleep 5; done' >/dev/null 2>&1 &
"""
CATALOG = """
tests:
  attack:
    kind: command
    argv: [sh, -c, 'cd "$PLACE" && sh attack.sh "$PENSTOCK_PARAM_URL" 2>&1']
    environment: {PLACE: "${folder}"}
    parameters: {url: {type: url}}
  other: {kind: command, argv: [sleep, "60"], secrets: {SHY: {file: secret}}}
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter; what is in it is for its owner alone, but for the catalog."""
    made = Path(tempfile.mkdtemp(prefix="penstock-hostile-"))
    made.chmod(0o755)
    for name, text in (
        ("attack.sh", ATTACK),
        ("catalog.yaml", CATALOG),
        ("tokens", "# none\n"),
        ("secret", "not-yours"),
    ):
        (made / name).write_text(text)
        (made / name).chmod(0o644 if name == "attack.sh" else 0o600)
    yield made
    shutil.rmtree(made)


@BECOMING
def test_a_hostile_test_gets_nothing_and_leaves_nothing(folder: Path) -> None:
    flags = ["--catalog", str(folder / "catalog.yaml"), "--tokens", str(folder / "tokens"), "--runs-at-once", "2"]
    with serving(folder / "data", *flags, "--runner-user", f"{FIRST}-{FIRST + 1}") as served:
        served.settle()
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
    assert (told.count("no valid token"), told.count("Permission denied") >= 3) == (2, True)
    assert not [word for word in ("SQLite", "not-yours", "SHY=", "PENSTOCK_TOKENS=") if word in told]
