"""Read a split where one list holds its numbers: the arm's name and its weight in every entry."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

from workflows.cluster.kinds import Manifest
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes.layout import to_percent


@dataclass(frozen=True, slots=True)
class Weights:
    """Say where the numbers stand: the path of the list, and in an entry the path of the name and the weight's key."""

    path: tuple[str | int, ...]
    name: tuple[str, ...]
    weight: str = "weight"

    def entries(self, manifest: Manifest | None) -> list[Manifest]:
        """Give the entries of the list, none where there is no such list."""
        found = _dig(manifest, self.path)
        return found if isinstance(found, list) else []

    def share(self, entries: Iterable[Manifest], arm: str) -> int | None:
        """Give an arm's weight, None where no entry has its name."""
        return next((int(entry.get(self.weight, 0)) for entry in entries if _dig(entry, self.name) == arm), None)

    def read(self, manifest: Manifest, primary: str, canary: str) -> Route:
        """Give the split between two arms; without an entry for the canary all is the primary's."""
        entries = self.entries(manifest)
        return Route(to_percent(self.share(entries, primary) or 0, self.share(entries, canary) or 0))


def _dig(value: Any, path: Iterable[str | int]) -> Any:
    return reduce(_step, path, value)


def _step(value: Any, key: str | int) -> Any:
    match value:
        case dict():
            return value.get(key)
        case list() if isinstance(key, int) and key < len(value):
            return value[key]
        case _:
            return None
