"""Make load with Locust and judge it; knows nothing of Flagger, Kubernetes or pipelines."""

from loadtester.errors import EngineError, LoadError, PlanError, ScriptError
from loadtester.plan import LoadPlan
from loadtester.report import LoadReport

__all__ = ["EngineError", "LoadError", "LoadPlan", "LoadReport", "PlanError", "ScriptError", "run"]


def run(plan: LoadPlan) -> LoadReport:
    """Run a plan in an engine process of its own and give its report.

    Takes `plan.length_s` seconds and at most the time-out and grace more. Raises ScriptError when the plan's Locust
    file is at fault and EngineError when the engine failed; what the target did wrong stands in the report.
    """
    from loadtester import process  # noqa: PLC0415 - the values can be had without what starts processes

    return process.run(plan)
