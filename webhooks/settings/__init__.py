"""Hold every setting of the service: read once at the edge, frozen, and handed to whoever needs it."""

from webhooks.settings.reading import CONFIG, read_settings, show_settings
from webhooks.settings.table import SETTINGS, Setting
from webhooks.settings.values import AuthMode, LogFormat, Network, Settings, VerifyMode

__all__ = [
    "CONFIG",
    "SETTINGS",
    "AuthMode",
    "LogFormat",
    "Network",
    "Setting",
    "Settings",
    "VerifyMode",
    "read_settings",
    "show_settings",
]
