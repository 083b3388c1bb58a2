"""Say in the chart's schema what the service's own readers of settings take, as far as a schema can say it."""

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from webhooks.errors import SettingsError
from webhooks.settings import Setting, Settings, texts

Shape = dict[str, Any]

_BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"{_BYTE}(\.{_BYTE}){{3}}(/(3[0-2]|[12]?[0-9]))?"
_IPV6 = "[0-9A-Fa-f]*:[0-9A-Fa-f:.]+(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?"
_HOST = r"(\*\.)?[A-Za-z0-9._-]+(:[0-9]{1,5})?"
_BRACKETS = r"\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?"
_ADDRESS = r"([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}"
_ABOVE_0 = r"(0*[1-9][0-9]*(\.[0-9]+)?|0+\.0*[1-9][0-9]*)"
_USER = "([1-9][0-9]{0,8}(-[1-9][0-9]{0,8})?|[a-z_][a-z0-9_-]{0,31})"


def _items(pattern: str) -> Shape:
    """Describe a list, or a text whose items commas or spaces set apart."""
    text = {"type": "string", "pattern": f"^[ ,]*(({pattern})([ ,]+({pattern}))*[ ,]*)?$"}
    return {**text, "type": ["string", "array"], "items": text}


_SHAPES: Mapping[Callable[[str], object], Shape] = {
    texts.read_pattern: {"type": "string"},
    texts.read_flag: {"type": "boolean"},
    texts.read_duration: {
        "type": ["string", "number"],
        "exclusiveMinimum": 0,
        "pattern": f"^{_ABOVE_0}(ms|s|m|h)?$",
    },
    texts.read_header: {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9-]{0,62}$"},
    texts.read_users: {"type": ["string", "integer"], "minimum": 1, "pattern": f"^{_USER}$"},
    texts.read_networks: _items(f"{_IPV4}|{_IPV6}"),
    texts.read_targets: _items(f"{_HOST}|[0-9A-Fa-f.:]+/[0-9]{{1,3}}|{_BRACKETS}"),
    texts.read_scopes: _items("read|run|approve|admin"),
    texts.read_pairs: _items(f"{_ADDRESS}={_ADDRESS}"),
}


def describe_settings(settings: Iterable[Setting]) -> Shape:
    """Write the schema of some settings, which names each and takes no other."""
    described = {each.name: {"description": each.meaning, **_shape(each)} for each in settings}
    return {"type": "object", "additionalProperties": False, "properties": described}


def _shape(setting: Setting) -> Shape:
    default = getattr(Settings(), setting.attribute)
    if isinstance(default, enum.Enum):
        return {"enum": [each.value for each in type(default)]}
    if setting.read is texts.read_number:
        least = _least(setting)
        digits = f"0*([{least}-9]|[1-9][0-9]+)" if least else "[0-9]+"
        return {"type": ["integer", "string"], "minimum": least, "pattern": f"^{digits}$"}
    return _SHAPES[setting.read]


def _least(setting: Setting) -> int:
    """Give the least number of one digit that the service takes."""
    return next(number for number in range(10) if _takes(setting, number))


def _takes(setting: Setting, number: int) -> bool:
    try:
        replace(Settings(), **{setting.attribute: number})
    except SettingsError:
        return False
    return True
