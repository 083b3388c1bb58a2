"""Turn HTTP into hooks and gates and back, and do nothing else."""

from webhooks.routes import admission, faults, flagger, gates, loadtester, operations

__all__ = ["admission", "faults", "flagger", "gates", "loadtester", "operations"]
