"""A PostgreSQL of the tests' own: a cluster in a temporary folder, reached through a socket in it."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

import psycopg

from webhooks.runs.families import die_with_parent

PATIENCE_S = 30.0
_DEBIAN = Path("/usr/lib/postgresql")
_SETTINGS = {"fsync": "off", "listen_addresses": "", "max_connections": "60", "shared_buffers": "16MB", "jit": "off"}


def find_programs() -> Path | None:
    """Give the folder of PostgreSQL's programs."""
    found = sorted(_DEBIAN.glob("*/bin/initdb"))
    known = shutil.which("initdb")
    place = found[-1] if found else Path(known).resolve() if known else None
    return place.parent if place else None


def _user() -> str | None:
    """Give whom to run as: PostgreSQL refuses to be root."""
    return None if os.getuid() else "nobody"


@dataclass
class Cluster:
    folder: Path
    numbers: Iterator[int] = field(default_factory=count)

    def make_database(self) -> str:
        """Make an empty database and give its URL."""
        name = f"test{next(self.numbers)}"
        self.carry_out(f"CREATE DATABASE {name}")
        return f"postgresql://penstock@/{name}?host={self.folder}"

    def carry_out(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(host=str(self.folder), user="penstock", dbname="postgres", autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def cut_connections(self) -> int:
        """End every connection but our own, and give how many there were."""
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        return len(self.carry_out(f"{ended} AND pid <> pg_backend_pid()"))


@contextlib.contextmanager
def postgres(programs: Path) -> Iterator[Cluster]:
    """Run a cluster until the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="penstock-postgres-", dir="/tmp"))
    user = _user()
    if user:
        owner = pwd.getpwnam(user)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    group = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
    data = folder / "data"
    initdb = [str(programs / "initdb"), "-D", str(data), "-U", "penstock", "-A", "trust", "--no-sync", "-E", "UTF8"]
    subprocess.run(
        [*initdb, "--locale=C"], check=True, capture_output=True, timeout=PATIENCE_S, cwd=folder, env={}, **group
    )
    settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
    server = subprocess.Popen(
        [str(programs / "postgres"), "-D", str(data), "-k", str(folder), *settings],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={},
        start_new_session=True,
        preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGQUIT),  # noqa: PLW1509 - no lock is held here
        **group,
    )
    try:
        cluster = Cluster(folder)
        _await(cluster)
        yield cluster
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(PATIENCE_S)
        shutil.rmtree(folder, ignore_errors=True)


def _await(cluster: Cluster) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            cluster.carry_out("SELECT 1")
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, "PostgreSQL did not start in time"
            threading.Event().wait(0.05)
        else:
            return
