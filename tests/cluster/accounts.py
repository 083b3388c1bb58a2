"""Make service accounts with rights, by the same calls on every server."""

import uuid

from tests.cluster.resources import Manifest
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import Kind

SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts")
ROLE = Kind("rbac.authorization.k8s.io/v1", "Role", "roles")
ROLE_BINDING = Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings")
_AUTHORIZATION = "rbac.authorization.k8s.io"


def make(cluster: Cluster, namespace: str, rules: list[Manifest]) -> str:
    """Make an account with just these RBAC rules in a namespace, and give a token of its own."""
    name = f"account-{uuid.uuid4().hex[:8]}"
    metadata = {"name": name, "namespace": namespace}
    cluster.create(SERVICE_ACCOUNT, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    role = {"apiVersion": f"{_AUTHORIZATION}/v1", "kind": "Role", "metadata": metadata, "rules": rules}
    cluster.create(ROLE, role)
    binding = {
        "apiVersion": f"{_AUTHORIZATION}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _AUTHORIZATION, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }
    cluster.create(ROLE_BINDING, binding)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    answer = cluster.post(SERVICE_ACCOUNT.path(namespace, name, "token"), request)
    return str(answer["status"]["token"])
