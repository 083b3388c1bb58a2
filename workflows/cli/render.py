"""Run `penstock render`: write the YAML that belongs to a canary, for other tools to read.

A kind is a row of RENDERERS. Its function gets the plan of `--canary`, where its row says so, and the read arguments,
where the row names a function that adds options of its own; it gives the documents.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

from workflows import canary
from workflows.errors import ConfigurationError, ExitCode
from workflows.manifests.document import Document


@dataclass(frozen=True, slots=True)
class Renderer:
    """Name the function that writes one kind of documents, and say in one line what they are.

    `options` is the function of the same module that adds options to the kind's parser, empty where it has none.
    """

    module: str
    function: str
    summary: str
    options: str = ""
    needs_canary: bool = True

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of this kind."""
        if self.needs_canary:
            parser.add_argument("--canary", type=Path, required=True, metavar="FILE", help="a file with one Canary")
        if self.options:
            self._find(self.options)(parser)

    def write(self, arguments: argparse.Namespace) -> tuple[Document, ...]:
        """Write the documents that the arguments ask for."""
        given: list[object] = [canary.load(arguments.canary)] if self.needs_canary else []
        documents: tuple[Document, ...] = self._find(self.function)(*given, *([arguments] if self.options else []))
        return documents

    def _find(self, function: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(import_module(self.module), function)
        return found


RENDERERS: Mapping[str, Renderer] = MappingProxyType(
    {
        "alerts": Renderer(
            "workflows.manifests.monitoring.alerts",
            "write_alerts",
            "the alert rules of Prometheus",
            options="add_options",
            needs_canary=False,
        ),
        "argo": Renderer(
            "workflows.manifests.argo", "render", "a template of Argo Workflows that releases it", "add_options"
        ),
        "argo-plugin": Renderer(
            "workflows.wiring.argo_plugin", "render", "a plugin of Argo Workflows that runs stages", "add_options"
        ),
        "argo-templates": Renderer(
            "workflows.manifests.argo",
            "render_library",
            "templates of Argo Workflows for use one by one",
            options="add_library_options",
            needs_canary=False,
        ),
        "argocd": Renderer("workflows.manifests.gitops", "write_argocd", "what Argo CD must leave alone"),
        "dashboard": Renderer(
            "workflows.manifests.monitoring.dashboard",
            "write_dashboard",
            "the dashboard of Grafana",
            needs_canary=False,
        ),
        "flagger": Renderer(
            "workflows.manifests.flagger", "render", "the webhooks of a Canary that Flagger drives", "add_options"
        ),
        "rollouts": Renderer(
            "workflows.manifests.rollouts", "render", "how Argo Rollouts asks for the verdict", "add_options"
        ),
        "rbac": Renderer(
            "workflows.wiring.accounts", "render", "the account of a release and its rights", "add_options"
        ),
        "tekton": Renderer(
            "workflows.manifests.tekton", "render", "a pipeline of Tekton that releases it", "add_options"
        ),
        "tekton-catalog": Renderer(
            "workflows.manifests.tekton", "write_catalog", "tasks and step actions of Tekton", needs_canary=False
        ),
        "flux": Renderer("workflows.manifests.gitops", "write_flux", "what Flux must leave alone"),
    }
)


def main(argv: Sequence[str]) -> int:
    """Write the documents of one kind to the standard output, or into a folder."""
    # The modules of the other kinds are not loaded for their options.
    arguments = make_parser(argv[:1]).parse_args(list(argv))
    documents = RENDERERS[arguments.kind].write(arguments)
    if arguments.output is None:
        sys.stdout.write("".join(str(document) for document in documents))
        return ExitCode.PROMOTED
    for document in documents:
        sys.stdout.write(f"{_write(arguments.output / document.name, str(document))}\n")
    return ExitCode.PROMOTED


def make_parser(only: Sequence[str] = tuple(RENDERERS)) -> argparse.ArgumentParser:
    """Describe the options: those of all kinds, and each kind's own where that kind is among `only`."""
    parser = argparse.ArgumentParser(
        "penstock render",
        description="Write the YAML that belongs to a canary. `penstock render KIND --help` lists the kind's options.",
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for name, renderer in RENDERERS.items():
        kind = kinds.add_parser(name, help=renderer.summary, description=f"Write {renderer.summary}.")
        if name in only:
            renderer.add_options(kind)
        kind.add_argument("-o", "--output", type=Path, metavar="DIR", help="write files into this folder")
    return parser


def _write(path: Path, text: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; name another folder with --output") from error
    return path
