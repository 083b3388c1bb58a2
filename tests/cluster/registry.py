"""Create, replace and delete objects by the rules of the real server.

The rule to keep: callers hold the store's lock; what is refused leaves nothing behind.
"""

import copy
import random
import string
import time
import uuid
from http import HTTPStatus

from tests.cluster import defaults, garbage, statuses, validation
from tests.cluster.object_store import ObjectStore
from tests.cluster.resources import NAMESPACES, Manifest, Resource, Target

_OURS = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")


def create(store: ObjectStore, target: Target, item: Manifest, *, dry: bool = False) -> Manifest:
    """Keep a new object."""
    resource, namespace = target.resource, target.namespace
    item = copy.deepcopy(item)
    metadata = _place(resource, namespace, item)
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"] + "".join(random.choices(string.ascii_lowercase, k=5))
    validation.check_name(resource, metadata.get("name", ""))
    if resource.namespaced and store.get(NAMESPACES, "", namespace) is None:
        raise statuses.not_found(NAMESPACES, namespace)
    if store.get(resource, namespace, metadata["name"]) is not None:
        raise statuses.already_exists(resource, metadata["name"])
    if "status" in resource.subresources:
        item.pop("status", None)
    for field in (*_OURS, "resourceVersion"):
        metadata.pop(field, None)
    metadata.update(
        uid=str(uuid.uuid4()), creationTimestamp=_now(), **({"generation": 1} if resource.generations else {})
    )
    defaults.fill(resource, item)
    validation.check(resource, item)
    return item if dry else store.write(resource, item)


def replace(store: ObjectStore, target: Target, item: Manifest) -> Manifest:
    """Keep an object in place of the one there is; of its status or of all but its status."""
    resource, namespace, name = target.resource, target.namespace, target.name
    item = copy.deepcopy(item)
    metadata = _place(resource, namespace, item)
    if metadata.get("name") != name:
        said = metadata.get("name", "")
        raise statuses.bad_request(f"the name of the object ({said}) does not match the name on the URL ({name})")
    found = store.get(resource, namespace, name)
    if found is None:
        raise statuses.not_found(resource, name)
    version = metadata.get("resourceVersion")
    if not version and resource.must_name_version:
        complaint = "Invalid value: 0: must be specified for an update"
        raise statuses.invalid(resource, name, "metadata.resourceVersion", complaint)
    _refuse_stale(resource, found, metadata)
    wanted = _with_status_of(found, item) if target.part == "status" else _with_rest_of(resource, found, item)
    return _keep(store, resource, found, wanted)


def delete(store: ObjectStore, target: Target, options: Manifest) -> Manifest:
    """Remove an object and what it owns, or mark it while somebody's finalizer holds it."""
    resource, name = target.resource, target.name
    found = store.get(resource, target.namespace, name)
    if found is None:
        raise statuses.not_found(resource, name)
    wanted = options.get("preconditions") or {}
    for field in ("uid", "resourceVersion"):
        if wanted.get(field) and wanted[field] != found["metadata"][field]:
            why = f"the {field} in the precondition ({wanted[field]}) does not match the {field} in record"
            raise statuses.conflict(resource, name, f"{why} ({found['metadata'][field]})")
    if found["metadata"].get("finalizers"):
        if not found["metadata"].get("deletionTimestamp"):
            found["metadata"].update(deletionTimestamp=_now(), deletionGracePeriodSeconds=0)
            _count(resource, found)
            found = store.write(resource, found)
        return found
    garbage.remove(store, resource, found, str(options.get("propagationPolicy") or "Background"))
    return _removed(resource, found)


def _place(resource: Resource, namespace: str, item: Manifest) -> Manifest:
    metadata: Manifest = item.setdefault("metadata", {})
    _tidy(metadata)
    if not resource.namespaced:
        metadata.pop("namespace", None)
    elif metadata.setdefault("namespace", namespace) != namespace:
        message = "the namespace of the provided object does not match the namespace sent on the request"
        raise statuses.bad_request(message)
    return metadata


def _tidy(metadata: Manifest) -> None:
    for field in ("labels", "annotations", "ownerReferences", "finalizers"):
        if field in metadata and not metadata[field]:
            del metadata[field]


def _refuse_stale(resource: Resource, found: Manifest, metadata: Manifest) -> None:
    name, kept = found["metadata"]["name"], found["metadata"]
    if metadata.get("uid") and metadata["uid"] != kept["uid"]:
        why = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {kept['uid']}"
        raise statuses.conflict(resource, name, why)
    if metadata.get("resourceVersion") and metadata["resourceVersion"] != kept["resourceVersion"]:
        raise statuses.conflict(resource, name)


def _with_status_of(found: Manifest, item: Manifest) -> Manifest:
    wanted = {key: value for key, value in found.items() if key != "status"}
    return {**wanted, **({"status": item["status"]} if "status" in item else {})}


def _with_rest_of(resource: Resource, found: Manifest, item: Manifest) -> Manifest:
    kept = {field: found["metadata"][field] for field in (*_OURS, "resourceVersion") if field in found["metadata"]}
    metadata = {key: value for key, value in item["metadata"].items() if key not in _OURS}
    wanted = {**item, "metadata": {**metadata, **kept}}
    if "status" in resource.subresources:
        wanted = _with_status_of(wanted, found)
    defaults.fill(resource, wanted, found)
    validation.check(resource, wanted)
    validation.check_change(resource, found, wanted)
    if resource.generations and _counted(found) != _counted(wanted):
        _count(resource, wanted)
    return wanted


def _counted(item: Manifest) -> Manifest:
    return {key: value for key, value in item.items() if key not in ("apiVersion", "kind", "metadata", "status")}


def _count(resource: Resource, item: Manifest) -> None:
    if resource.generations:
        item["metadata"]["generation"] += 1


def _keep(store: ObjectStore, resource: Resource, found: Manifest, wanted: Manifest) -> Manifest:
    # Versions of a kind are one: which one it was written in makes no change.
    wanted = {**wanted, "apiVersion": found["apiVersion"], "kind": found["kind"]}
    if wanted == found:
        return found
    if wanted["metadata"].get("deletionTimestamp") and not wanted["metadata"].get("finalizers"):
        garbage.remove(store, resource, wanted, "Background")
        return wanted
    return store.write(resource, wanted)


def _removed(resource: Resource, found: Manifest) -> Manifest:
    group = {"group": resource.group} if resource.group else {}
    details = {"name": found["metadata"]["name"], **group, "kind": resource.plural, "uid": found["metadata"]["uid"]}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
        "code": int(HTTPStatus.OK),
    }


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
