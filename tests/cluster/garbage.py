"""Remove objects together with what they own, at once: what the real cluster's garbage collector does soon after."""

from tests.cluster.object_store import ObjectStore
from tests.cluster.resources import NAMESPACES, Manifest, Resource


def remove(store: ObjectStore, resource: Resource, item: Manifest, policy: str) -> None:
    """Remove an object; policy Orphan leaves what it owns, without an owner."""
    metadata = item["metadata"]
    store.remove(resource, metadata.get("namespace", ""), metadata["name"])
    if resource == NAMESPACES:
        _empty(store, metadata["name"])
    for kind, child in _children(store, metadata["uid"]):
        _disown(store, kind, child, metadata["uid"], policy)


def _empty(store: ObjectStore, namespace: str) -> None:
    for resource in store.resources:
        if resource.namespaced:
            for item in store.list(resource, namespace):
                store.remove(resource, namespace, item["metadata"]["name"])


def _children(store: ObjectStore, owner: str) -> list[tuple[Resource, Manifest]]:
    return [
        (resource, item)
        for resource in store.resources
        for item in store.list(resource)
        if any(reference.get("uid") == owner for reference in item["metadata"].get("ownerReferences") or ())
    ]


def _disown(store: ObjectStore, resource: Resource, child: Manifest, owner: str, policy: str) -> None:
    metadata = child["metadata"]
    others = [reference for reference in metadata["ownerReferences"] if reference.get("uid") != owner]
    if policy == "Orphan" or others:
        metadata.pop("ownerReferences")
        if others:
            metadata["ownerReferences"] = others
        store.write(resource, child)
    elif store.get(resource, metadata.get("namespace", ""), metadata["name"]) is not None:
        remove(store, resource, child, policy)
