"""Make load with loadtester and judge it: at the end, or over the window since the last look while it goes on.

The child writes one line of JSON a tick; its reports only grow, so a window is the difference of two of them.
"""

import json
from collections.abc import Mapping

from loadtester.errors import LoadError
from loadtester.report import LoadReport
from loadtester.verdict import LoadOutcome, judge, parse_threshold
from webhooks.catalog import CatalogTest, InconclusivePolicy, LoadSpec
from webhooks.checks.job import PLACEHOLDER, CheckResult, Ended, Job, Outcome, Target, join_reasons, python_command

_PLAN = "plan.json"
_LIVE_KINDS = frozenset({"tick", "end"})


def prepare(test: CatalogTest, target: Target, parameters: Mapping[str, str]) -> Job:
    """Describe the child that makes the load."""
    spec = _spec(test)
    plan: dict[str, object] = json.loads(_fill(json.dumps(dict(spec.plan), default=str), parameters))
    plan["target"] = target.direct_url
    if spec.thresholds:
        plan["thresholds"] = list(spec.thresholds)
    return Job(python_command("loadtester", "run", _PLAN, "--live"), files={_PLAN: json.dumps(plan)})


def _fill(text: str, values: Mapping[str, str]) -> str:
    # In one go, so that a parameter cannot bring a reference to a secret.
    return PLACEHOLDER.sub(lambda match: json.dumps(values[match[1]])[1:-1] if match[1] in values else match[0], text)


def _spec(test: CatalogTest) -> LoadSpec:
    if not isinstance(test.spec, LoadSpec):
        raise TypeError(f"{test.name} is not a test of kind load")
    return test.spec


def read_tick(line: str) -> str:
    """Give the report (JSON) that a line of the child carries, empty when it carries none."""
    try:
        document = json.loads(line)
        return json.dumps(document["report"]) if document["kind"] in _LIVE_KINDS else ""
    except (ValueError, LookupError, TypeError):
        return ""


def read(test: CatalogTest, ended: Ended) -> CheckResult:
    """Judge the whole load by its last report."""
    report = next((text for line in reversed(ended.stdout.splitlines()) if (text := read_tick(line))), "")
    if not report:
        return CheckResult(Outcome.INCONCLUSIVE, f"the load gave no report ({ended.describe()})")
    return judge_window(test, report)


def judge_window(test: CatalogTest, report: str, earlier: str = "") -> CheckResult:
    """Judge what was added to a report since an earlier one of the same load (both JSON); empty is no report yet."""
    spec = _spec(test)
    if not report:
        return CheckResult(Outcome.INCONCLUSIVE, "the load has reported no request yet")
    try:
        window = LoadReport.from_dict(json.loads(report))
        if earlier:
            window = window.since(LoadReport.from_dict(json.loads(earlier)))
        thresholds = [parse_threshold(text) for text in spec.thresholds]
        verdict = judge(thresholds, window, minimum_requests=spec.minimum_requests)
    except (LoadError, ValueError, LookupError, TypeError) as error:
        return CheckResult(Outcome.INCONCLUSIVE, f"the load's report cannot be read ({error})")
    return CheckResult(_OUTCOMES[verdict.outcome], join_reasons(verdict.reasons))


_OUTCOMES = {
    LoadOutcome.PASSED: Outcome.PASSED,
    LoadOutcome.FAILED: Outcome.FAILED,
    LoadOutcome.INCONCLUSIVE: Outcome.INCONCLUSIVE,
}


def settle(test: CatalogTest, result: CheckResult) -> CheckResult:
    """Turn an inconclusive load into what the catalog says it counts as."""
    if result.outcome is not Outcome.INCONCLUSIVE or not isinstance(test.spec, LoadSpec):
        return result
    passes = test.spec.inconclusive is InconclusivePolicy.PASS
    outcome = Outcome.PASSED if passes else Outcome.FAILED
    return CheckResult(outcome, f"inconclusive, counts as {outcome.value}: {result.reason}")
