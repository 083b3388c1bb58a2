"""Write what Argo Workflows 4 runs: the release of a canary, and small templates for use one by one."""

from workflows.manifests.argo.command import add_options, render
from workflows.manifests.argo.release import write_argo

__all__ = ["add_options", "render", "write_argo"]
