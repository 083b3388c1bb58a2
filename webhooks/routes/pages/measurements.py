"""Ask for the measurements of releases that nobody reports, beside the threads that answer hooks and pages.

The rule to keep: a page never waits. It shows what is known, and is told when more is.
"""

import logging
import threading
import time
from dataclasses import dataclass

from webhooks.releases import Measure, Measured
from webhooks.store.records import CanaryName
from webhooks.store.releases import Release, Teller

_log = logging.getLogger("penstock.web")
_KEPT_S = 10.0
_MOST_KEPT = 100
_MOST_AT_ONCE = 4
_UNKNOWN = Measured()

_Key = tuple[CanaryName, str]


@dataclass(frozen=True, slots=True)
class _Kept:
    measured: Measured
    until: float


class Measurements:
    """Keep for some seconds what was measured of the releases that are looked at."""

    def __init__(self, measure: Measure | None) -> None:
        self._measure = measure
        self._lock = threading.Lock()
        self._kept: dict[_Key, _Kept] = {}
        self._asked: set[_Key] = set()

    def recall(self, release: Release) -> Measured:
        """Give what is known of a release, and have it asked anew when that is old."""
        if self._measure is None or release.teller is Teller.LOOP:
            return _UNKNOWN
        key = (release.canary, release.id)
        with self._lock:
            kept = self._kept.get(key)
            if (kept is None or kept.until < time.monotonic()) and self._may_ask(key):
                self._asked.add(key)
                work = threading.Thread(target=self._ask, args=(self._measure, release), name="measured", daemon=True)
                work.start()
        return kept.measured if kept else _UNKNOWN

    def is_asking(self, release: Release) -> bool:
        """Tell whether more may be known of a release soon."""
        return (release.canary, release.id) in self._asked

    def _may_ask(self, key: _Key) -> bool:
        return key not in self._asked and len(self._asked) < _MOST_AT_ONCE

    def _ask(self, measure: Measure, release: Release) -> None:
        key, found = (release.canary, release.id), None
        try:
            ended = release.ended_at or time.time()
            found = measure(release.canary.namespace, release.canary.name, release.began_at, ended)
        except Exception:  # noqa: BLE001 - whatever it meets, the next page asks again
            _log.exception("measurements of %s cannot be told", release.canary)
        with self._lock:
            before = self._kept.pop(key, None)
            known = found or (before.measured if before else _UNKNOWN)
            self._kept[key] = _Kept(known, time.monotonic() + _KEPT_S)
            while len(self._kept) > _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._asked.discard(key)
