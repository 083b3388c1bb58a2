"""Hold every setting of the service: read once at the edge, frozen, and handed to whoever needs it."""

from webhooks.settings.reading import CONFIG, read_settings, show_settings, write_environ
from webhooks.settings.table import SETTINGS, Setting
from webhooks.settings.values import AuthMode, LogFormat, LogLevel, Network, RunnerMode, Settings, VerifyMode

__all__ = [
    "CONFIG",
    "SETTINGS",
    "AuthMode",
    "LogFormat",
    "LogLevel",
    "Network",
    "RunnerMode",
    "Setting",
    "Settings",
    "VerifyMode",
    "read_settings",
    "show_settings",
    "write_environ",
]
