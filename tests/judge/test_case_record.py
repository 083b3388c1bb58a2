"""The record of a case: exact, small, and refused when it is not one."""

import copy
import json
import time

import pytest

from tests.judge.windows import TERMS, Bench, make_arm
from workflows.rollout.case import Case
from workflows.rollout.case_record import decode, encode
from workflows.rollout.terms import Terms


def climb(weights: tuple[int, ...] = (20, 40, 60, 80)) -> Case:
    """Take a judge through a whole ladder, with pods, all restarts and errors on both arms."""
    seen = Bench(Terms(weights, slow_limit_ms=500))
    seen.learn(make_arm(1003, 1), pods=(make_arm(500, 1), make_arm(503)))
    for weight in (1, 5, *weights):
        seen.look(weight, make_arm(1017, 2), make_arm(2033, 3), (make_arm(1000, 3), make_arm(1033)))
    return seen.case


@pytest.mark.parametrize("weights", [(20, 40, 60, 80), tuple(range(10, 101, 10)), tuple(range(1, 101))])
def test_a_case_comes_back_equal_and_is_below_10_kb(weights: tuple[int, ...]) -> None:
    case = climb(weights)

    text = json.dumps(encode(case))

    assert decode(json.loads(text)) == case
    assert len(text) < 10_000


def test_a_new_case_comes_back_equal() -> None:
    assert decode(json.loads(json.dumps(encode(Case())))) == Case()


def test_a_judge_goes_on_from_its_record_as_if_it_had_never_stopped() -> None:
    kept, stored = Bench(), Bench()
    for weight in (5, 20, 20, 40):
        findings = [each.look(weight, make_arm(200, 1), make_arm(800, 1)) for each in (kept, stored)]
        stored.case = decode(json.loads(json.dumps(encode(stored.case))))

        assert findings[0] == findings[1]


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("version", 9, "version 9 is not 1"),
        ("case", [], "case: [] does not have the fields"),
        ("case.weight", "20", "case.weight: '20' is not a finite number"),
        ("case.weight", 2.5, "case.weight: 2.5"),
        ("case.rung_s", float("nan"), "case.rung_s: nan"),
        ("case.rung_s", True, "case.rung_s: True"),
        ("case.streams", 3, "case.streams: 3 is not a list"),
        ("case.streams", [None], "case.streams[0]: None"),
        ("case.streams", [100.0], "case.latency does not have the length"),
        ("case.guard.sums", [0.0], "case.guard.sums does not have the length"),
        ("case.errors.sums", [1.0], "case.errors does not have the length"),
        ("case.errors.restarts", [[]], "case.errors does not have the length"),
        ("case.whole.errors.canary", {"requests": 1}, "case.whole.errors.canary: {'requests': 1} does not have"),
    ],
)
def test_a_broken_record_is_refused_with_the_field(path: str, value: object, says: str) -> None:
    record = copy.deepcopy(encode(climb()))
    *way, last = path.split(".")
    place: object = record
    for step in way:
        place = place[step]  # type: ignore[index] - the record's own shape
    place[last] = value  # type: ignore[index] - the record's own shape

    with pytest.raises(ValueError, match="judge record: ") as refused:
        decode(record)

    assert says in str(refused.value)


@pytest.mark.parametrize("record", [None, [], "{}", {}])
def test_what_is_no_record_is_refused(record: object) -> None:
    with pytest.raises(ValueError, match="begin the analysis again"):
        decode(record)


def test_a_look_takes_less_than_5_ms_of_processor_time() -> None:
    seen = Bench(TERMS)
    seen.learn(make_arm(1000, 1))
    begun = time.process_time()
    for _ in range(20):
        for weight in (5, 20, 40, 60, 80):
            seen.look(weight, make_arm(200, 1), make_arm(800, 1))

    assert (time.process_time() - begun) / 100 < 0.005
