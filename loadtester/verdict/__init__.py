"""Judge a load report: thresholds in k6's words, a verdict with reasons that carry the numbers.

Pure and published: the standard library only, no clock. The one rule to keep: no data is not zero; what cannot be
known is inconclusive, and only what was seen to break a threshold has failed.
"""

from loadtester.verdict.comparison import Difference, Estimate, compare
from loadtester.verdict.judgement import LoadOutcome, LoadVerdict, ThresholdResult, judge, saturation
from loadtester.verdict.threshold import METRICS, Threshold, parse_threshold

__all__ = [
    "METRICS",
    "Difference",
    "Estimate",
    "LoadOutcome",
    "LoadVerdict",
    "Threshold",
    "ThresholdResult",
    "compare",
    "judge",
    "parse_threshold",
    "saturation",
]
