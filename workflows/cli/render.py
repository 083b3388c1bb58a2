"""Run `penstock render`: write the YAML that belongs to a canary, for other tools to read."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from workflows import canary
from workflows.errors import ConfigurationError, ExitCode
from workflows.manifests.document import Document
from workflows.rollout.plan import RolloutPlan


@dataclass(frozen=True, slots=True)
class Renderer:
    """Name the function that writes one kind of documents, and say in one line what they are."""

    module: str
    function: str
    summary: str

    def load(self) -> Callable[[RolloutPlan], tuple[Document, ...]]:
        """Import the function."""
        function: Callable[[RolloutPlan], tuple[Document, ...]] = getattr(import_module(self.module), self.function)
        return function


RENDERERS: Mapping[str, Renderer] = MappingProxyType(
    {
        "argo": Renderer("workflows.manifests.argo", "write_argo", "a template of Argo Workflows that releases it"),
        "argocd": Renderer("workflows.manifests.gitops", "write_argocd", "what Argo CD must leave alone"),
        "rbac": Renderer("workflows.wiring.rights", "write_roles", "the account of a release and its rights"),
        "tekton": Renderer("workflows.manifests.tekton", "write_tekton", "a pipeline of Tekton that releases it"),
        "flux": Renderer("workflows.manifests.gitops", "write_flux", "what Flux must leave alone"),
    }
)


def main(argv: Sequence[str]) -> int:
    """Write the documents of one kind to the standard output, or into a folder."""
    arguments = _parse(argv)
    documents = RENDERERS[arguments.kind].load()(canary.load(arguments.canary))
    if arguments.output is None:
        sys.stdout.write("".join(str(document) for document in documents))
        return ExitCode.PROMOTED
    for document in documents:
        sys.stdout.write(f"{_write(arguments.output / document.name, str(document))}\n")
    return ExitCode.PROMOTED


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    kinds = "\n".join(f"  {name:10} {each.summary}" for name, each in RENDERERS.items())
    parser = argparse.ArgumentParser(
        "penstock render",
        description=__doc__,
        epilog=f"kinds:\n{kinds}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=tuple(RENDERERS), metavar="KIND", help=", ".join(RENDERERS))
    parser.add_argument("--canary", type=Path, required=True, metavar="FILE", help="a file with one Canary")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="write files into this folder")
    return parser.parse_args(list(argv))


def _write(path: Path, text: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; name another folder with --output") from error
    return path
