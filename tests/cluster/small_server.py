"""A Kubernetes API server in one process and in memory: the requests that our adapters make, as the real one answers.

The rule to keep: test_api_server.py runs against both; what is mended here is first seen there.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from tests.cluster import discovery, patches, permissions, registry, scaling, selectors, statuses, watching
from tests.cluster.exchange import NO_PAGE, Answer, Request
from tests.cluster.object_store import ObjectStore
from tests.cluster.permissions import Account, Deed, Permissions
from tests.cluster.resources import BUILT_IN, NAMESPACES, Manifest, Target
from tests.cluster.statuses import Refusal

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class SmallServer:
    """Answers requests out of an object store."""

    def __init__(self) -> None:
        self.store = ObjectStore()
        self.admin_token = uuid.uuid4().hex
        self.permissions = Permissions(self.store, self.admin_token)
        for name in ("default", "kube-system"):
            registry.create(self.store, Target(NAMESPACES, "v1"), {"metadata": {"name": name}})

    def close(self) -> None:
        """Nothing is under way but watches, and these end with their connections."""

    def answer(self, request: Request, ended: Callable[[], bool]) -> Answer:
        """Carry a request out; a watch goes on until `ended`."""
        try:
            asker = self._who(request)
            if served := discovery.answer(self.store, request.path) if request.method == "GET" else None:
                return served
            if reviewed := self._review(request, asker):
                return reviewed
            target = self._find(request.path)
            if target is None:
                return _nothing_at(request.path)
            self._permit(request, target, asker)
            return self._carry_out(request, target, ended)
        except Refusal as refusal:
            return Answer.of(refusal.body, refusal.status)

    def _who(self, request: Request) -> Account:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        account = self.permissions.account(token)
        if account is None:
            raise statuses.unauthorized()
        return account

    def _review(self, request: Request, asker: Account) -> Answer | None:
        parts = request.path.strip("/").split("/")
        if request.method != "POST" or len(parts) != 4 or not (kind := discovery.review_kind(*parts[1:])):
            return None
        return Answer.of(permissions.review(self.permissions, asker, kind, _body(request)), HTTPStatus.CREATED)

    def _find(self, path: str) -> Target | None:
        match path.strip("/").split("/"):
            case ["api", "v1", *rest]:
                group, version = "", "v1"
            case ["apis", group, version, *rest]:
                pass
            case _:
                return None
        namespace = ""
        if len(rest) > 2 and rest[0] == "namespaces" and self.store.resource(group, version, rest[2]):
            _, namespace, *rest = rest
        if not 1 <= len(rest) <= 3:
            return None
        resource = self.store.resource(group, version, rest[0])
        if resource is None or (len(rest) > 1 and resource.namespaced != bool(namespace)):
            return None
        name, part = (*rest[1:], "", "")[:2]
        if part and part not in resource.subresources:
            raise statuses.no_such_part()
        return Target(resource, version, namespace, name, part)

    def _permit(self, request: Request, target: Target, asker: Account) -> None:
        verb = _VERBS.get(request.method) or ("get" if target.name else "list")
        if "watch" in request.query and verb == "list":
            verb = "watch"
        if request.method == "DELETE" and not target.name:
            verb = "deletecollection"
        resource = target.resource
        part = f"/{target.part}" if target.part else ""
        deed = Deed(verb, resource.group, resource.plural + part, target.namespace, target.name)
        if not self.permissions.allows(asker, deed):
            raise statuses.forbidden(resource, target.name, f'User "{asker.user}" {deed}')

    def _carry_out(self, request: Request, target: Target, ended: Callable[[], bool]) -> Answer:
        if request.query.get("watch") in ("1", "true") and not target.name:
            return self._watch(request, target, ended)
        with self.store.lock:
            if request.method == "GET":
                return Answer.of(self._read(target) if target.name else self._list(request, target))
            carry_out = _WRITES.get((request.method, bool(target.name)))
            if carry_out is None:
                raise statuses.not_allowed()
            return Answer.of(carry_out(self, request, target), _CREATED.get(request.method, HTTPStatus.OK))

    def _get(self, target: Target) -> Manifest:
        found = self.store.get(target.resource, target.namespace, target.name)
        if found is None:
            raise statuses.not_found(target.resource, target.name)
        return found

    def _read(self, target: Target) -> Manifest:
        found = self._get(target)
        return scaling.scale_of(found) if target.part == "scale" else target.shape(found)

    def _picked(self, request: Request, target: Target) -> selectors.Pick:
        labels = selectors.by_labels(request.query.get("labelSelector", ""))
        fields = selectors.by_fields(target.resource, request.query.get("fieldSelector", ""))
        return lambda item: labels(item) and fields(item)

    def _list(self, request: Request, target: Target) -> Manifest:
        picks = self._picked(request, target)
        items = [item for item in self.store.list(target.resource, target.namespace) if picks(item)]
        # The real server leaves kind and version out of the items of its own kinds, and leaves them in others'.
        named = ("apiVersion", "kind") if not target.resource.custom else ()
        shaped = [{key: value for key, value in target.shape(item).items() if key not in named} for item in items]
        return {
            "kind": f"{target.resource.kind}List",
            "apiVersion": target.resource.api_version(target.version),
            "metadata": {"resourceVersion": str(self.store.version)},
            "items": shaped,
        }

    def _watch(self, request: Request, target: Target, ended: Callable[[], bool]) -> Answer:
        query = request.query
        seconds = float(query["timeoutSeconds"]) if query.get("timeoutSeconds", "").isdecimal() else None
        watch = watching.Watch(
            target.resource,
            target.namespace,
            self._picked(request, target),
            target.shape,
            query.get("resourceVersion", ""),
            seconds,
            query.get("allowWatchBookmarks") in ("1", "true"),
        )
        return Answer(HTTPStatus.OK, pieces=watching.stream(self.store, watch, ended))

    def _create(self, request: Request, target: Target) -> Manifest:
        item = _checked(_body(request), target)
        dry = request.query.get("dryRun") == "All"
        return target.shape(registry.create(self.store, target, item, dry=dry))

    def _ask(self, request: Request, target: Target) -> Manifest:
        if target.part != "token":
            raise statuses.not_allowed()
        return {**_body(request), "status": {"token": self.permissions.issue(target.namespace, target.name)}}

    def _put(self, request: Request, target: Target) -> Manifest:
        return self._replace(target, _body(request))

    def _replace(self, target: Target, item: Manifest) -> Manifest:
        if target.part == "scale":
            found = scaling.scaled(self._get(target), item)
            return scaling.scale_of(registry.replace(self.store, target, found))
        return target.shape(registry.replace(self.store, target, _checked(item, target)))

    def _patch(self, request: Request, target: Target) -> Manifest:
        found, change = self._read(target), _json(request)
        match request.headers.get("content-type", "").partition(";")[0]:
            case patches.MERGE:
                return self._replace(target, patches.merge(found, change))
            case patches.JSON:
                return self._replace(target, patches.apply_operations(found, change))
            case _:
                raise statuses.unsupported_patch([patches.JSON, patches.MERGE])

    def _delete(self, request: Request, target: Target) -> Manifest:
        options = {
            **_body(request),
            **{key: request.query[key] for key in ("propagationPolicy",) if key in request.query},
        }
        removed = registry.delete(self.store, target, options)
        return target.shape(removed) if "spec" in removed or "data" in removed else removed

    def _delete_all(self, request: Request, target: Target) -> Manifest:
        listed = self._list(request, target)
        for item in listed["items"]:
            name, namespace = item["metadata"]["name"], item["metadata"].get("namespace", "")
            one = replace(target, namespace=namespace, name=name)
            registry.delete(self.store, one, _body(request))
        return listed


_WRITES: dict[tuple[str, bool], Callable[[SmallServer, Request, Target], Manifest]] = {
    ("POST", False): SmallServer._create,
    ("POST", True): SmallServer._ask,
    ("PUT", True): SmallServer._put,
    ("PATCH", True): SmallServer._patch,
    ("DELETE", True): SmallServer._delete,
    ("DELETE", False): SmallServer._delete_all,
}
_CREATED = {"POST": HTTPStatus.CREATED}


def _nothing_at(path: str) -> Answer:
    group = (*path.strip("/").split("/"), "", "")[1] if path.startswith("/apis/") else ""
    if path.startswith("/api/") or any(group and group == resource.group for resource in BUILT_IN):
        raise statuses.no_such_part()
    return Answer.text(NO_PAGE, HTTPStatus.NOT_FOUND)


def _json(request: Request) -> Any:
    try:
        return json.loads(request.body or b"{}")
    except ValueError as error:
        raise statuses.bad_request(f"error decoding JSON: {error}") from error


def _body(request: Request) -> Manifest:
    content = _json(request)
    if not isinstance(content, dict):
        raise statuses.bad_request("the object provided is unrecognized: it is not an object")
    return content


def _checked(item: Manifest, target: Target) -> Manifest:
    expected = target.resource.api_version(target.version)
    for field in ("kind", "apiVersion") if target.resource.custom else ():
        if not item.get(field):
            raise statuses.bad_request(f"Object '{field.capitalize()}' is missing in '{json.dumps(item)}'")
    said, kind = item.setdefault("apiVersion", expected), item.setdefault("kind", target.resource.kind)
    if said != expected:
        message = f"the API version in the data ({said}) does not match the expected API version ({expected})"
        raise statuses.bad_request(message)
    if kind != target.resource.kind:
        raise statuses.bad_request(
            f"the kind in the data ({kind}) does not match the expected kind ({target.resource.kind})"
        )
    return item
