"""Draw the table of transitions as the picture that docs/machine.md shows; a test holds the two together."""

from workflows.rollout.machine import TRANSITIONS
from workflows.rollout.phase import Phase


def draw() -> str:
    """Write the table as a Mermaid state diagram: one arrow for each pair of phases, with its signals."""
    arrows = [f"    {before.value} --> {after.value}: {', '.join(signals)}" for before, after, signals in _arrows()]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {Phase.INITIALIZING.value}", *arrows]) + "\n"


def _arrows() -> list[tuple[Phase, Phase, list[str]]]:
    arrows: dict[tuple[Phase, Phase], list[str]] = {}
    for before, row in TRANSITIONS.items():
        for signal, after in row.items():
            arrows.setdefault((before, after or before), []).append(signal.value)
    return [(before, after, signals) for (before, after), signals in arrows.items()]
