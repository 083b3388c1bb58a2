"""Tell from a plan what its own tests and loads do to the counts of user traffic.

Pure. The rule to keep: what cannot be known from the file is taken to break the premise of the evidence judge, and
the annotation `penstock.dev/load` says otherwise.
"""

import re
from dataclasses import replace

from webhooks.protocol import HookType
from workflows.canary.annotations import LOAD
from workflows.rollout.plan import Hook, Load, RolloutPlan

GATEWAYS = frozenset({"apisix", "contour", "gloo", "nginx", "skipper", "traefik"})
"""The providers that count at the gateway, past which tests and loads go straight to an arm; all others count there."""

_NAMED_TESTS = ("test", "tests")


def with_counted_load(plan: RolloutPlan) -> RolloutPlan:
    """Give the plan for a platform that counts what reaches an arm, whoever sent it."""
    if LOAD in plan.annotations or plan.provider in GATEWAYS:
        return plan
    one_arm = any(_reaches_one_arm(hook, plan) for hook in plan.analysis.hooks_of(HookType.ROLLOUT))
    return replace(plan, load=Load.ONE_ARM) if one_arm else plan


def _reaches_one_arm(hook: Hook, plan: RolloutPlan) -> bool:
    """Tell whether a hook tests the canary alone: a test of a catalog does, and a command that names an arm."""
    if any(hook.metadata.get(name) for name in _NAMED_TESTS):
        return True
    arm = re.compile(rf"//{re.escape(plan.service.name)}-(?:canary|primary)(?![\w-])")
    return any(arm.search(text) for text in hook.metadata.values())
