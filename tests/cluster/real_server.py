"""The way to a real API server: one that is started here, or a cluster for tests that PENSTOCK_CLUSTER names.

The rule to keep: before each test everything is deleted that the server does not need itself, so it must be nobody's.
"""

import os
import select
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import urllib3

from tests.cluster import definitions
from tests.cluster.exchange import Answer, Request
from tests.cluster.resources import BUILT_IN, DEFINITIONS, NAMESPACES, Manifest, Resource, from_definition
from workflows.cluster.client import Cluster
from workflows.cluster.connection import connect
from workflows.cluster.kinds import Kind
from workflows.errors import ConflictError

BINARY = Path(__file__).parents[2] / "build" / "control-plane"
_START_S = 90.0
_FAREWELL_S = 10.0
_ESTABLISHED_S = 30.0
_TURN_S = 0.05
_CONSENT = "penstock-tests"
_NAMESPACE = Kind("v1", "Namespace", "namespaces")
_KEPT_KINDS = (NAMESPACES, DEFINITIONS)
_PASSED_ON = ("accept", "authorization", "content-type", "user-agent")


@contextmanager
def kubeconfig_of(folder: Path) -> Iterator[Path]:
    """The kubeconfig of the cluster that is named, or of one that runs as long as the context does."""
    if named := os.environ.get("PENSTOCK_CLUSTER"):
        _check_consent(connect(Path(named)))
        yield Path(named)
        return
    if not BINARY.exists():
        raise FileNotFoundError(f"{BINARY} is not there: `make control-plane` compiles it")
    with (folder / "control-plane.log").open("wb") as log:
        child = subprocess.Popen(
            [str(BINARY), "--dir", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield _await_ready(child, folder)
        finally:
            _end(child)


def _end(child: "subprocess.Popen[bytes]") -> None:
    try:
        child.communicate(timeout=_FAREWELL_S)  # It ends with its standard input.
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate(timeout=_FAREWELL_S)


def _check_consent(cluster: Cluster) -> None:
    if cluster.get(_NAMESPACE, "", _CONSENT) is None:
        raise PermissionError(
            "PENSTOCK_CLUSTER: the tests delete everything in this cluster; if that is what you want, say so with "
            f"`kubectl create namespace {_CONSENT}`"
        )


def _await_ready(child: "subprocess.Popen[bytes]", folder: Path) -> Path:
    assert child.stdout is not None
    if select.select([child.stdout], [], [], _START_S)[0]:
        line = child.stdout.readline().decode().strip()
        if line.startswith("ready "):
            return Path(line.removeprefix("ready "))
    raise TimeoutError("the API server did not start: " + (folder / "control-plane.log").read_text()[-2000:])


class RealServer:
    """Passes requests on to a real API server."""

    def __init__(self, kubeconfig: Path) -> None:
        self.admin_token = uuid.uuid4().hex
        self.kubeconfig = kubeconfig
        self._cluster: Any = connect(kubeconfig)
        self._url: str = self._cluster._url
        # The same server and certificates, but for whoever brings a token.
        keywords = {k: v for k, v in self._cluster._pool.connection_pool_kw.items() if k in ("ca_certs", "cert_reqs")}
        self._strangers = urllib3.PoolManager(**keywords)
        self._defined = install(self._cluster)
        self._written: set[str] | None = None  # The paths of all writes since the last cleaning; None: not known.
        _make_namespace(self._cluster, "test")

    def close(self) -> None:
        """Nothing is ours but connections."""

    def clean(self) -> None:
        """Delete what tests left."""
        for resource in (*BUILT_IN, *self._defined):
            if resource not in _KEPT_KINDS and self._is_touched(resource):
                kind = Kind(resource.api_version(resource.versions[0]), resource.kind, resource.plural)
                for item in self._cluster.list(kind, ""):
                    if not _belongs_to_server(resource, item):
                        self._delete(kind, item)

        self._written = set()

    def _is_touched(self, resource: Resource) -> bool:
        root = f"/apis/{resource.group}/" if resource.group else "/api/"
        written = self._written
        return written is None or any(path.startswith(root) and f"/{resource.plural}" in path for path in written)

    def _delete(self, kind: Kind, item: Manifest) -> None:
        namespace, name = item["metadata"].get("namespace", ""), item["metadata"]["name"]
        self._cluster.delete(kind, namespace, name)
        if item["metadata"].get("finalizers"):
            self._cluster.patch(kind, namespace, name, {"metadata": {"finalizers": None}})

    def answer(self, request: Request, ended: Callable[[], bool]) -> Answer:
        """Pass a request on; a watch ends when `ended`."""
        headers = {name: value for name, value in request.headers.items() if name in _PASSED_ON}
        pool = self._strangers
        if headers.get("authorization") == f"Bearer {self.admin_token}":
            del headers["authorization"]
            pool, headers = self._cluster._pool, {**headers, **self._cluster._authorize()}
        if request.method != "GET" and self._written is not None:
            self._written.add(request.path)
        watching = request.query.get("watch") in ("1", "true")
        response = pool.request(
            request.method,
            self._url + request.target,
            body=request.body or None,
            headers=headers,
            preload_content=not watching,
            retries=False,
            timeout=urllib3.Timeout(connect=5.0, read=None if watching else 30.0),
        )
        told = {name: response.headers[name] for name in ("content-type", "retry-after") if name in response.headers}
        if watching:
            return Answer(response.status, pieces=_stream(response, ended), headers=told)
        return Answer(response.status, response.data, headers=told)


def _stream(response: Any, ended: Callable[[], bool]) -> Iterator[bytes]:
    done = threading.Event()

    def cut() -> None:
        while not done.wait(_TURN_S):
            if ended():
                with suppress(OSError, AttributeError):
                    response.connection.sock.shutdown(2)
                return

    threading.Thread(target=cut, daemon=True).start()
    try:
        yield from response.stream(amt=None, decode_content=True)
    except urllib3.exceptions.HTTPError:
        return
    finally:
        done.set()
        response.close()


def install(cluster: Cluster) -> list[Resource]:
    """Install the definitions of the tests and wait until they are served."""
    kind = Kind("apiextensions.k8s.io/v1", DEFINITIONS.kind, DEFINITIONS.plural)
    wanted = definitions.installed()
    for definition in wanted:
        with suppress(ConflictError):
            cluster.create(kind, {**definition, "metadata": {"namespace": "", **definition["metadata"]}})
    deadline = time.monotonic() + _ESTABLISHED_S
    while not all(_established(item) for item in cluster.list(kind, "")):
        assert time.monotonic() < deadline, "the definitions are not established in time"
        threading.Event().wait(_TURN_S)
    return [from_definition(definition) for definition in wanted]


def _established(definition: Manifest) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Established" and condition["status"] == "True" for condition in conditions)


def _make_namespace(cluster: Cluster, name: str) -> None:
    with suppress(ConflictError):
        cluster.create(_NAMESPACE, {"metadata": {"namespace": "", "name": name}})


def _belongs_to_server(resource: Resource, item: Manifest) -> bool:
    metadata = item["metadata"]
    labels = metadata.get("labels") or {}
    return (
        metadata.get("namespace", "").startswith("kube-")
        or labels.get("kubernetes.io/bootstrapping") == "rbac-defaults"
        or (resource.kind in ("Service", "Endpoints", "EndpointSlice") and metadata["name"] == "kubernetes")
        or metadata["name"] == "kube-root-ca.crt"
        or metadata["name"].startswith("system:")
    )
