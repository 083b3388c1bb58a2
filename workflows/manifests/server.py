"""Say where our service is, and refuse addresses that could not stand in a manifest as they are.

The rule to keep: who says nothing gets the service that the hooks of the file call already, so that a release has one.
"""

import argparse
import re

from webhooks.protocol import HookType
from workflows.errors import ConfigurationError
from workflows.rollout.plan import RolloutPlan

_URL = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+)*/?")
_HOOK = re.compile(rf"({_URL.pattern.removesuffix('/?')})/hooks/(?:{'|'.join(each.value for each in HookType)})/?")


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where the service is."""
    parser.add_argument(
        "--server",
        metavar="URL",
        help="where penstock serve is, as the cluster names it (what the hooks of the file call, "
        "else http://penstock.NAMESPACE)",
    )


def read(plan: RolloutPlan, url: str | None) -> str:
    """Give the address without a slash at its end; raises ConfigurationError for what is none."""
    if url is None:
        return _find(plan) or f"http://penstock.{plan.namespace}"
    if not _URL.fullmatch(url):
        raise ConfigurationError(
            f"--server: {url!r} is not the address of a service; write for example http://penstock.{plan.namespace}"
        )
    return url.rstrip("/")


def _find(plan: RolloutPlan) -> str:
    """Give the one service that the plan's own hooks call; empty for none and for several."""
    found = {match[1] for hook in plan.analysis.hooks if (match := _HOOK.fullmatch(hook.url))}
    return found.pop() if len(found) == 1 else ""
