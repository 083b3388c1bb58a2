"""Choose the judge, and fall back to thresholds where the evidence judge's premise cannot hold.

Premise: both arms get the same mix of requests at the same time. The one rule to keep: a fall-back is said, never
silent.
"""

from dataclasses import dataclass
from types import MappingProxyType

from workflows.rollout.plan import Judge, Load, Strategy


def parse_judge(name: str) -> Judge:
    """Read a judge's name; raises ValueError that lists the known ones."""
    try:
        return Judge(name)
    except ValueError:
        known = ", ".join(judge.value for judge in Judge)
        raise ValueError(f"unknown judge {name!r}; known: {known}") from None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Hold what the premise depends on."""

    strategy: Strategy = Strategy.CANARY
    mirrored: bool = False
    load: Load = Load.UNCOUNTED


@dataclass(frozen=True, slots=True)
class Choice:
    """Carry the judge that is used, and why it is not the one that was asked; empty when it is."""

    judge: Judge
    reason: str = ""


def choose(asked: Judge, circumstances: Circumstances) -> Choice:
    """Choose the judge that was asked, or thresholds with the reason."""
    if asked is Judge.THRESHOLD:
        return Choice(asked)
    broken = _break_premise(circumstances)
    if not broken:
        return Choice(asked)
    return Choice(Judge.THRESHOLD, f"judging by threshold instead of {asked.value}: {broken}")


def _break_premise(circumstances: Circumstances) -> str:
    if circumstances.load is Load.ONE_ARM:
        return (
            "a rollout hook sends load to one arm only, where it is counted; leave it out of the counts or send it to "
            "both arms, and say so with the annotation penstock.dev/load: uncounted or both-arms"
        )
    if circumstances.mirrored:
        return "mirrored requests reach both arms, so the arms do not share the traffic"
    return UNSHARED.get(circumstances.strategy, "")


UNSHARED = MappingProxyType(
    {
        Strategy.AB_TESTING: "an A/B match sends other users to the canary than to the primary",
        Strategy.BLUE_GREEN: "blue/green gives the canary no user traffic beside the primary",
    }
)
