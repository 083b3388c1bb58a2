"""Keep answers of others for a short while, a bounded number of them."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Found = TypeVar("Found")

_MOST = 10_000


class Kept(Generic[Found]):
    """Ask again only when the last answer is too old."""

    def __init__(self, now: Callable[[], float], kept_s: float) -> None:
        self._now = now
        self._kept_s = kept_s
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, tuple[float, Found]] = OrderedDict()

    def get(self, key: str, ask: Callable[[], Found], younger_s: float | None = None) -> Found:
        """Give the answer that is kept, or the one to a new question when it is older than allowed."""
        limit_s = self._kept_s if younger_s is None else younger_s
        with self._lock:
            known = self._answers.get(key)
        if known is not None and self._now() - known[0] < limit_s:
            return known[1]
        answer = ask()
        with self._lock:
            self._answers[key] = (self._now(), answer)
            self._answers.move_to_end(key)
            if len(self._answers) > _MOST:
                self._answers.popitem(last=False)
        return answer
