"""Turn frozen values into JSON's own types and back, led by their annotations.

The one rule to keep: what was written reads back equal, and a document of another shape is an error that names the
place. A field that a document lacks gets its default, so that a value may grow; a field nobody knows is an error.
"""

import enum
import functools
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, get_args, get_origin, get_type_hints

TAG = "is"
"""The key that names the class of a value where several could stand."""

_INFINITE = {"+Inf": math.inf, "-Inf": -math.inf, "NaN": math.nan}


class DocumentError(ValueError):
    """Say where a document does not hold the value that is wanted there."""


def encode(hint: Any, value: Any) -> Any:
    """Write a value that its annotation describes."""
    if _is_value(hint):
        return {name: encode(of, getattr(value, name)) for name, of in hints(hint).items()}
    match get_origin(hint):
        case types.UnionType | typing.Union:
            return _encode_choice(hint, value)
        case origin if origin is tuple:
            return [encode(of, item) for of, item in zip(_item_hints(hint, len(value)), value, strict=True)]
        case origin if origin is Mapping:
            return {str(key): encode(get_args(hint)[1], item) for key, item in value.items()}
        case _:
            return _encode_plain(value)


def _encode_choice(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    chosen = next((of for of in _choices(hint) if isinstance(value, get_origin(of) or of)), type(value))
    document = encode(chosen, value)
    return {TAG: chosen.__name__, **document} if _is_value(chosen) and len(_choices(hint)) > 1 else document


def _encode_plain(value: Any) -> Any:
    match value:
        case enum.Enum():
            return value.value
        case float() if not math.isfinite(value):
            return next(word for word, number in _INFINITE.items() if str(number) == str(value))
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(key): _encode_plain(item) for key, item in value.items()}
        case _:
            return _encode_other(value)


def _encode_other(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case list() | tuple():
            return [_encode_plain(item) for item in value]
        case _:
            return str(value)


def decode(hint: Any, document: Any, where: str = "") -> Any:
    """Read the value that an annotation describes; raises DocumentError with the place where it is not there."""
    if _is_value(hint):
        return _decode_fields(hint, document, where)
    match get_origin(hint):
        case types.UnionType | typing.Union:
            return _decode_choice(hint, document, where)
        case origin if origin is tuple:
            return _decode_items(hint, document, where)
        case origin if origin is Mapping:
            _expect(document, dict, where, "an object")
            of = get_args(hint)[1]
            return MappingProxyType({key: decode(of, item, _join(where, key)) for key, item in document.items()})
        case _:
            return _decode_plain(hint, document, where)


def _decode_fields(hint: Any, document: Any, where: str) -> Any:
    _expect(document, dict, where, "an object")
    known = hints(hint)
    unknown = sorted(set(document) - set(known) - {TAG})
    if unknown:
        raise DocumentError(f"{_join(where, unknown[0])}: nobody knows this field; a newer program wrote it")
    missing = sorted(item.name for item in fields(hint) if item.name not in document and _wanted(item))
    if missing:
        raise DocumentError(f"{_join(where, missing[0])}: is missing")
    values = {name: decode(of, document[name], _join(where, name)) for name, of in known.items() if name in document}
    return _build(hint, values, where)


def _build(hint: Any, values: Mapping[str, Any], where: str) -> Any:
    try:
        return hint(**values)
    except ValueError as error:
        raise DocumentError(f"{where or hint.__name__}: {error}") from error


def _wanted(item: "Field[Any]") -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _decode_choice(hint: Any, document: Any, where: str) -> Any:
    if document is None and type(None) in get_args(hint):
        return None
    choices = _choices(hint)
    if len(choices) == 1:
        return decode(choices[0], document, where)
    named = {of.__name__: of for of in choices if _is_value(of)}
    if not isinstance(document, dict) or not named:
        return _decode_first([of for of in choices if not _is_value(of)], document, where)
    name = document.get(TAG)
    if name not in named:
        raise DocumentError(f"{_join(where, TAG)}: {name!r} is not known; known: {', '.join(sorted(named))}")
    return decode(named[name], document, where)


def _decode_first(choices: list[Any], document: Any, where: str) -> Any:
    fault = DocumentError(f"{where}: {_shorten(document)} fits nothing that can stand here")
    for of in choices:
        try:
            return decode(of, document, where)
        except DocumentError as error:
            fault = error
    raise fault


def _decode_items(hint: Any, document: Any, where: str) -> Any:
    _expect(document, list, where, "a list")
    item_hints = _item_hints(hint, len(document))
    if len(item_hints) != len(document):
        raise DocumentError(f"{where}: has {len(document)} items, not {len(item_hints)}")
    return tuple(
        decode(of, item, f"{where}[{index}]") for index, (of, item) in enumerate(zip(item_hints, document, strict=True))
    )


def _decode_plain(hint: Any, document: Any, where: str) -> Any:
    if hint is object:
        return document
    try:
        return _reader(hint)(document)
    except (TypeError, ValueError, OverflowError) as error:
        name = getattr(hint, "__name__", str(hint))
        raise DocumentError(f"{where}: {_shorten(document)} is no {name}") from error


def _reader(hint: Any) -> Callable[[Any], Any]:
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint
    return _READERS[hint]


def _read_flag(document: Any) -> bool:
    if not isinstance(document, bool):
        raise TypeError(document)
    return document


def _read_text(document: Any) -> str:
    if not isinstance(document, str):
        raise TypeError(document)
    return document


def _read_number(document: Any) -> float:
    if isinstance(document, str) and document in _INFINITE:
        return _INFINITE[document]
    if isinstance(document, bool) or not isinstance(document, int | float):
        raise TypeError(document)
    return document


_READERS: Mapping[Any, Callable[[Any], Any]] = MappingProxyType(
    {
        bool: _read_flag,
        int: _read_number,
        float: _read_number,
        str: _read_text,
        datetime: lambda document: datetime.fromisoformat(_read_text(document)),
        timedelta: lambda document: timedelta(seconds=_read_number(document)),
    }
)


def _is_value(hint: Any) -> bool:
    return is_dataclass(hint)


@functools.cache
def hints(hint: Any) -> Mapping[str, Any]:
    """Give the annotations of a dataclass's fields, in order."""
    known = get_type_hints(hint)
    return MappingProxyType({item.name: known[item.name] for item in fields(hint)})


@functools.cache
def _choices(hint: Any) -> tuple[Any, ...]:
    return tuple(of for of in get_args(hint) if of is not type(None))


def _item_hints(hint: Any, length: int) -> tuple[Any, ...]:
    arguments = get_args(hint)
    return arguments[:1] * length if arguments[-1] is Ellipsis else arguments


def _expect(document: Any, kind: type, where: str, what: str) -> None:
    if not isinstance(document, kind):
        raise DocumentError(f"{where or 'document'}: {_shorten(document)} is not {what}")


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _shorten(document: Any) -> str:
    text = repr(document)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - a line of a terminal
