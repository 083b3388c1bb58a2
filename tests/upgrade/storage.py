"""What a version leaves behind in mid-release, and the places where the next one finds it.

`python -m tests.upgrade.storage` records the present version into stored/VERSION; it is run once for each release
(docs/releasing.md), and what was recorded is never changed afterwards: it is what users have.
"""

import json
import re
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from loadtester.cli import main as load_main
from tests.cluster import definitions, mesh, registry
from tests.cluster.api_server import ApiServer
from tests.cluster.kubelet import Kubelet
from tests.cluster.mesh import Mesh
from tests.cluster.releases import Stage
from tests.cluster.resources import DEFINITIONS, NAMESPACES, Target
from tests.cluster.small_server import SmallServer
from tests.rollout_story import Story, plan
from tests.webhooks.bench import AD, Bench
from webhooks.protocol import HookType
from webhooks.store.records import GateState, RunState
from webhooks.store.sql import schema
from webhooks.store.sql.store import STORE_FILE, SqlStore, locate
from workflows.cluster.client import Cluster
from workflows.cluster.connection import connect
from workflows.cluster.kinds import CANARY, CONFIG_MAP, DEPLOYMENT, LEASE, SERVICE, Manifest
from workflows.journal.writer import Journal, Source
from workflows.rollout.plan import Judge, RolloutPlan
from workflows.rollout.traffic import Arm
from workflows.routers.kubernetes.istio import DESTINATION_RULE, VIRTUAL_SERVICE
from workflows.states.files import FileStateStore

STORED = Path(__file__).parent / "stored"
KINDS = (CANARY, DEPLOYMENT, SERVICE, VIRTUAL_SERVICE, DESTINATION_RULE, CONFIG_MAP, LEASE)
SERVERS_OWN = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
JOURNAL = "journal.jsonl"
NOW = "2026-01-01T00:00:00"
RELEASES = {"threshold": (plan(), 40), "evidence": (plan(judge=Judge.EVIDENCE), 5)}
"""The plans of the releases on paper, and the weight at which they were left."""


@contextmanager
def told(folder: Path, of: RolloutPlan) -> Iterator[Story]:
    """A release on paper, v1 serving and v2 wanted, whose state and journal lie in a folder."""
    story = Story(of)
    states = FileStateStore(folder, of.key, story.clock)
    left = states.load()
    if left:
        story.workload.scale(Arm.CANARY, up=True)
        story.router.shift(left.route)
    else:
        states.save(story.state, states.acquire("run-1", story.release.lease))
    story.plug(states=states)
    journal = Journal(folder / JOURNAL, Source("canary.yaml", "0" * 64), of.key, _fail)
    story.release = replace(story.release, keep=journal.keep)
    yield story
    journal.close(story.release.state)


def _fail(message: str) -> None:
    raise AssertionError(message)


@contextmanager
def served(folder: Path) -> Iterator[Stage]:
    """A cluster with nodes and a mesh, and nothing in it."""
    small = SmallServer()
    for definition in definitions.minimal():
        registry.create(small.store, Target(DEFINITIONS, "v1"), definition)
    registry.create(small.store, Target(NAMESPACES, "v1"), {"metadata": {"name": "test"}})
    with ApiServer(small, small.admin_token) as api:
        kubeconfig = api.kubeconfig(folder)
        cluster = connect(kubeconfig)
        with mesh.serving(Mesh(cluster)) as traffic, Kubelet(cluster).running():
            yield Stage(cluster, kubeconfig, traffic.url)


def put_back(cluster: Cluster, objects: list[Manifest]) -> None:
    """Make the objects of a cluster again; who owned one is known by its name, since uids are new."""
    kinds, uids = {kind.kind: kind for kind in KINDS}, dict[str, str]()
    for document in objects:
        for owner in document["metadata"].get("ownerReferences", ()):
            owner["uid"] = uids[owner["kind"] + owner["name"]]
        made = cluster.create(kinds[document["kind"]], document)
        uids[made["kind"] + made["metadata"]["name"]] = made["metadata"]["uid"]


