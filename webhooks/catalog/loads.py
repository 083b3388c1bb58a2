"""Read the load of a load test."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from loadtester.errors import LoadError
from loadtester.verdict import parse_threshold
from webhooks.catalog.fields import Fields, show
from webhooks.catalog.specs import InconclusivePolicy, LoadSpec

_MAX_REQUESTS = 1_000_000


def read_load(fields: Fields, _: Path) -> LoadSpec:
    """Read plan, thresholds and what too little load counts as."""
    thresholds = fields.texts("thresholds")
    for threshold in thresholds:
        _check_threshold(fields, threshold)
    return LoadSpec(
        plan=_read_plan(fields),
        thresholds=thresholds,
        minimum_requests=fields.integer("minimumRequests", 10, 1, _MAX_REQUESTS),
        inconclusive=fields.choice("inconclusive", InconclusivePolicy.FAIL),
        lease_s=fields.seconds("lease", 0.0),
    )


def _check_threshold(fields: Fields, text: str) -> None:
    try:
        fault = parse_threshold(text).fault
    except LoadError as error:
        fault = str(error)
    if fault:
        fields.fault("thresholds", f"{show(text)}: {fault}")


def _read_plan(fields: Fields) -> Mapping[str, object]:
    plan = fields.raw("plan")
    if not isinstance(plan, Mapping):
        fields.fault("plan", f"{show(plan)} is not a load plan; give rate or users, and requests")
        return MappingProxyType({})
    for key in ("target", "thresholds", "minimum_requests"):
        if key in plan:
            fields.fault(f"plan.{key}", "stands beside plan, not in it")
    return MappingProxyType(dict(plan))
