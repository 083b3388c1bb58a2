"""Get, list, create, replace, patch, delete and watch objects as JSON.

The rules to keep: every call has a deadline; what may pass is tried again until then; what the caller must mend is a
ConfigurationError in words of the cluster, what may work later a TemporaryError.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any

from workflows.cluster import refusals
from workflows.cluster.kinds import Kind, Manifest
from workflows.errors import UnavailableError

PATIENCE_S = 10.0
"""How long one call may take, with all its attempts."""

_ATTEMPT_S = 5.0
_FIRST_PAUSE_S = 0.2
_MERGE_PATCH = "application/merge-patch+json"
_PRESENT = ("ADDED", "MODIFIED")
_NO_QUERY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=lambda: _NO_QUERY)
    body: Manifest | None = None
    content_type: str = "application/json"


class Cluster:
    """Reach one API server through a urllib3 pool; `authorize` gives the headers that say who asks."""

    def __init__(
        self, pool: Any, url: str, authorize: Callable[[], dict[str, str]], patience_s: float = PATIENCE_S
    ) -> None:
        self._pool = pool
        self._url = url
        self._authorize = authorize
        self._patience_s = patience_s

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Read an object, None when there is none; a kind that the cluster does not serve is an error."""
        status, answer = self._send(_Call("GET", kind.path(namespace, name)))
        if refusals.says_missing(status, answer):
            return None
        return refusals.check(status, answer, f"read {kind.kind} {name} in {namespace}", kind)

    def list(self, kind: Kind, namespace: str, labels: str = "") -> list[Manifest]:
        """List the objects of a namespace (of all, if it is empty) that a label selector picks."""
        query = {"labelSelector": labels} if labels else {}
        status, answer = self._send(_Call("GET", kind.path(namespace), query))
        found = refusals.check(status, answer, f"list {kind.plural} in {namespace or 'all namespaces'}", kind)
        return [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in found["items"]]

    def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Create an object and give what was kept; raises ConflictError when it is there already."""
        namespace, name = manifest["metadata"]["namespace"], manifest["metadata"].get("name", "")
        status, answer = self._send(_Call("POST", kind.path(namespace), body=_named(kind, manifest)))
        return refusals.check(status, answer, f"create {kind.kind} {name} in {namespace}", kind)

    def replace(self, kind: Kind, manifest: Manifest, subresource: str = "") -> Manifest:
        """Replace an object or its status; raises ConflictError when its resourceVersion is no longer the newest."""
        namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
        path = kind.path(namespace, name, subresource)
        status, answer = self._send(_Call("PUT", path, body=_named(kind, manifest)))
        return refusals.check(status, answer, f"replace {kind.kind} {name} in {namespace}", kind)

    def patch(self, kind: Kind, namespace: str, name: str, change: Manifest, subresource: str = "") -> Manifest:
        """Merge a change into an object or its status (RFC 7396)."""
        path = kind.path(namespace, name, subresource)
        status, answer = self._send(_Call("PATCH", path, body=change, content_type=_MERGE_PATCH))
        return refusals.check(status, answer, f"patch {kind.kind} {name} in {namespace}", kind)

    def delete(self, kind: Kind, namespace: str, name: str, version: str = "") -> None:
        """Delete an object, if need be in just one version (else ConflictError); one that is gone is no error."""
        only = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"resourceVersion": version}}
        status, answer = self._send(_Call("DELETE", kind.path(namespace, name), body=only if version else None))
        if not refusals.says_missing(status, answer):
            refusals.check(status, answer, f"delete {kind.kind} {name} in {namespace}", kind)

    def watch(self, kind: Kind, namespace: str, name: str, patience_s: float) -> Iterator[Manifest]:
        """Give an object each time it changes, beginning with now, for so many seconds; ends early when it is deleted.

        The connection may end sooner; then the caller watches again.
        """
        seconds = str(max(1, int(patience_s)))
        query = {"watch": "1", "fieldSelector": f"metadata.name={name}", "timeoutSeconds": seconds}
        call = _Call("GET", kind.path(namespace), query)
        with refusals.unreachable(self._url):
            response = self._request(call, patience_s + _ATTEMPT_S, stream=True)
            try:
                if response.status != refusals.OK:
                    refusals.check(response.status, _read(response.read()), f"watch {kind.kind} {name}", kind)
                yield from _follow(response)
            finally:
                response.close()  # A connection with half an answer on it serves no other call.

    def read(self, path: str) -> Manifest:
        """Read any path, as `/version` or the group `/apis/networking.istio.io`."""
        status, answer = self._send(_Call("GET", path))
        return refusals.check(status, answer, f"read {path}")

    def time(self) -> datetime:
        """Give the time by the API server's clock, to the second."""
        with refusals.unreachable(self._url):
            date = self._request(_Call("GET", "/version"), _ATTEMPT_S).headers.get("date", "")
        try:
            return parsedate_to_datetime(date)
        except ValueError as error:
            raise UnavailableError(f"{self._url}: the API server's answers do not tell the time") from error

    def post(self, path: str, body: Manifest) -> Manifest:
        """Ask a question that is put by posting an object, as a SelfSubjectAccessReview."""
        status, answer = self._send(_Call("POST", path, body=body))
        return refusals.check(status, answer, f"post to {path}")

    def _send(self, call: _Call) -> tuple[int, Manifest]:
        deadline, pause = time.monotonic() + self._patience_s, _FIRST_PAUSE_S
        while True:
            left = deadline - time.monotonic()
            try:
                with refusals.unreachable(self._url):
                    response = self._request(call, max(0.1, min(_ATTEMPT_S, left)))
                status, answer, wait_s = response.status, _read(response.data), _asked_wait(response, pause)
            except UnavailableError:
                if left < pause:
                    raise
                wait_s = pause
            else:
                if not refusals.may_pass(status) or left < wait_s:
                    return status, answer
            threading.Event().wait(wait_s)
            pause *= 2

    def _request(self, call: _Call, timeout_s: float, *, stream: bool = False) -> Any:
        headers = {"accept": "application/json", "content-type": call.content_type, **self._authorize()}
        # urllib3 takes fields for the query only where there is no body; no call here has both.
        more: dict[str, Any] = {"body": json.dumps(call.body)} if call.body is not None else {"fields": call.query}
        return self._pool.request(
            call.method,
            self._url + call.path,
            headers=headers,
            timeout=timeout_s,
            retries=False,
            preload_content=not stream,
            **more,
        )


def _named(kind: Kind, manifest: Manifest) -> Manifest:
    # Kinds that a CRD defines are refused without their name.
    return {"apiVersion": kind.api_version, "kind": kind.kind, **manifest}


def _asked_wait(response: Any, pause: float) -> float:
    asked = response.headers.get("retry-after", "")
    return max(pause, float(asked)) if asked.isdecimal() else pause


def _read(data: bytes) -> Manifest:
    try:
        answer = json.loads(data)
    except ValueError:
        return {"message": data.decode(errors="replace").strip()}
    return answer if isinstance(answer, dict) else {"message": str(answer)}


def _follow(response: Any) -> Iterator[Manifest]:
    buffer = b""
    for piece in response.stream(amt=None, decode_content=True):
        buffer += piece
        *lines, buffer = buffer.split(b"\n")
        for line in lines:
            event = _read(line)
            if event.get("type") not in _PRESENT:
                return
            yield event["object"]
