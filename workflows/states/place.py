"""Name a canary without its plan."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Name a canary by its namespace and its name."""

    namespace: str
    name: str

    @property
    def key(self) -> str:
        """Name the canary as events do."""
        return f"{self.name}.{self.namespace}"

    def __str__(self) -> str:
        """Name the canary as commands do."""
        return f"canary/{self.name} -n {self.namespace}"
