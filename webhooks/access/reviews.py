"""Ask Kubernetes whose token it is (TokenReview) and what its owner may do (SubjectAccessReview).

Scopes are verbs on resources of the group penstock.dev, which exist in roles alone: read is `get runs`, run is
`create runs`, approve is `approve gates`, report is `update releases`, runner is `update runs`, admin is every verb on
every resource. Answers are kept for a short while.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from webhooks.access.cluster_api import ClusterApi, call
from webhooks.access.kept import Kept
from webhooks.access.scopes import Admission, Need, Scope
from webhooks.errors import ClusterError

GROUP = "penstock.dev"
"""The group of the resources that roles name."""

PERMISSIONS = {
    Scope.READ: ("get", "runs"),
    Scope.RUN: ("create", "runs"),
    Scope.APPROVE: ("approve", "gates"),
    Scope.REPORT: ("update", "releases"),
    Scope.RUNNER: ("update", "runs"),
    Scope.ADMIN: ("*", "*"),
}
"""The verb and the resource that stand for each scope."""

USER = "user:"
"""What the identity of a user of the cluster begins with."""

_KEPT_S = 30.0


@dataclass(frozen=True, slots=True)
class _User:
    name: str
    groups: tuple[str, ...]
    uid: str


class ClusterAuthority:
    """Know the tokens of a cluster; the client is imported when the first one comes."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._users: Kept[_User | None] = Kept(now, _KEPT_S)
        self._rights: Kept[bool] = Kept(now, _KEPT_S)
        self._api = ClusterApi()

    def admit(self, token: str, need: Need) -> Admission | None:
        """Ask the cluster; raises ClusterError when it does not answer."""
        user = self._find(token)
        return None if user is None else self._admit(user, need)

    def identify(self, token: str) -> str:
        """Write who the cluster says the token is of: their rights are asked again later, the token is not."""
        user = self._find(token)
        return "" if user is None else USER + json.dumps([user.name, user.groups, user.uid])

    def admit_known(self, identity: str, need: Need) -> Admission | None:
        """Ask the cluster what somebody may do."""
        if not identity.startswith(USER):
            return None
        name, groups, uid = json.loads(identity.removeprefix(USER))
        return self._admit(_User(name, tuple(groups), uid), need)

    def _find(self, token: str) -> _User | None:
        key = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        return self._users.get(key, lambda: self._review(token))

    def _admit(self, user: _User, need: Need) -> Admission:
        wanted = f"{user.name} {user.uid} {user.groups} {need.scope.value} {need.namespace}"
        return Admission(user.name, self._rights.get(wanted, lambda: self._ask(user, need)))

    def _review(self, token: str) -> _User | None:
        client = self._api.client()
        body = client.V1TokenReview(spec=client.V1TokenReviewSpec(token=token))
        status = _reviewed(client.AuthenticationV1Api().create_token_review, body)
        if not status.authenticated:
            return None
        return _User(str(status.user.username), tuple(status.user.groups or ()), str(status.user.uid or ""))

    def _ask(self, user: _User, need: Need) -> bool:
        client = self._api.client()
        verb, resource = PERMISSIONS[need.scope]
        attributes = client.V1ResourceAttributes(group=GROUP, verb=verb, resource=resource, namespace=need.namespace)
        spec = client.V1SubjectAccessReviewSpec(
            user=user.name, groups=list(user.groups), uid=user.uid or None, resource_attributes=attributes
        )
        review = client.V1SubjectAccessReview(spec=spec)
        return bool(_reviewed(client.AuthorizationV1Api().create_subject_access_review, review).allowed)


def _reviewed(create: Callable[..., Any], body: object) -> Any:
    answer = call(create, body)
    if answer is None:
        raise ClusterError("the cluster does no reviews; use --auth tokens")
    return answer.status
