"""Refuse addresses of our service that could not stand in a manifest as they are."""

import argparse
import re

from workflows.errors import ConfigurationError
from workflows.rollout.plan import RolloutPlan

_URL = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+)*/?")


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where the service is."""
    parser.add_argument(
        "--server", metavar="URL", help="where penstock serve is, as the cluster names it (http://penstock.NAMESPACE)"
    )


def read(plan: RolloutPlan, url: str | None) -> str:
    """Give the address without a slash at its end; raises ConfigurationError for what is none."""
    if url is None:
        return f"http://penstock.{plan.namespace}"
    if not _URL.fullmatch(url):
        raise ConfigurationError(
            f"--server: {url!r} is not the address of a service; write for example http://penstock.{plan.namespace}"
        )
    return url.rstrip("/")
