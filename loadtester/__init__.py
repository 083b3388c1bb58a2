"""Make load with Locust and judge it; knows nothing of Flagger, Kubernetes or pipelines.

The one rule to keep: importing this package imports nothing else, so that an engine starts at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadtester.errors import EngineError, LoadError, PlanError, ScriptError
    from loadtester.plan import LoadPlan
    from loadtester.process import run
    from loadtester.report import LoadReport

__all__ = ["EngineError", "LoadError", "LoadPlan", "LoadReport", "PlanError", "ScriptError", "run"]

_HOMES = {
    "EngineError": "loadtester.errors",
    "LoadError": "loadtester.errors",
    "LoadPlan": "loadtester.plan",
    "LoadReport": "loadtester.report",
    "PlanError": "loadtester.errors",
    "ScriptError": "loadtester.errors",
    "run": "loadtester.process",
}


def __getattr__(name: str) -> Any:
    """Fetch a public name from where it lives."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'loadtester' has no attribute {name!r}")
    return getattr(import_module(home), name)
