"""Say what a pipeline is made of, whichever engine runs it: which stages, in which order, on which version.

The rule to keep: what cannot be left out, and what an engine does not know, is refused before anything is written.
"""

import argparse
import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from workflows.errors import ConfigurationError
from workflows.rollout.ladder import count_judged
from workflows.rollout.plan import RolloutPlan

IMAGE = "penstock:latest"
"""The image of the pods unless a parameter names another."""

USER = 65532
"""The user of the pods; any that is not root would do."""

TOKEN: Mapping[str, Any] = MappingProxyType(
    {
        "name": "PENSTOCK_TOKEN",
        "valueFrom": {"secretKeyRef": {"name": "penstock-token", "key": "token", "optional": True}},
    }
)
"""What a stage may show the service that it reports to; without the Secret it shows nothing."""

OUTPUTS: Mapping[str, str] = MappingProxyType(
    {
        "phase": "the phase of the release",
        "weight": "the canary's share of the traffic in percent",
        "next": "the weight that follows, or promote",
        "verdict": "how the release ended: promoted, rolled_back or failed; empty while it goes on",
        "reason": "why a check did not pass, or why the release ended",
        "report": "where the release is to be seen, as report-url says",
    }
)
"""What a stage tells the stages after it, a file for each below `--results`."""


class Part(enum.Enum):
    """Name the parts of a pipeline, in their order."""

    ACQUIRE = "acquire"
    INITIALISE = "initialise"
    START = "start"
    PRE_ROLLOUT = "pre-rollout"
    ANALYSIS = "analysis"
    APPROVAL = "approval"
    CONFIRM_PROMOTION = "confirm-promotion"
    PROMOTE = "promote"
    SHIFT_BACK = "shift-back"
    FINALISE = "finalise"


OPTIONAL = frozenset({Part.INITIALISE, Part.PRE_ROLLOUT, Part.APPROVAL, Part.CONFIRM_PROMOTION})
"""What a pipeline can do without: the others are needed for the traffic to come home."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Say how the pipeline of a canary is to look: its parts, who is asked, and what is kept."""

    parts: frozenset[Part] = frozenset(Part)
    approval: bool = False
    approvers: tuple[str, ...] = ()
    cluster_wide: bool = False
    report: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """Name a version of an engine, and what the older ones cannot do."""

    version: tuple[int, ...]
    reason: str


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that the pipelines of all engines have."""
    names = ",".join(part.value for part in Part)
    parser.add_argument("--stages", default=names, metavar="A,B,...", help=f"the stages of the pipeline ({names})")
    parser.add_argument("--approval", action="store_true", help="let somebody say yes before the promotion")
    parser.add_argument("--engine-version", metavar="X.Y.Z", help="refuse what this version of the engine cannot run")


def read_parts(text: str, *, approval: bool) -> frozenset[Part]:
    """Read the names of stages; raises ConfigurationError for one that is unknown, and for want of one."""
    known = {part.value: part for part in Part}
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            raise ConfigurationError(f"--stages: unknown stage {name!r}; known: {', '.join(known)}")
    parts = frozenset(known[name] for name in names)
    missing = [part.value for part in Part if part not in parts | OPTIONAL]
    if missing:
        raise ConfigurationError(
            f"--stages: no release ends safe without {', '.join(missing)}; "
            f"only these can be left out: {', '.join(part.value for part in Part if part in OPTIONAL)}"
        )
    if approval and Part.APPROVAL not in parts:
        raise ConfigurationError("--approval: --stages leaves the approval out; name approval among them")
    return parts


def refuse_older(engine: str, version: str | None, needs: Iterable[Need]) -> None:
    """Raise ConfigurationError for a version that lacks what the manifests need."""
    if version is None:
        return
    found = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.(\d+))?", version)
    if not found:
        raise ConfigurationError(f"--engine-version: {version!r} is not a version of {engine}, such as 1.2.3")
    numbers = tuple(int(number or 0) for number in found.groups())
    for need in needs:
        if numbers < need.version:
            least = ".".join(map(str, need.version))
            raise ConfigurationError(f"--engine-version: {engine} {version} {need.reason}; it takes {least} or newer")


def check_time(plan: RolloutPlan, engine: str, longest: timedelta) -> None:
    """Raise ConfigurationError for a canary that is judged for longer than its pipeline lasts."""
    analysis = plan.analysis
    count = count_judged(analysis) or analysis.iterations
    if count * analysis.interval >= longest:
        raise ConfigurationError(
            f"spec.analysis: {count} judgements of {analysis.interval} each, and a pipeline of {engine} ends after "
            f"{longest / timedelta(hours=1):.0f} hours; take fewer steps, a shorter interval, or `penstock run`"
        )
