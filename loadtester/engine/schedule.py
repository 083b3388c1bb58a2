"""Compute when arrivals are due: the k-th of a course comes when the course's volume reaches k.

Pure arithmetic on an absolute schedule: no arrival depends on when another was served.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from random import Random

from loadtester.plan import Segment, Spacing


def time_in(segment: Segment, volume: float) -> float:
    """Give the second of a segment at which so many arrivals of it have come."""
    start, duration_s = segment.start_level, segment.duration_s
    slope = (segment.end_level - start) / duration_s
    if abs(slope) < 1e-9:  # noqa: PLR2004 - flat for all purposes
        return volume / start if start > 0 else duration_s
    root = math.sqrt(max(start * start + 2 * slope * volume, 0.0))
    return (root - start) / slope


def _marks(spacing: Spacing, random: Random, lane: int, lanes: int) -> Iterator[float]:
    """Give the volumes at which one of several lanes has an arrival."""
    if spacing is Spacing.EVEN:
        return itertools.count(lane, lanes)
    return itertools.accumulate(random.expovariate(1 / lanes) for _ in itertools.repeat(None))


def arrivals(
    segments: Sequence[Segment], spacing: Spacing, random: Random, *, lane: int = 0, lanes: int = 1
) -> Iterator[float]:
    """Give the seconds after the start at which one lane's arrivals are due, in order."""
    marks = _marks(spacing, random, lane, lanes)
    passed_s = passed_volume = 0.0
    mark = next(marks)
    for segment in segments:
        while mark < passed_volume + segment.volume - 1e-9:
            yield passed_s + time_in(segment, mark - passed_volume)
            mark = next(marks)
        passed_s += segment.duration_s
        passed_volume += segment.volume
