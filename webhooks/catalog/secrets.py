"""Read where the secrets of a test come from; a catalog names them and never holds their values.

A test finds a secret in the variable of its name. `${secrets.NAME}` stands for it in headers and bodies alone: paths
and arguments are shown in too many places.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from webhooks.catalog.fields import Fields, show
from webhooks.catalog.specs import Secret
from webhooks.catalog.values import CatalogTest, Kind, Where

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_OBJECT = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_KEY = re.compile(r"[A-Za-z0-9._-]{1,253}")
_REFERENCE = re.compile(r"\$\{secrets\.([^}]*)\}")
_FILLED = frozenset({Kind.HTTP, Kind.LOAD})
_FILLED_FIELDS = frozenset({"headers", "body"})


def read_secrets(fields: Fields, folder: Path) -> tuple[Secret, ...]:
    """Read the secrets of a test; the path of a file counts from the catalog's folder."""
    found: list[Secret] = []

    def read(name: str, document: object) -> None:
        section = Fields(document, f"{fields.path}.{name}", fields.faults)
        if not _NAME.fullmatch(name) or name.startswith("PENSTOCK_"):
            section.fault("", "a secret's name is that of a variable; PENSTOCK_... are ours")
        found.append(_read_secret(name, section, folder))
        section.close()

    fields.each(read)
    return tuple(found)


def _read_secret(name: str, fields: Fields, folder: Path) -> Secret:
    variable, file = fields.text("env", ""), fields.text("file", "")
    place, key = fields.text("secret", ""), fields.text("key", "")
    if sum(map(bool, (variable, file, place))) != 1 or bool(place) != bool(key):
        fields.fault("", "give one of env: VARIABLE, file: PATH, or (in a Kubernetes Job) secret: NAME with key: KEY")
    if variable and not _NAME.fullmatch(variable):
        fields.fault("env", f"{show(variable)} is not the name of a variable")
    if place and not (_OBJECT.fullmatch(place) and _KEY.fullmatch(key)):
        fields.fault("secret", f"{show(place)}, {show(key)} are not the name of a Kubernetes Secret and a key of it")
    return Secret(name, variable, str((folder / file).absolute()) if file else "", place, key)


def write_secrets(secrets: tuple[Secret, ...]) -> dict[str, dict[str, str]]:
    """Write secrets so that they can be read again, whatever the folder."""
    return {one.name: _write(one) for one in secrets}


def _write(one: Secret) -> dict[str, str]:
    named = {"env": one.variable, "file": one.file, "secret": one.secret, "key": one.key}
    return {field: text for field, text in named.items() if text}


def check_secrets(fields: Fields, test: CatalogTest, document: object) -> None:
    """Note secrets that the place of a test cannot have, and references that lead nowhere or stand where they show."""
    if test.secrets and (test.kind is Kind.HELM_TEST or (test.kind is Kind.LOAD and test.where is Where.JOB)):
        fields.fault("secrets", "this kind of test takes none there")
    for one in test.secrets:
        if test.in_cluster != bool(one.secret):
            wanted = "secret: NAME with key: KEY, a Secret there" if test.in_cluster else "env: VARIABLE or file: PATH"
            fields.fault(f"secrets.{one.name}", f"the test runs as {_place_of(test)}; give {wanted}")
    known = {one.name for one in test.secrets}
    for path, name in _find_references(document, ()):
        if test.kind not in _FILLED or _FILLED_FIELDS.isdisjoint(path):
            fields.fault(".".join(path), f"secrets.{name}: it would show here; {_way_out(test.kind, name)}")
        elif name not in known:
            fields.fault(".".join(path), f"secrets.{name}: unknown; known: {', '.join(sorted(known)) or 'none'}")


def _place_of(test: CatalogTest) -> str:
    return "a Kubernetes Job" if test.in_cluster else "a child of the runner"


def _way_out(kind: Kind, name: str) -> str:
    return "use it in headers or body" if kind in _FILLED else f"the test finds it in the variable {name}"


def _find_references(document: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(document, str):
        yield from ((path, match[1]) for match in _REFERENCE.finditer(document))
    elif isinstance(document, Mapping):
        for key, value in document.items():
            yield from _find_references(value, (*path, str(key)))
    elif isinstance(document, list):
        for place, value in enumerate(document):
            yield from _find_references(value, (*path, str(place)))
