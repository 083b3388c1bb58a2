"""Say the course of the load: stages as people write them, segments as the dispatcher follows them."""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loadtester.plan.checks import require


@dataclass(frozen=True, slots=True)
class Segment:
    """Hold one stretch of the load's course: from one level to another, in a straight line."""

    start_level: float
    end_level: float
    duration_s: float

    @property
    def volume(self) -> float:
        """Give the arrivals that fall into it."""
        return (self.start_level + self.end_level) / 2 * self.duration_s

    def times(self, factor: float) -> "Segment":
        """Give the same stretch at so many times its level."""
        return Segment(self.start_level * factor, self.end_level * factor, self.duration_s)


class StageKind(enum.Enum):
    """Name the shapes a stage can have."""

    RAMP = "ramp"
    HOLD = "hold"
    STEP = "step"
    SPIKE = "spike"


@dataclass(frozen=True, slots=True)
class Stage:
    """Say one stage: a level (arrivals per second or users) and for how long; `hold` keeps the level there is."""

    kind: StageKind
    duration_s: float
    level: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a stage that takes no time or has a negative level."""
        word = "hold" if self.kind is StageKind.HOLD else "for"
        require(self.duration_s > 0, f"{word}: {self.duration_s:g} s is no duration; give the stage some time")
        require(self.level >= 0, f"{self.kind.value}: {self.level:g} is negative")


def course_of(stages: Sequence[Stage], level: float) -> Iterator[Segment]:
    """Give the segments of some stages; `level` is what a first `hold` keeps."""
    level = level if stages[0].kind is StageKind.HOLD else 0.0
    for stage in stages:
        match stage.kind:
            case StageKind.RAMP:
                yield Segment(level, stage.level, stage.duration_s)
                level = stage.level
            case StageKind.HOLD:
                yield Segment(level, level, stage.duration_s)
            case StageKind.STEP:
                level = stage.level
                yield Segment(level, level, stage.duration_s)
            case StageKind.SPIKE:
                yield Segment(stage.level, stage.level, stage.duration_s)
