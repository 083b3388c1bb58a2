"""Say what stands beside a Canary in the files that are applied, and would be put back in mid-release.

Whoever applies a file again (a person, Argo CD, Flux, Helm) writes every field that stands in it. What a release moves
must not stand there: replicas that an autoscaler scales, the selector of the service, the weights of the route.
"""

from collections.abc import Iterator, Sequence

from workflows.canary.document import Document, read_documents
from workflows.canary.findings import Finding

_ROUTES = {"VirtualService": ("spec", "http"), "HTTPRoute": ("spec", "rules"), "TraefikService": ("spec", "weighted")}
_SCALERS = {"HorizontalPodAutoscaler", "ScaledObject"}


def find_rivals(texts: Sequence[tuple[str, str]]) -> list[tuple[str, Finding]]:
    """Warn of fields in the files (name, text) that fight with the releases of a Canary in any of them."""
    documents = [(name, document) for name, text in texts for document in read_documents(text)[0]]
    canaries = [document for _, document in documents if document.text("kind") == "Canary"]
    scaled = {_scaled(document) for _, document in documents} | {_scaled_by(canary) for canary in canaries}
    found = []
    for name, document in documents:
        before = len(document.findings.noted)
        for canary in canaries:
            if _namespace(document) == _namespace(canary):
                _note(document, canary, scaled)
        found += [(name, finding) for finding in document.findings.noted[before:]]
    return found


def is_company(text: str) -> bool:
    """Tell whether a text has sound documents of other kinds and nothing that means to be Flagger's."""
    documents, trouble = read_documents(text)
    kinds = [document.text("kind") for document in documents]
    ours = any(document.text("apiVersion").startswith("flagger.app/") for document in documents)
    return bool(documents) and all(kinds) and "Canary" not in kinds and not ours and not trouble.failed


def _note(document: Document, canary: Document, scaled: set[tuple[str, str]]) -> None:
    kind, name = document.text("kind"), document.text("metadata", "name")
    for place, message in _rivals(kind, name, canary, scaled):
        value = document.get(*place)
        if value is not None:
            shown = value if isinstance(value, int) else None
            document.findings.warn((*document.path, *place), message, shown)


def _rivals(
    kind: str, name: str, canary: Document, scaled: set[tuple[str, str]]
) -> Iterator[tuple[tuple[str, ...], str]]:
    target = canary.text("spec", "targetRef", "name")
    apex = canary.text("spec", "service", "name") or target
    if kind == "Deployment" and name == target and (_namespace(canary), target) in scaled:
        yield (
            ("spec", "replicas"),
            "is put back whenever this file is applied, and an autoscaler scales it; leave it out",
        )
    if kind == "Service" and name == apex:
        yield (
            ("spec", "selector"),
            "is put back whenever this file is applied, and a release moves it; leave the Service out",
        )
    if kind in _ROUTES and name == apex:
        yield _ROUTES[kind], "is put back whenever this file is applied, and a release moves its weights; leave it out"


def _namespace(document: Document) -> str:
    return document.text("metadata", "namespace") or "default"


def _scaled(document: Document) -> tuple[str, str]:
    name = document.text("spec", "scaleTargetRef", "name") if document.text("kind") in _SCALERS else ""
    return (_namespace(document), name)


def _scaled_by(canary: Document) -> tuple[str, str]:
    named = canary.text("spec", "autoscalerRef", "name")
    return (_namespace(canary), canary.text("spec", "targetRef", "name") if named else "")
