"""Read one test of the catalog, kind by kind; what is wrong is noted with its path, never raised."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from webhooks.catalog.fields import Fields, show
from webhooks.catalog.loads import read_load
from webhooks.catalog.programs import read_command, read_helm_test, read_kubernetes_job, read_pytest
from webhooks.catalog.requests import read_http
from webhooks.catalog.secrets import check_secrets, read_secrets, write_secrets
from webhooks.catalog.specs import CommandSpec, HttpSpec, PytestSpec, Spec
from webhooks.catalog.values import (
    RESERVED,
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

CANARY_TARGET = "http://{name}-canary.{namespace}:{port}"
"""Where a test goes unless it says otherwise: the canary's own service (Flagger: `NAME-canary`)."""

_DEFAULT_PORT = 80
_MAX_PORT = 65535
_MAX_USER = 2**31 - 1
_MAX_ATTEMPTS = 10
_HOUR_S = 3600.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_TARGET = re.compile(r"https?://(?:[A-Za-z0-9.\[\]:_-]|\{(?:name|namespace|port)\})+/?")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}")
_PATTERN = re.compile(r"[a-z0-9*?][a-z0-9*?.-]{0,62}")
_JOB_NAMESPACE = re.compile(r"\{namespace\}|[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def read_test(name: str, document: object, defaults: CatalogTest, folder: Path, faults: list[str]) -> CatalogTest:
    """Read a test; `defaults` carries target and port, paths count from `folder`, faults are added to the list."""
    fields = Fields(document, f"tests.{name}", faults)
    if not _NAME.fullmatch(name):
        fields.fault("", "a test's name is at most 63 letters, digits, '.', '_' and '-'")
    kind = _read_kind(fields)
    test = CatalogTest(
        name=name,
        kind=kind,
        spec=_READERS[kind](fields, folder),
        target=_read_target(fields, defaults.target),
        port=fields.integer("port", defaults.port, 1, _MAX_PORT),
        timeout_s=fields.seconds("timeout", _HOUR_S if kind is Kind.LOAD else defaults.timeout_s),
        attempts=fields.integer("attempts", 1, 1, _MAX_ATTEMPTS),
        parameters=_read_parameters(fields.section("parameters")),
        keeping=_read_keeping(fields),
        where=fields.choice("where", Where.SERVICE),
        job=read_job(fields.section("job"), defaults.job),
        namespaces=read_namespaces(fields) or defaults.namespaces,
        secrets=read_secrets(fields.section("secrets"), folder),
    )
    _check_place(fields, test)
    check_secrets(fields, test, document)
    fields.raw("description")
    fields.close()
    return replace(test, definition=_define(test, document))


def read_definition(name: str, definition: str) -> CatalogTest:
    """Read a test from the JSON that a CatalogTest carries, which has passed all checks before."""
    return read_test(name, json.loads(definition), NO_DEFAULTS, Path(), [])


NO_DEFAULTS = CatalogTest("", Kind.HTTP, HttpSpec(()), CANARY_TARGET, _DEFAULT_PORT)
"""What holds where a catalog says nothing."""


def _define(test: CatalogTest, document: object) -> str:
    whole = dict(document) if isinstance(document, Mapping) else {}
    whole |= {"target": test.target, "port": test.port}
    whole["job"] = {key: value for key, value in asdict(test.job).items() if value}
    if test.secrets:
        whole["secrets"] = write_secrets(test.secrets)
    if isinstance(test.spec, PytestSpec):
        whole["path"] = test.spec.path
    if isinstance(test.spec, CommandSpec):
        whole["folder"] = test.spec.folder
    return json.dumps(whole, default=str)


def _read_kind(fields: Fields) -> Kind:
    if fields.raw("kind") is None:
        fields.fault("kind", f"missing; known: {', '.join(kind.value for kind in Kind)}")
    return fields.choice("kind", Kind.HTTP)


def _read_target(fields: Fields, default: str) -> str:
    target = fields.text("target", default)
    if not _TARGET.fullmatch(target):
        fields.fault("target", f"{show(target)} is not a URL of scheme, host and port, such as {CANARY_TARGET}")
    return target.rstrip("/")


def _read_keeping(fields: Fields) -> Keeping:
    return Keeping(
        every=fields.choice("every", Every.STEP),
        final=fields.boolean("final"),
        on_failure=fields.choice("onFailure", OnFailure.HOLD),
    )


def read_job(fields: Fields, default: JobPlace) -> JobPlace:
    """Read where Kubernetes Jobs run and with which image."""
    place = JobPlace(
        fields.text("image", default.image),
        fields.text("namespace", default.namespace),
        fields.integer("user", default.user, 1, _MAX_USER),
    )
    if place.image and not _IMAGE.fullmatch(place.image):
        fields.fault("image", f"{show(place.image)} is not the name of an image")
    if not _JOB_NAMESPACE.fullmatch(place.namespace):
        fields.fault("namespace", f"{show(place.namespace)} is not a namespace; {{namespace}} is the canary's")
    fields.close()
    return place


def read_namespaces(fields: Fields) -> tuple[str, ...]:
    """Read which namespaces may use a test: names, or patterns with * and ?; none is all."""
    patterns = fields.texts("namespaces")
    for pattern in patterns:
        if not _PATTERN.fullmatch(pattern):
            fields.fault("namespaces", f"{show(pattern)} is not a namespace or a pattern such as team-*")
    return patterns


def _check_place(fields: Fields, test: CatalogTest) -> None:
    if test.in_cluster and not test.job.image:
        fields.fault("job.image", "missing; a Kubernetes Job needs an image, here or in the job section of the catalog")
    if test.where is Where.JOB and test.kind in {Kind.HELM_TEST, Kind.KUBERNETES_JOB}:
        fields.fault("where", f"a test of kind {test.kind.value} has its own place; leave it out")


def _read_parameters(fields: Fields) -> tuple[Parameter, ...]:
    found: list[Parameter] = []

    def read(name: str, document: object) -> None:
        section = Fields(document, f"{fields.path}.{name}", fields.faults)
        found.append(_read_parameter(name, section))
        section.close()

    fields.each(read)
    return tuple(found)


def _read_parameter(name: str, fields: Fields) -> Parameter:
    if not _PARAMETER.fullmatch(name) or name in RESERVED:
        fields.fault("", f"a parameter's name is letters, digits and '_', and none of {', '.join(sorted(RESERVED))}")
    default = None if fields.raw("default") is None else fields.text("default")
    kind = fields.choice("type", ParameterType.STRING)
    parameter = Parameter(name, kind, _read_pattern(fields, "pattern"), fields.texts("values"), default)
    if kind is ParameterType.ENUM and not parameter.values:
        fields.fault("values", "missing; an enum lists its values")
    if default is not None and not accept(parameter, default):
        fields.fault("default", f"{show(default)} is not allowed by type, pattern and values")
    return parameter


def _read_pattern(fields: Fields, key: str) -> str:
    pattern = fields.text(key, "")
    try:
        re.compile(pattern)
    except re.error as error:
        fields.fault(key, f"{show(pattern)} is not a regular expression ({error})")
        return ""
    return pattern


_READERS: Mapping[Kind, Callable[[Fields, Path], Spec]] = {
    Kind.HTTP: read_http,
    Kind.PYTEST: read_pytest,
    Kind.LOAD: read_load,
    Kind.COMMAND: read_command,
    Kind.HELM_TEST: read_helm_test,
    Kind.KUBERNETES_JOB: read_kubernetes_job,
}
