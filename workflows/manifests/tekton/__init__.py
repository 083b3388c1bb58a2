"""Write what Tekton 1.x runs: the pipeline of a canary, and a catalog of tasks and step actions."""

from workflows.manifests.tekton.catalog import write_catalog
from workflows.manifests.tekton.command import add_options, render
from workflows.manifests.tekton.pipeline import write_tekton

__all__ = ["add_options", "render", "write_catalog", "write_tekton"]
