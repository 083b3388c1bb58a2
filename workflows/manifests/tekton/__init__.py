"""Write what Tekton 1.x runs: the pipeline of a canary, and a catalog of tasks and step actions."""

from workflows.manifests.tekton.pipeline import TASK, write_task, write_tekton

__all__ = ["TASK", "write_task", "write_tekton"]
