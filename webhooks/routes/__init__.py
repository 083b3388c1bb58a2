"""Turn HTTP into hooks and gates and back, and do nothing else."""

from webhooks.routes import faults, flagger, gates, loadtester, operations

__all__ = ["faults", "flagger", "gates", "loadtester", "operations"]
