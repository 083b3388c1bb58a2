"""Know the operator's named tests and their typed parameters (published)."""

from webhooks.catalog.definitions import CANARY_TARGET, NO_DEFAULTS, read_definition, read_test
from webhooks.catalog.durations import parse_duration, show_duration
from webhooks.catalog.gates import GateRule, OnExpiry
from webhooks.catalog.reading import CatalogFile, read_catalog
from webhooks.catalog.specs import (
    CommandSpec,
    Expectation,
    HelmTestSpec,
    HttpSpec,
    InconclusivePolicy,
    KubernetesJobSpec,
    LoadSpec,
    PytestSpec,
    RequestStep,
    Secret,
    Spec,
)
from webhooks.catalog.values import (
    RESERVED,
    Catalog,
    CatalogTest,
    Every,
    JobPlace,
    Keeping,
    Kind,
    OnFailure,
    Parameter,
    ParameterType,
    Where,
    accept,
)
from webhooks.errors import CatalogError

__all__ = [
    "CANARY_TARGET",
    "NO_DEFAULTS",
    "RESERVED",
    "Catalog",
    "CatalogError",
    "CatalogFile",
    "CatalogTest",
    "CommandSpec",
    "Every",
    "Expectation",
    "GateRule",
    "HelmTestSpec",
    "HttpSpec",
    "InconclusivePolicy",
    "JobPlace",
    "Keeping",
    "Kind",
    "KubernetesJobSpec",
    "LoadSpec",
    "OnExpiry",
    "OnFailure",
    "Parameter",
    "ParameterType",
    "PytestSpec",
    "RequestStep",
    "Secret",
    "Spec",
    "Where",
    "accept",
    "parse_duration",
    "read_catalog",
    "read_definition",
    "read_test",
    "show_duration",
]