def put_store_back(text: str, file: Path) -> None:
    """Make the service's store again."""
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(text)


def make_store(folder: Path, revision: str, source: Path) -> None:
    """Make a store with the tables of an earlier revision, and with what a present one has for them."""
    folder.mkdir()
    engine = create_engine(locate("", folder))
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(schema.MIGRATIONS))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
    with closing(sqlite3.connect(folder / STORE_FILE)) as connection:
        connection.execute("ATTACH ? AS present", (str(source),))
        tables = [name for (name,) in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")]
        for table in set(tables) - {"alembic_version", "sqlite_sequence"}:
            columns = ", ".join(f'"{row[1]}"' for row in connection.execute(f"PRAGMA main.table_info({table})"))
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM present.{table}")  # noqa: S608 - names of our own tables
        connection.commit()


def service(folder: Path) -> Bench:
    """The webhook service over a store in a folder, at a time that the test sets."""
    return Bench(folder, SqlStore(locate("", folder)))  # type: ignore[arg-type] # a store like any other


def main() -> None:
    place = STORED / metadata.version("penstock")
    place.mkdir(parents=True, exist_ok=True)
    for judge, (of, weight) in RELEASES.items():
        _record_release(place / judge, of, weight)
    _write(place / "cluster.json", _record_cluster)
    _write(place / "service.sql", _record_service)
    # Nobody listens at port 9: the run fails, which is a report like any other.
    load_main(
        ["run", "--target", "http://127.0.0.1:9/", "--rate", "5", "--duration", "1s", "--json", f"{place}/load.json"]
    )


def _record_release(folder: Path, of: RolloutPlan, weight: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with told(folder, of) as story:
        story.at_weight(weight)
    (folder / "states" / f"{of.key}.lock").unlink()


def _write(path: Path, record: Callable[[Path], str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path.write_text(record(Path(folder)), encoding="utf-8")


def _record_cluster(folder: Path) -> str:
    with served(folder) as stage:
        stage.set_up()
        codes = [stage.run()]
        stage.set_image("v2")
        codes += [stage.stage(*words) for words in (["start"], ["gate"], ["set-weight", "30"], ["gate"])]
        if any(codes):
            raise SystemExit(f"the stages ended with {codes}")
        found = [
            _strip(kind.api_version, kind.kind, each) for kind in KINDS for each in stage.cluster.list(kind, "test")
        ]
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?", NOW, json.dumps(found, indent=1, sort_keys=True)) + "\n"


def _strip(api_version: str, kind: str, document: Manifest) -> Manifest:
    kept = {name: value for name, value in document.items() if name != "status" or kind == CANARY.kind}
    described = {name: value for name, value in document["metadata"].items() if name not in SERVERS_OWN}
    return {**kept, "apiVersion": api_version, "kind": kind, "metadata": described}


def _record_service(folder: Path) -> str:
    bench = service(folder)
    bench.call(HookType.PRE_ROLLOUT, test="suite")
    bench.end(RunState.PASSED, "12 checks passed")
    bench.call(HookType.PRE_ROLLOUT, test="suite")
    bench.call(HookType.ROLLOUT, test="load")
    bench.report(200, 1)
    bench.call(HookType.CONFIRM_PROMOTION)
    bench.service.gates.decide(AD, "confirm-promotion", GateState.OPEN, "ann", "seen on staging")
    bench.call(HookType.EVENT, eventMessage="ad.weather canary weight 20", eventType="Normal")
    bench.store.close()
    with closing(sqlite3.connect(folder / STORE_FILE)) as connection:
        text = "\n".join(connection.iterdump()) + "\n"
    ids = dict.fromkeys(re.findall(r"\b[0-9a-f]{32}\b", text))
    return re.sub(r"\b[0-9a-f]{32}\b", lambda found: f"{list(ids).index(found[0]):032x}", text)


if __name__ == "__main__":
    sys.exit(main())
