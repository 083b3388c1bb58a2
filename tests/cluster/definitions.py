"""The CustomResourceDefinitions that tests install: the projects' own where PENSTOCK_CRDS says, else minimal ones.

Minimal ones have the same group, versions, kind and parts, and take any contents.
"""

import gzip
import os
from functools import cache
from pathlib import Path

import yaml

from tests.cluster.resources import Manifest

_MINIMAL = (
    ("flagger.app", ("v1beta1",), "Canary", "canaries"),
    ("flagger.app", ("v1beta1",), "MetricTemplate", "metrictemplates"),
    ("flagger.app", ("v1beta1",), "AlertProvider", "alertproviders"),
    ("networking.istio.io", ("v1beta1", "v1alpha3", "v1"), "VirtualService", "virtualservices"),
    ("networking.istio.io", ("v1beta1", "v1alpha3", "v1"), "DestinationRule", "destinationrules"),
    ("gateway.networking.k8s.io", ("v1", "v1beta1"), "HTTPRoute", "httproutes"),
    ("gateway.networking.k8s.io", ("v1", "v1beta1"), "Gateway", "gateways"),
    ("keda.sh", ("v1alpha1",), "ScaledObject", "scaledobjects"),
    ("traefik.io", ("v1alpha1",), "TraefikService", "traefikservices"),
    ("projectcontour.io", ("v1",), "HTTPProxy", "httpproxies"),
    ("gateway.solo.io", ("v1",), "RouteTable", "routetables"),
    ("gloo.solo.io", ("v1",), "Upstream", "upstreams"),
    ("apisix.apache.org", ("v2",), "ApisixRoute", "apisixroutes"),
    ("serving.knative.dev", ("v1",), "Service", "services"),
    ("serving.knative.dev", ("v1",), "Revision", "revisions"),
    ("split.smi-spec.io", ("v1alpha2", "v1alpha1", "v1alpha3"), "TrafficSplit", "trafficsplits"),
    ("kuma.io", ("v1alpha1",), "TrafficRoute", "trafficroutes"),
)
_CLUSTER_WIDE = {"trafficroutes"}
_WITHOUT_STATUS = {"metrictemplates", "alertproviders"}
_FILES = ("flagger", "istio-networking", "gateway-api")


def minimal() -> list[Manifest]:
    """Definitions that take any contents."""
    return [define(*row) for row in _MINIMAL]


def define(group: str, versions: tuple[str, ...], kind: str, plural: str) -> Manifest:
    """A definition that takes any contents; the first version is the stored one."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    parts = {} if plural in _WITHOUT_STATUS else {"subresources": {"status": {}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            # Kubernetes keeps groups of its own for those who name their approval.
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": group,
            "scope": "Cluster" if plural in _CLUSTER_WIDE else "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [
                {"name": version, "served": True, "storage": version == versions[0], "schema": schema, **parts}
                for version in versions
            ],
        },
    }


@cache
def published() -> tuple[Manifest, ...]:
    """The projects' own definitions, none where PENSTOCK_CRDS is not set."""
    folder = os.environ.get("PENSTOCK_CRDS")
    if not folder:
        return ()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: list[Manifest] = []
    for path in sorted(Path(folder).glob("*.yaml.gz")):
        if path.name.startswith(_FILES):
            documents = yaml.load_all(gzip.decompress(path.read_bytes()), Loader=loader)
            found += [document for document in documents if document]
    return tuple(found)


def installed() -> list[Manifest]:
    """What a server of the tests is given: published definitions, and minimal ones for the kinds that lack one."""
    real = {definition["metadata"]["name"]: definition for definition in published()}
    return [*real.values(), *(found for found in minimal() if found["metadata"]["name"] not in real)]
