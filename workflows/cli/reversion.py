"""Run `penstock revert`: take a canary of a cluster back to plain Kubernetes.

The rule to keep: only a canary at rest is taken back, and only by who holds its lease.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from workflows.cli.subject import KUBERNETES, add_cluster_options, find_subject
from workflows.custody import keeping
from workflows.errors import ConfigurationError, ExitCode
from workflows.process import interruptible, owner
from workflows.release import Release
from workflows.wiring import Wishes, build


def main(argv: Sequence[str]) -> int:
    """Let the target alone serve again and remove what was made for the canary; called again, it does what is left."""
    arguments = make_parser().parse_args(list(argv))
    subject = find_subject(arguments, arguments.file)
    wishes = Wishes(cluster=subject.cluster, source=subject.text)
    # Loaded with the platform: adapters are named by the wiring alone.
    wired: Any = import_module("workflows.wiring.kubernetes")
    reversion: Any = import_module("workflows.wiring.reversion")
    platform = build(KUBERNETES, subject.plan, wishes)
    states: Any = platform.states
    release = Release(platform, subject.plan, owner())
    with interruptible(), keeping(release):
        if release.state().under_way:
            raise ConfigurationError(
                f"{subject.plan.key}: a release is under way (phase {release.state().phase.value}); let it end, or end "
                "it with `penstock abort`"
            )
        pen = wired.open_pen(states, subject.plan, wishes)
        for done in reversion.revert(pen, subject.plan, platform.clock):
            sys.stdout.write(f"{subject.plan.key}: {done}\n")
    # After the lease's keeper has stopped: it would write a new one.
    states.forget(release.acquire())
    return ExitCode.PROMOTED


def make_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser("penstock revert", description=main.__doc__)
    parser.add_argument("canary_name", nargs="?", metavar="CANARY", help="canary/NAME")
    parser.add_argument("--file", type=Path, metavar="CANARY", help="a file with one Canary, where no object is left")
    add_cluster_options(parser)
    parser.set_defaults(platform=KUBERNETES, interval=None, judge=None)
    return parser
