"""Read the settings from flags, variables and a file, in that order, and show what came of it.

Nobody else reads the environment. A fault names the setting, the value, where it stood and what is allowed.
"""

from collections.abc import Mapping
from pathlib import Path

import yaml

from webhooks.errors import SettingsError
from webhooks.settings import texts
from webhooks.settings.table import SETTINGS, Setting
from webhooks.settings.values import AuthMode, Settings

CONFIG = Setting("config", "file of settings: a mapping of their names, without the dashes", "FILE", texts.read_path)
"""The one setting that is not in the file."""

_KUBERNETES_LINK = "tcp://"
_HIDDEN = "***"


def read_settings(flags: Mapping[str, str | None], environ: Mapping[str, str]) -> Settings:
    """Read the settings from flags (by name, None when not given), PENSTOCK_... variables and the file they name.

    Raises SettingsError that names the setting, its value and what is allowed.
    """
    config = _from_outside(CONFIG, flags, environ)
    file = {} if config is None else _read_file(Path(config))
    values: dict[str, object] = {}
    for setting in SETTINGS:
        text = _from_outside(setting, flags, environ)
        text = file.get(setting.name) if text is None else text
        if text is not None:
            values[setting.attribute] = _read(setting, text)
    if "tokens" in values:
        values.setdefault("auth", AuthMode.TOKENS)
    return Settings(**values)  # type: ignore[arg-type] # each row of the table reads what its field holds


def _from_outside(setting: Setting, flags: Mapping[str, str | None], environ: Mapping[str, str]) -> str | None:
    flag = flags.get(setting.name)
    if flag is not None:
        return flag
    # An empty variable is how manifests say "not set".
    value = environ.get(setting.variable) or None
    # Kubernetes sets PENSTOCK_PORT=tcp://... in every pod beside a Service that is called penstock.
    return None if value is None or value.startswith(_KUBERNETES_LINK) else value


def _read(setting: Setting, text: str) -> object:
    try:
        return setting.read(text)
    except ValueError as error:
        shown = _HIDDEN if setting.secret else repr(text[:200])
        where = f"give it with {setting.flag}, {setting.variable} or in the file"
        raise SettingsError(f"{setting.name}: {shown} {error}; {where}") from error


def _read_file(path: Path) -> Mapping[str, str]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise SettingsError(f"config: {path} cannot be read ({reason}); give it with --config FILE") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise SettingsError(f"config: {path} is not a mapping of settings, such as port: 8080")
    known = {setting.name for setting in SETTINGS}
    for name in document:
        if name not in known:
            raise SettingsError(f"config: {path}: {str(name)[:80]!r} is no setting; known: {', '.join(sorted(known))}")
    return {name: _text(path, name, value) for name, value in document.items() if value is not None}


def _text(path: Path, name: str, value: object) -> str:
    match value:
        case bool():
            return texts.write_flag(value)
        case str() | int() | float():
            return str(value)
        case list() if all(isinstance(item, str | int | float) for item in value):
            return ",".join(map(str, value))
        case _:
            raise SettingsError(f"config: {path}: {name} is neither a text, a number nor a list of them")


def write_environ(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Give variables from which a child reads the very same settings, among those that it has anyhow."""
    texts_shown = {setting.variable: setting.show(settings) for setting in SETTINGS}
    # An empty variable is not set; what a file says stands in the others already.
    return {**environ, **texts_shown, CONFIG.variable: ""}


def show_settings(settings: Settings) -> str:
    """Write the settings in force as a file that can be read again, but for secrets, which are hidden."""
    shown: dict[str, str] = {}
    for setting in SETTINGS:
        text = setting.show(settings)
        if text:
            shown[setting.name] = _HIDDEN if setting.secret else text
    written: str = yaml.safe_dump(shown, sort_keys=False)
    return written
