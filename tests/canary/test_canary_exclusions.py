"""The annotation that leaves traffic out of the counters, as lint reads it."""

import pytest

from tests.canary.canary_files import only, read_with
from workflows.canary.exclusions import EXCLUDE_TRAFFIC, parse_exclusions


@pytest.mark.parametrize("text", ["source_workload=load.*", "a=b,c=d", "", " a = b c "])
def test_traffic_is_left_out_by_labels_and_patterns(text: str) -> None:
    assert read_with("metadata.annotations", {EXCLUDE_TRAFFIC: text}).findings == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("loadtester", "'loadtester' is not a label and a pattern"),
        ("a=b, c", "'c' is not a label and a pattern"),
        ("a=(", "has a pattern that cannot be read"),
    ],
)
def test_traffic_that_cannot_be_told_is_an_error(text: str, words: str) -> None:
    assert words in str(only(read_with("metadata.annotations", {EXCLUDE_TRAFFIC: text})))


def test_an_exclusion_is_a_label_and_its_pattern() -> None:
    assert parse_exclusions("a = b c,d=e*") == (("a", "b c"), ("d", "e*"))
