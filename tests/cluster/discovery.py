"""Tell clients what is served: enough for kubectl and the official libraries."""

from tests.cluster.exchange import Answer
from tests.cluster.object_store import ObjectStore
from tests.cluster.resources import Manifest, Resource

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_REVIEWS = {
    ("authorization.k8s.io", "v1"): ("SelfSubjectAccessReview", "SubjectAccessReview"),
    ("authentication.k8s.io", "v1"): ("TokenReview",),
}


def answer(store: ObjectStore, path: str) -> Answer | None:  # noqa: PLR0911 - one return for each kind of path
    """The answer to a question on what is served, None when the path is none."""
    match path.strip("/").split("/"):
        case ["version"]:
            return Answer.of({"major": "1", "minor": "34", "gitVersion": "v1.34.0", "platform": "linux/amd64"})
        case ["healthz" | "livez" | "readyz"]:
            return Answer.text("ok")
        case ["api"]:
            return Answer.of({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
        case ["apis"]:
            groups = [_group(store, name) for name in _groups(store)]
            return Answer.of({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        case ["apis", group] if group in _groups(store):
            return Answer.of({"kind": "APIGroup", "apiVersion": "v1", **_group(store, group)})
        case ["api", "v1"]:
            return _resources(store, "", "v1")
        case ["apis", group, version] if version in _versions(store, group):
            return _resources(store, group, version)
        case _:
            return None


def review_kind(group: str, version: str, plural: str) -> str:
    """The kind of question that is asked under a path, empty for none."""
    return next((kind for kind in _REVIEWS.get((group, version), ()) if kind.lower() + "s" == plural), "")


def _groups(store: ObjectStore) -> list[str]:
    return sorted({r.group for r in store.resources if r.group} | {group for group, _ in _REVIEWS})


def _versions(store: ObjectStore, group: str) -> list[str]:
    found = [version for r in store.resources if r.group == group for version in r.versions]
    return list(dict.fromkeys([*found, *(version for name, version in _REVIEWS if name == group)]))


def _group(store: ObjectStore, name: str) -> Manifest:
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in _versions(store, name)]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _resources(store: ObjectStore, group: str, version: str) -> Answer:
    listed = []
    for resource in store.resources:
        if resource.group == group and version in resource.versions:
            listed.append(_entry(resource, resource.plural, _VERBS))
            listed += [
                _entry(resource, f"{resource.plural}/{part}", ["get", "patch", "update"])
                for part in sorted(resource.subresources)
            ]
    listed += [
        {"name": kind.lower() + "s", "singularName": "", "namespaced": False, "kind": kind, "verbs": ["create"]}
        for kind in _REVIEWS.get((group, version), ())
    ]
    name = f"{group}/{version}" if group else version
    return Answer.of({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": listed})


def _entry(resource: Resource, name: str, verbs: list[str]) -> Manifest:
    return {
        "name": name,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": verbs,
    }
