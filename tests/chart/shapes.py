"""Hold rendered objects against what their kinds admit, strictly.

That is said by Kubernetes' own schemas, by the engines' definitions, and for the operators and meshes whose definitions
are not at hand by the fields that they document. A kind that nobody knows is an error.
"""

import functools
import json
from importlib.resources import files
from typing import Any

import kubernetes_validate
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from tests.manifests import schemas

Manifest = dict[str, Any]
_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT, "minItems": 1}
_LABELS = {"type": "object", "additionalProperties": _TEXT}


def _shape(**properties: Any) -> Manifest:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _several(shape: Manifest) -> Manifest:
    return {"type": "array", "items": shape}


_SELECTOR = _shape(matchLabels=_LABELS)
_REFERENCE = _shape(group=_TEXT, kind=_TEXT, name=_TEXT)
_SOURCE = _shape(principals=_TEXTS, namespaces=_TEXTS)
_ISTIO_RULE = {
    "from": _several(_shape(source=_SOURCE)),
    "to": _several(_shape(operation=_shape(paths=_TEXTS, methods=_TEXTS))),
}
_RELABELING = _shape(sourceLabels=_TEXTS, targetLabel=_TEXT, replacement=_TEXT)
_ENDPOINT = _shape(
    port=_TEXT, path=_TEXT, interval=_TEXT, honorLabels={"type": "boolean"}, relabelings=_several(_RELABELING)
)
_ALERT = {**_shape(alert=_TEXT, expr=_TEXT, labels=_LABELS, annotations=_LABELS), "required": ["alert", "expr"]}
_ALERT["properties"]["for"] = {"type": "string", "pattern": "^[0-9]+[smh]$"}

_SPECS: dict[tuple[str, str], Manifest] = {
    ("monitoring.coreos.com/v1", "ServiceMonitor"): _shape(
        selector=_SELECTOR, namespaceSelector=_shape(matchNames=_TEXTS), endpoints=_several(_ENDPOINT)
    ),
    ("monitoring.coreos.com/v1", "PrometheusRule"): _shape(groups=_several(_shape(name=_TEXT, rules=_several(_ALERT)))),
    ("security.istio.io/v1", "PeerAuthentication"): _shape(
        selector=_SELECTOR, mtls=_shape(mode={"enum": ["STRICT", "PERMISSIVE"]})
    ),
    ("security.istio.io/v1", "AuthorizationPolicy"): _shape(
        selector=_SELECTOR, action={"enum": ["ALLOW"]}, rules=_several(_shape(**_ISTIO_RULE))
    ),
    ("policy.linkerd.io/v1beta3", "Server"): _shape(
        podSelector=_SELECTOR, port={"type": ["string", "integer"]}, proxyProtocol={"enum": ["HTTP/1", "HTTP/2"]}
    ),
    ("policy.linkerd.io/v1alpha1", "MeshTLSAuthentication"): _shape(identities=_TEXTS),
    ("policy.linkerd.io/v1alpha1", "AuthorizationPolicy"): _shape(
        targetRef=_REFERENCE, requiredAuthenticationRefs=_several(_REFERENCE)
    ),
}


def faults(document: Manifest, release: str) -> list[str]:
    """Say what of an object its kind refuses in a release of Kubernetes."""
    where = f"{document['kind']} {document['metadata']['name']}"
    return [f"{where}: {fault}" for fault in _faults(json.dumps(document), release)]


@functools.cache
def _faults(text: str, release: str) -> tuple[str, ...]:
    document = json.loads(text)
    spec = _SPECS.get((document["apiVersion"], document["kind"]))
    if spec is not None:
        whole = _shape(apiVersion=_TEXT, kind=_TEXT, metadata={"type": "object"}, spec=spec)
        return tuple(error.message for error in Draft202012Validator(whole).iter_errors(document))
    if document["apiVersion"].startswith(("argoproj.io/", "tekton.dev/")):
        return tuple(schemas.faults(document)) if schemas.CRDS else ()
    return tuple(
        error.message for error in _validator(document["apiVersion"], document["kind"], release).iter_errors(document)
    )


@functools.cache
def _validator(api_version: str, kind: str, release: str) -> Draft202012Validator:
    group, _, version = api_version.rpartition("/")
    name = "-".join(filter(None, (kind.lower(), group.partition(".")[0], version)))
    return Draft202012Validator(_read(f"v{release}.0-local-strict/{name}.json"), registry=_definitions(release))


@functools.cache
def _definitions(release: str) -> Registry[Any]:
    return Resource.from_contents(_read(f"v{release}.0-local-strict/_definitions.json")) @ Registry()


def _read(path: str) -> Manifest:
    text = files(kubernetes_validate).joinpath("kubernetes-json-schema", path).read_text()
    found: Manifest = json.loads(text)
    return found
