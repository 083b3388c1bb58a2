"""Nothing that a file may hold makes reading it fail, and every ladder is one that a canary can climb."""

import itertools
from datetime import timedelta
from typing import Any

import yaml
from canary_files import BASE, plan_of, read_analysis, vary
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workflows.canary import durations, ladder, read, read_all
from workflows.canary.schema.resource import CANARY
from workflows.canary.shapes import walk

NAMES = sorted({path.split(".")[-1].rstrip("[]{}") for path, _ in walk(CANARY)})
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["40s", "1h", "flagger.app/v1beta1", "Canary", "http://t.test/", "request-duration", "rollout"]),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=15,
)
PATHS = ["", "metadata", "spec", "spec.targetRef", "spec.service", "spec.analysis"]
BOUNDED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@BOUNDED
@given(st.sampled_from(PATHS), st.dictionaries(st.sampled_from(NAMES), TREES, max_size=4))
def test_any_change_of_a_sound_file_gives_a_plan_or_errors(path: str, changes: dict[str, Any]) -> None:
    reading = read(yaml.safe_dump(vary(path, changes)))

    assert (reading.plan is None) == any(finding.severity.value == "error" for finding in reading.findings)
    assert all(str(finding).isascii() and "\n" not in str(finding) for finding in reading.findings)


@BOUNDED
@given(TREES)
def test_any_tree_gives_findings(tree: object) -> None:
    reading = read(yaml.safe_dump(tree))

    assert reading.plan is None
    assert reading.findings


@BOUNDED
@given(st.text() | st.text(alphabet="ab:-[]{}&*!|>'\"#%@`, \n\t<\\?0"))
def test_any_text_gives_findings(text: str) -> None:
    assert all(reading.findings for reading in read_all(text))


@BOUNDED
@given(st.data())
def test_a_file_that_was_damaged_anywhere_never_fails_the_reader(data: st.DataObject) -> None:
    text = yaml.safe_dump(BASE)
    place = data.draw(st.integers(0, len(text)))
    damage = data.draw(st.text(max_size=5))

    read(text[:place] + damage + text[place + data.draw(st.integers(0, 5)) :])


@given(st.integers(1, 100), st.integers(1, 100))
def test_a_ladder_rises_to_its_top_by_steps_no_larger_than_asked(step: int, top: int) -> None:
    weights = ladder.climb(step, top)

    rises = [after - before for before, after in itertools.pairwise((0, *weights))]
    assert weights[-1] == sum(rises) == top
    assert all(0 < rise <= step for rise in rises)
    assert all(rise == step for rise in rises[:-1])


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(1, 100), min_size=1))
def test_rising_weights_are_kept_as_they_are(weights: set[int]) -> None:
    plan = plan_of(read_analysis(stepWeight=None, stepWeights=sorted(weights)))

    assert plan.analysis.weights == tuple(sorted(weights))


@given(st.integers(0, 10**6), st.integers(0, 59), st.integers(0, 999))
def test_a_duration_is_the_sum_of_its_parts(minutes: int, seconds: int, millis: int) -> None:
    duration = durations.parse(f"{minutes}m{seconds}s{millis}ms")

    assert duration == timedelta(minutes=minutes, seconds=seconds, milliseconds=millis)


@given(st.text())
def test_any_text_is_a_duration_or_is_refused(text: str) -> None:
    try:
        durations.parse(text)
    except durations.DurationError as error:
        assert str(error).startswith("is ")  # noqa: PT017 - both ends are fine, a third is not
