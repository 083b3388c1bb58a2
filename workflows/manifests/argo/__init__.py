"""Write what Argo Workflows 4 runs: the release of a canary, and small templates for use one by one."""

from workflows.manifests.argo.command import add_library_options, add_options, render, render_library
from workflows.manifests.argo.library import write_library
from workflows.manifests.argo.release import write_argo

__all__ = ["add_library_options", "add_options", "render", "render_library", "write_argo", "write_library"]
