"""Our tables say what Flagger's own resource definition says; the docs say it too.

The definition is not part of this project: PENSTOCK_CRDS names a folder that holds it, and without one the tests that
need it are skipped.
"""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from canary_files import CRDS, EXAMPLE_FILES

from workflows.canary import annotations
from workflows.canary.schema.resource import BETA, CANARY, SPEC, TEMPLATE
from workflows.canary.shapes import Flag, Items, Number, PortName, Record, Shape, Span, Table, Text, Whole, walk

DOCS = Path(__file__).parents[2] / "docs" / "canary.md"
OURS_ALONE = "canaryAnalysis"
TYPES: dict[type, set[str]] = {
    Flag: {"boolean"},
    Items: {"array"},
    Number: {"number"},
    PortName: {"int-or-string"},
    Whole: {"number", "integer"},
    Record: {"object"},
    Table: {"object"},
}


def definition(kind: str) -> dict[str, Any]:
    if not CRDS:
        pytest.skip("PENSTOCK_CRDS is not set: no copy of Flagger's resource definitions to compare with")
    (file,) = Path(CRDS).glob("flagger-*.yaml.gz")
    documents = yaml.load_all(gzip.decompress(file.read_bytes()), yaml.CSafeLoader)
    found = next(document for document in documents if document["spec"]["names"]["kind"] == kind)
    return found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def walk_definition(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, below in node.get("properties", {}).items():
        place = f"{path}.{name}" if path else name
        yield place, below
        yield from walk_definition(below, place)
    if "items" in node:
        yield from walk_definition(node["items"], f"{path}[]")
    if "additionalProperties" in node:
        yield from walk_definition(node["additionalProperties"], f"{path}{{}}")


def ours(shape: Shape) -> dict[str, Shape]:
    return {path: of for path, of in walk(shape) if not path.startswith(OURS_ALONE)}


def theirs(kind: str) -> dict[str, dict[str, Any]]:
    return dict(walk_definition(definition(kind)["properties"]["spec"]))


def test_we_accept_every_field_of_the_definition_and_no_other() -> None:
    assert ours(SPEC).keys() == theirs("Canary").keys()


def test_our_types_are_those_of_the_definition() -> None:
    known = theirs("Canary")

    wrong = {
        path: (shape, known[path])
        for path, shape in ours(SPEC).items()
        if (known[path].get("type") or "int-or-string") not in TYPES.get(type(shape), {"string"})
        and not (isinstance(shape, Record) and "properties" in known[path])
    }

    assert wrong == {}


def test_our_choices_are_those_of_the_definition() -> None:
    known = theirs("Canary")

    for path, shape in ours(SPEC).items():
        choices = shape.choices if isinstance(shape, Text) else ()
        assert set(choices) == set(known[path].get("enum", [])), path


def test_we_demand_what_the_definition_demands() -> None:
    known = theirs("Canary")

    for path, shape in ours(SPEC).items():
        if isinstance(shape, Record):
            assert set(shape.required) == set(known[path].get("required", [])), path


def test_our_admitted_durations_are_those_with_a_pattern() -> None:
    known = theirs("Canary")
    patterned = {path for path, node in known.items() if node.get("pattern") == "^[0-9]+(m|s)"}

    assert {path for path, shape in ours(SPEC).items() if isinstance(shape, Span) and shape.admitted} == patterned


def test_we_know_the_metric_template_of_the_definition() -> None:
    known = {path for path in theirs("MetricTemplate") if not path.startswith("provider.headers")}
    spec = TEMPLATE.fields["spec"]

    assert {path for path, _ in walk(spec) if not path.startswith("provider.headers")} == known


@pytest.mark.parametrize("file", EXAMPLE_FILES, ids=lambda file: file.stem)
def test_every_example_is_valid_for_flagger(file: Path) -> None:
    for document in yaml.safe_load_all(file.read_text()):
        if document["apiVersion"] == BETA:
            jsonschema.validate(document, definition(document["kind"]))


@pytest.mark.parametrize("name", sorted({path.split(".")[-1].rstrip("[]{}") for path, _ in walk(SPEC)}))
def test_every_field_is_in_the_docs(name: str) -> None:
    assert re.search(rf"\b{name}\b", DOCS.read_text())


@pytest.mark.parametrize("name", annotations.KNOWN)
def test_every_annotation_is_in_the_docs(name: str) -> None:
    assert f"`{name}`" in DOCS.read_text()


def test_the_head_of_a_canary_has_the_fields_of_every_resource() -> None:
    assert CANARY.fields.keys() == {"apiVersion", "kind", "metadata", "spec", "status"}
