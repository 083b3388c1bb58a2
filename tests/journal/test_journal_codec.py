"""Values and their documents: what was written reads back equal, and what is wrong is named with its place."""

import enum
import json
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.journal import codec
from workflows.journal.codec import DocumentError
from workflows.journal.entries import KINDS, PlanChange
from workflows.rollout.decision import Question
from workflows.rollout.samples import ArmCounts, Gap, Measurement
from workflows.rollout.state import RolloutState
from workflows.rollout.traffic import Route

texts = st.text(max_size=8)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner, max_size=2), max_leaves=4
)
ARMS = st.builds(
    ArmCounts,
    st.dictionaries(texts, st.integers(), max_size=2),
    st.lists(st.tuples(st.floats(allow_nan=False), st.integers()), max_size=2).map(tuple),
)
PLAIN: Mapping[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(),
    float: st.floats(allow_nan=False),
    str: texts,
    object: plain,
    datetime: st.datetimes(timezones=st.just(UTC)),
    timedelta: st.timedeltas(timedelta(), timedelta(days=30)),
    Route: st.builds(Route, st.integers(0, 100), st.booleans(), st.booleans(), st.booleans()),
    ArmCounts: st.builds(ArmCounts.of_parts, st.dictionaries(texts, ARMS, max_size=2)) | ARMS,
    Measurement: st.builds(Measurement, st.floats(allow_nan=False)) | st.builds(Measurement, gap=st.sampled_from(Gap)),
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Draw values that an annotation describes, however deep."""
    if hint in PLAIN:
        return PLAIN[hint]
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return st.sampled_from(hint)
    return containers(hint) if get_args(hint) else st.builds(hint, **fields_of(hint))


def fields_of(hint: Any) -> dict[str, st.SearchStrategy[Any]]:
    return {name: values(each) for name, each in codec.hints(hint).items()}


def containers(hint: Any) -> st.SearchStrategy[Any]:
    arguments = get_args(hint)
    if get_origin(hint) is types.UnionType:
        return st.one_of(*(st.none() if each is type(None) else values(each) for each in arguments))
    if get_origin(hint) is tuple:
        many = arguments[-1] is Ellipsis
        return st.lists(values(arguments[0]), max_size=2).map(tuple) if many else st.tuples(*map(values, arguments))
    return st.dictionaries(texts, values(arguments[1]), max_size=2)


@pytest.mark.parametrize(
    "kind", [each for each in KINDS.values() if each is not PlanChange], ids=lambda kind: kind.__name__
)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_value_reads_back_equal_from_its_json(kind: Any, data: st.DataObject) -> None:
    value = data.draw(values(kind))

    text = json.dumps(codec.encode(kind, value), allow_nan=False)

    assert codec.decode(kind, json.loads(text)) == value


@dataclass(frozen=True, slots=True)
class Leaf:
    size: int
    name: str = "leaf"


@dataclass(frozen=True, slots=True)
class Stone:
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Tree:
    leaves: tuple[Leaf, ...] = ()
    pair: tuple[int, str] = (1, "a")
    thing: Leaf | Stone | None = None
    word: int | str = 0
    many: Leaf | tuple[int, ...] = ()
    by_name: Mapping[str, Leaf] = field(default_factory=dict)
    flag: bool = False
    at: datetime | None = None


def test_what_an_older_program_did_not_know_gets_its_default() -> None:
    assert codec.decode(Tree, {"leaves": [{"size": 3}]}) == Tree(leaves=(Leaf(3),))


FAULTS: dict[str, tuple[Any, str]] = {
    "no object": ([], r"^document: \[\] is not an object"),
    "no list": ({"leaves": {}}, r"^leaves: \{\} is not a list"),
    "a field missing": ({"leaves": [{}]}, r"^leaves\[0\]\.size: is missing"),
    "a field too many": ({"leaves": [{"size": 1, "age": 2}]}, r"^leaves\[0\]\.age: nobody knows this field"),
    "a text for a number": ({"leaves": [{"size": "1"}]}, r"^leaves\[0\]\.size: '1' is no int"),
    "a flag for a number": ({"leaves": [{"size": True}]}, r"size: True is no int"),
    "a number for a flag": ({"flag": 1}, r"^flag: 1 is no bool"),
    "a number for a text": ({"leaves": [{"size": 1, "name": 2}]}, r"name: 2 is no str"),
    "a pair of three": ({"pair": [1, "a", 2]}, r"^pair: has 3 items, not 2"),
    "an unknown class": ({"thing": {"is": "Cloud"}}, r"^thing\.is: 'Cloud' is not known; known: Leaf, Stone"),
    "no class": ({"thing": 3}, r"^thing: 3 fits nothing that can stand here"),
    "neither text nor number": ({"word": []}, r"^word: \[\] is no str"),
    "no mapping": ({"by_name": []}, r"^by_name: \[\] is not an object"),
    "no time": ({"at": "noon"}, r"^at: 'noon' is no datetime"),
    "something long": ({"at": "n" * 200}, r"^at: 'n{76}\.\.\. is no datetime"),
}


@pytest.mark.parametrize(("document", "said"), FAULTS.values(), ids=FAULTS)
def test_a_document_of_another_shape_is_named_with_its_place(document: Any, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        codec.decode(Tree, document)


def test_a_value_that_refuses_itself_is_named_with_its_place() -> None:
    document = codec.encode(RolloutState, RolloutState())
    document["route"]["canary_percent"] = 101

    with pytest.raises(DocumentError, match=r"^route: canary_percent: 101 is not within 0 to 100"):
        codec.decode(RolloutState, document)


def test_several_classes_in_one_place_are_told_apart() -> None:
    for tree in (Tree(thing=Stone(2.5)), Tree(thing=Leaf(1)), Tree(many=(1, 2)), Tree(many=Leaf(2)), Tree(word="w")):
        assert codec.decode(Tree, codec.encode(Tree, tree)) == tree


def test_what_json_has_no_word_for_is_written_as_prometheus_does() -> None:
    counts = ArmCounts({"2xx": 1}, ((1.0, 0), (float("inf"), 1)))

    assert codec.encode(ArmCounts, counts)["latency"] == [[1.0, 0], ["+Inf", 1]]
    assert codec.encode(object, [float("nan"), float("-inf")]) == ["NaN", "-Inf"]


def test_what_stands_in_settings_is_kept_as_text_where_json_has_none() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)

    written = codec.encode(object, {"at": at, "for": timedelta(seconds=2), "data": b"x", 3: (Gap.NO_DATA,)})

    assert written == {"at": at.isoformat(), "for": 2.0, "data": "b'x'", "3": [Gap.NO_DATA.value]}


def test_every_question_has_a_class_of_its_own() -> None:
    names = [each.__name__ for each in get_args(Question)]

    assert len(set(names)) == len(names)
