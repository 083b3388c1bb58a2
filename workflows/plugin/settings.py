"""Hold what makes a service a plugin; it is read once, where the service starts."""

from dataclasses import dataclass, field

VARIABLES = ("PENSTOCK_NOTIFY", "PENSTOCK_TOKEN")
"""The variables of the service that its stages see, where they are set; no log shows their values."""


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """Say which token the agent has, and what every stage gets: options, and variables of the service by name."""

    token: str = field(repr=False)
    options: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
