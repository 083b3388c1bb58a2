"""Turn HTTP into hooks and gates and back, and do nothing else."""

from webhooks.routes import admission, api, faults, flagger, loadtester, operations, pages

__all__ = ["admission", "api", "faults", "flagger", "loadtester", "operations", "pages"]
