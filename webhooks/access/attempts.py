"""Count wrong tries to log in, so that nobody tries for long; a bounded number of places is remembered."""

import threading
from collections import OrderedDict
from collections.abc import Callable

MOST_ATTEMPTS = 10
"""How many wrong tries one address has within a minute."""

_WITHIN_S = 60.0
_MOST_PLACES = 10_000


class Attempts:
    """Count for each address."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def exhausted(self, place: str) -> bool:
        """Tell whether an address has no try left for now."""
        began, count = self._counts.get(place, (0.0, 0))
        return count >= MOST_ATTEMPTS and self._now() - began < _WITHIN_S

    def note(self, place: str) -> None:
        """Count one more wrong try."""
        with self._lock:
            began, count = self._counts.pop(place, (0.0, 0))
            fresh = self._now() - began >= _WITHIN_S
            self._counts[place] = (self._now(), 1) if fresh else (began, count + 1)
            if len(self._counts) > _MOST_PLACES:
                self._counts.popitem(last=False)
