"""Say what of a pod the profile *restricted* of Kubernetes' pod security standards refuses.

The controls are those of https://kubernetes.io/docs/concepts/security/pod-security-standards/, baseline and restricted.
"""

from collections.abc import Iterator
from typing import Any

Manifest = dict[str, Any]

_VOLUMES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)
_PROFILES = frozenset({"RuntimeDefault", "Localhost"})
_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
    }
)


def faults(pod: Manifest) -> list[str]:
    """List what is refused of a pod's spec, empty when nothing is."""
    return [*_of_pod(pod), *(fault for container in _containers(pod) for fault in _of_container(container, pod))]


def _containers(pod: Manifest) -> Iterator[Manifest]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from pod.get(kind) or []


def _of_pod(pod: Manifest) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield f"{name} is on"
    for volume in pod.get("volumes") or []:
        if not _VOLUMES & volume.keys():
            yield f"volume {volume['name']} is of no kind that is allowed"
    context = pod.get("securityContext") or {}
    for sysctl in context.get("sysctls") or []:
        if sysctl["name"] not in _SYSCTLS:
            yield f"sysctl {sysctl['name']} is set"
    if context.get("runAsUser") == 0:
        yield "the pod runs as user 0"


def _of_container(container: Manifest, pod: Manifest) -> Iterator[str]:
    own, shared = container.get("securityContext") or {}, pod.get("securityContext") or {}
    name = container["name"]
    yield from (f"{name}: {fault}" for fault in _of_context(own, shared))
    if any("hostPort" in port for port in container.get("ports") or []):
        yield f"{name}: has a host port"


def _of_context(own: Manifest, shared: Manifest) -> Iterator[str]:
    both = {**shared, **own}
    if own.get("privileged"):
        yield "is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "may escalate privileges"
    if both.get("runAsNonRoot") is not True:
        yield "may run as root"
    if own.get("runAsUser") == 0:
        yield "runs as user 0"
    if (both.get("seccompProfile") or {}).get("type") not in _PROFILES:
        yield "has no seccomp profile"
    yield from _of_capabilities(own.get("capabilities") or {})
    if own.get("procMount", "Default") != "Default":
        yield "has another view of /proc"


def _of_capabilities(capabilities: Manifest) -> Iterator[str]:
    if "ALL" not in (capabilities.get("drop") or []):
        yield "does not drop ALL capabilities"
    more = set(capabilities.get("add") or []) - {"NET_BIND_SERVICE"}
    if more:
        yield f"adds capabilities {', '.join(sorted(more))}"
