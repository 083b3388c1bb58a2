"""Say who asks and what they may do: by tokens of service accounts, by Roles and their bindings."""

import uuid
from dataclasses import dataclass

from tests.cluster.object_store import ObjectStore
from tests.cluster.resources import Manifest, Resource

_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Account:
    """A user and the groups they belong to."""

    user: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody wants to do."""

    verb: str
    group: str
    resource: str
    """The plural, with `/status` and the like behind it where a part is meant."""

    namespace: str
    name: str

    def __str__(self) -> str:
        where = f'in the namespace "{self.namespace}"' if self.namespace else "at the cluster scope"
        return f'cannot {self.verb} resource "{self.resource}" in API group "{self.group}" {where}'


class Permissions:
    """Tokens are kept here, rights in the store, as Roles, ClusterRoles and their bindings."""

    def __init__(self, store: ObjectStore, admin_token: str) -> None:
        self._store = store
        self._tokens = {admin_token: Account("admin", ("system:masters", "system:authenticated"))}

    def account(self, token: str) -> Account | None:
        """Whose token this is, None when nobody's."""
        return self._tokens.get(token)

    def issue(self, namespace: str, name: str) -> str:
        """A token for a service account."""
        token = uuid.uuid4().hex
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        self._tokens[token] = Account(f"system:serviceaccount:{namespace}:{name}", groups)
        return token

    def allows(self, account: Account, deed: Deed) -> bool:
        if "system:masters" in account.groups:
            return True
        return any(_covers(rule, deed) for rule in self._rules(account, deed.namespace))

    def _rules(self, account: Account, namespace: str) -> list[Manifest]:
        found = [(binding, "") for binding in self._all("clusterrolebindings")]
        if namespace:
            found += [(binding, namespace) for binding in self._all("rolebindings", namespace)]
        rules: list[Manifest] = []
        for binding, where in found:
            if any(_means(subject, account) for subject in binding.get("subjects") or ()):
                reference = binding["roleRef"]
                plural = "roles" if reference["kind"] == "Role" else "clusterroles"
                role = self._one(plural, where if plural == "roles" else "", reference["name"])
                rules += (role or {}).get("rules") or ()
        return rules

    def _all(self, plural: str, namespace: str = "") -> list[Manifest]:
        return self._store.list(self._kind(plural), namespace)

    def _one(self, plural: str, namespace: str, name: str) -> Manifest | None:
        return self._store.get(self._kind(plural), namespace, name)

    def _kind(self, plural: str) -> Resource:
        found = self._store.resource(_RBAC, "v1", plural)
        assert found is not None
        return found


def _means(subject: Manifest, account: Account) -> bool:
    match subject["kind"]:
        case "ServiceAccount":
            return account.user == f"system:serviceaccount:{subject.get('namespace', '')}:{subject['name']}"
        case "User":
            return bool(account.user == subject["name"])
        case _:
            return subject["name"] in account.groups


def _covers(rule: Manifest, deed: Deed) -> bool:
    names = rule.get("resourceNames") or ()
    return (
        _has(rule.get("apiGroups"), deed.group)
        and (_has(rule.get("resources"), deed.resource) or f"*/{deed.resource.partition('/')[2]}" in rule["resources"])
        and _has(rule.get("verbs"), deed.verb)
        and (not names or deed.name in names)
    )


def _has(offered: list[str] | None, wanted: str) -> bool:
    return bool(offered) and (wanted in offered or "*" in offered)


def review(permissions: Permissions, asker: Account, kind: str, body: Manifest) -> Manifest:
    """Answer a question that is put by posting an object: may I, may they, whose token is this."""
    spec = body.get("spec") or {}
    if kind == "TokenReview":
        owner = permissions.account(str(spec.get("token", "")))
        user = {"username": owner.user, "groups": list(owner.groups)} if owner else {}
        said = {"authenticated": True, "user": user} if owner else {"user": {}, "error": "invalid bearer token"}
        return {**body, "metadata": {}, "status": said}
    if kind == "SubjectAccessReview":
        asker = Account(str(spec.get("user", "")), tuple(spec.get("groups") or ()))
    about = spec.get("resourceAttributes") or {}
    part = f"/{about['subresource']}" if about.get("subresource") else ""
    deed = Deed(
        *(str(about.get(key, "")) for key in ("verb", "group")),
        str(about.get("resource", "")) + part,
        *(str(about.get(key, "")) for key in ("namespace", "name")),
    )
    return {**body, "metadata": {}, "status": {"allowed": permissions.allows(asker, deed)}}
