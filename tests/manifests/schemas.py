"""Hold objects against the engines' own definitions, strictly: a field that they do not name is a fault."""

import gzip
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

CRDS = os.environ.get("PENSTOCK_CRDS", "")
needs_definitions = pytest.mark.skipif(not CRDS, reason="PENSTOCK_CRDS is not set: manifests are not held against them")


def faults(document: dict[str, Any]) -> list[str]:
    """Say what of an object its definition refuses."""
    validator = _validator(document["apiVersion"], document["kind"])
    return [f"{'/'.join(map(str, error.path))}: {error.message[:200]}" for error in validator.iter_errors(document)]


@cache
def _validator(api_version: str, kind: str) -> Draft202012Validator:
    group, _, version = api_version.partition("/")
    definition = next(each for each in _candidates(kind) if each["spec"]["group"] == group)
    schemas = {each["name"]: each["schema"]["openAPIV3Schema"] for each in definition["spec"]["versions"]}
    return Draft202012Validator(_strict(schemas[version]))


def _candidates(kind: str) -> Iterator[dict[str, Any]]:
    # Reading all definitions of all engines takes a while: those of other kinds are left unread.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    named = re.compile(rf"(?m)^    kind: {kind}$")
    for path in Path(CRDS).glob("*.yaml.gz"):
        for text in re.split(r"(?m)^---$", gzip.decompress(path.read_bytes()).decode()):
            if named.search(text):
                yield yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, the fast one where it is


def _strict(schema: Any) -> Any:
    """Turn a definition's schema into one that refuses what it does not name."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _strict(value) for key, value in schema.items() if not key.startswith("x-kubernetes")}
    if schema.get("x-kubernetes-int-or-string"):
        made["type"] = ["integer", "string"]
    free = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-embedded-resource")
    if (
        "properties" in schema
        and isinstance(schema["properties"], dict)
        and schema.get("type") == "object"
        and not free
    ):
        made.setdefault("additionalProperties", False)
        if "metadata" in schema["properties"]:
            made["properties"]["metadata"] = {"type": "object"}
    return made
