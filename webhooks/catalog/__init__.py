"""Know the operator's named tests and their typed parameters (published)."""

from webhooks.catalog.definitions import CANARY_TARGET, read_definition
from webhooks.catalog.durations import parse_duration, show_duration
from webhooks.catalog.reading import CatalogFile, read_catalog
from webhooks.catalog.values import (
    Catalog,
    CatalogTest,
    Expectation,
    HttpSpec,
    InconclusivePolicy,
    Kind,
    LoadSpec,
    Parameter,
    ParameterType,
    PytestSpec,
    RequestStep,
    accept,
)

__all__ = [
    "CANARY_TARGET",
    "Catalog",
    "CatalogFile",
    "CatalogTest",
    "Expectation",
    "HttpSpec",
    "InconclusivePolicy",
    "Kind",
    "LoadSpec",
    "Parameter",
    "ParameterType",
    "PytestSpec",
    "RequestStep",
    "accept",
    "parse_duration",
    "read_catalog",
    "read_definition",
    "show_duration",
]
