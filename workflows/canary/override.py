"""Change what a Canary file says, for one run."""

from dataclasses import replace
from datetime import timedelta

from workflows.canary import durations
from workflows.errors import ConfigurationError
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.premise import parse_judge


def with_interval(plan: RolloutPlan, text: str) -> RolloutPlan:
    """Give the plan another interval, such as `4s`; there is no lower limit but zero."""
    try:
        interval = durations.parse(text)
    except durations.DurationError as error:
        raise ConfigurationError(f"--interval: {text!r} {error}") from error
    if interval <= timedelta():
        raise ConfigurationError(f"--interval: {text!r} is not positive; write for example 4s")
    return replace(plan, analysis=replace(plan.analysis, interval=interval))


def with_judge(plan: RolloutPlan, name: str) -> RolloutPlan:
    """Give the plan another judge, by its name."""
    try:
        return replace(plan, judge=parse_judge(name))
    except ValueError as error:
        raise ConfigurationError(f"--judge: {error}") from error
