"""Find the queries that MetricTemplates of the same file hold, and check what queries refer to.

Only a Prometheus query is carried over: the query language of another provider is of no use to the metrics server.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workflows.canary.document import Document
from workflows.canary.findings import did_you_mean
from workflows.canary.inspection import inspect_record
from workflows.canary.schema.resource import TEMPLATE
from workflows.canary.section import Section

KIND = "MetricTemplate"
DEFAULT_NAMESPACE = "default"
_PROMETHEUS = "prometheus"
_FUNCTIONS = ("name", "namespace", "target", "service", "ingress", "route", "interval", "variables")
_KEYWORDS = ("break", "continue", "else", "end")
_ACTION = re.compile(r"\{\{-?\s*([A-Za-z_]\w*)(?:\.(\w+))?\s*-?\}\}")

Templates = Mapping[tuple[str, str], str]
"""The Prometheus queries of MetricTemplates by namespace and name."""


@dataclass(frozen=True, slots=True)
class Query:
    """Carry a query and where it was written."""

    text: str
    place: Section
    field: str


def read_templates(documents: Iterable[Document]) -> Templates:
    """Give the queries of the MetricTemplates among these documents, noting what is wrong with them."""
    templates = {}
    for document in documents:
        if document.text("kind") == KIND:
            template = inspect_record(TEMPLATE, document.value, document.path, document.findings)
            metadata, spec = template.section("metadata"), template.section("spec")
            if spec.section("provider").get("type", _PROMETHEUS) == _PROMETHEUS:
                place = metadata.get("namespace", DEFAULT_NAMESPACE), metadata.get("name", "")
                templates[place] = spec.get("query", "")
    return templates


def check_query(query: Query, variables: Mapping[str, str]) -> None:
    """Note the functions that Flagger's templates do not have, and variables that nobody sets."""
    for function, variable in dict.fromkeys(_ACTION.findall(query.text)):
        if function in _KEYWORDS:
            continue
        if function not in _FUNCTIONS:
            message = f"uses {{{{ {function} }}}}, which is not known; known: {', '.join(_FUNCTIONS)}"
            query.place.error(query.field, message, did_you_mean(function, _FUNCTIONS))
        elif function == "variables" and variable not in variables:
            message = f"uses {{{{ variables.{variable} }}}}, which templateVariables does not set"
            query.place.error(query.field, message, did_you_mean(variable, variables))
