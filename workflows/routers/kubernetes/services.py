"""Write the three services of a release: the canary's, the primary's and the one that users call.

The rule to keep: of a service that somebody else made, only its ports and its selector change.
"""

from collections.abc import Iterator
from typing import Any

from workflows.cluster.kinds import SERVICE, Manifest
from workflows.cluster.ownership import owner_of
from workflows.cluster.targets import Target
from workflows.errors import ConfigurationError
from workflows.rollout.traffic import ALL, Arm, Route
from workflows.routers.kubernetes import manifests
from workflows.routers.kubernetes.dialect import Companion, Dialect, Draft
from workflows.routers.kubernetes.site import Site

_APEX = "apex"
"""What `spec.service` calls the service that users call."""


def of_both_arms(draft: Draft) -> Iterator[Companion]:
    """Give the services of the two arms, which stand before any traffic is sent to them.

    A target that is a Service itself has the arms' services made from it by the workload.
    """
    target = draft.target
    if target and target.label:
        for arm in (Arm.CANARY, Arm.PRIMARY):
            yield _service(draft, target, arm.value, arm)


def of_all_three(draft: Draft) -> Iterator[Companion]:
    """Give the arms' services and then the one that users call, which leads to the primary past any mesh."""
    yield from of_both_arms(draft)
    if draft.target and draft.target.label:
        yield _service(draft, draft.target, _APEX, Arm.PRIMARY)


def _service(draft: Draft, target: Target, part: str, arm: Arm) -> Companion:
    name = _name(draft.site, part)

    def build(found: Manifest | None) -> Manifest:
        said = {"metadata": _marks(draft.site, target, part, found), "spec": _spec(draft.site, target, arm, found)}
        return manifests.assemble(name, found, said, draft.claim)

    return Companion(SERVICE, name, build)


def _name(site: Site, part: str) -> str:
    return site.apex if part == _APEX else f"{site.apex}-{part}"


def _marks(site: Site, target: Target, part: str, found: Manifest | None) -> Manifest:
    if found and not owner_of(found):
        return {"annotations": dict(manifests.KEEP_OUT)}
    marks = site.setting(part) or {}
    return {
        "labels": {**(marks.get("labels") or {}), target.label: _name(site, part)},
        "annotations": {**(marks.get("annotations") or {}), **manifests.KEEP_OUT},
    }


def _spec(site: Site, target: Target, arm: Arm, found: Manifest | None) -> Manifest:
    spec = found["spec"] if found else _first_spec(site)
    known = {port.get("name"): port["nodePort"] for port in spec.get("ports") or [] if port.get("nodePort")}
    ports = [_service_port(site), *(_port(name, port, port) for name, port in target.ports.items())]
    kept = [port | ({"nodePort": known[port["name"]]} if port["name"] in known else {}) for port in ports]
    return {**spec, "selector": {target.label: _value(target, arm)}, "ports": kept}


def _value(target: Target, arm: Arm) -> str:
    return target.primary_value if arm is Arm.PRIMARY else target.value


def _first_spec(site: Site) -> Manifest:
    headless = {"clusterIP": "None"} if site.setting("headless") else {}
    return {"type": "ClusterIP", **headless, **site.settings("trafficDistribution")}


def _service_port(site: Site) -> dict[str, Any]:
    service = site.plan.service
    return _port(service.port_name, service.port, service.target_port) | site.settings("appProtocol")


def _port(name: str, port: int, target_port: int | str) -> dict[str, Any]:
    return {"name": name, "protocol": "TCP", "port": port, "targetPort": target_port}


def _write(draft: Draft) -> Manifest:
    percent = draft.route.canary_percent
    if percent not in {0, ALL}:
        raise ConfigurationError(
            f"{draft.site.plan.key}: provider kubernetes sends all traffic to one arm, {percent} percent cannot be "
            "split off; give spec.analysis.iterations instead of weights, or a provider that splits"
        )
    if draft.target is None:
        raise ConfigurationError(f"{draft.site.plan.key}: the target is gone, and with it what its pods are picked by")
    arm = Arm.CANARY if percent else Arm.PRIMARY
    marks = _marks(draft.site, draft.target, _APEX, draft.found)
    return {"metadata": marks, "spec": _spec(draft.site, draft.target, arm, draft.found)}


def _read(_: Site, manifest: Manifest) -> Route:
    # A service that nobody took over yet says nothing of a release.
    values: dict[str, str] = manifest["spec"].get("selector") or {}
    home = any(value.endswith("-primary") for value in values.values())
    return Route(0 if home or not manifests.is_taken(manifest) else ALL)


DIALECT = Dialect(SERVICE, _write, _read, of_both_arms)
