"""Say a whole run, and refuse the one that cannot be run as it says."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit

from loadtester.errors import PlanError
from loadtester.plan.checks import require, require_header, require_url
from loadtester.plan.course import Segment, Stage, course_of
from loadtester.plan.request import RequestPlan

MAXIMUM_DURATION_S = 3600.0
"""A run that names no duration ends after this many seconds at the latest."""

DEFAULT_THRESHOLD = "http_req_failed: rate<0.01"
"""What must hold when a plan names no threshold."""

SYNTHETIC_HEADER = ("X-Penstock-Synthetic", "load")
"""The header that marks our requests, so that they are never taken for a user's."""


class Mode(enum.Enum):
    """Name the two ways of making load: arrivals that wait for nobody, or users that wait for their answers."""

    OPEN = "open"
    CLOSED = "closed"


class Spacing(enum.Enum):
    """Name how arrivals follow one another."""

    EVEN = "even"
    POISSON = "poisson"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bound what a run may use, whatever its length."""

    timeout_s: float = 5.0
    grace_s: float = 1.0
    connections: int = 1000
    names: int = 200
    errors: int = 50
    memory_mb: int = 1024
    silence_s: float = 10.0

    def __post_init__(self) -> None:
        """Refuse bounds that nothing fits into."""
        for key in ("timeout_s", "connections", "names", "errors", "memory_mb", "silence_s"):
            value = getattr(self, key)
            place = key if key in ("timeout_s", "connections") else f"limits.{key}"
            require(value > 0, f"{place.removesuffix('_s')}: {value} is not above 0")
        require(self.grace_s >= 0, f"grace: {self.grace_s} is negative")


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """Say what is done on demand only: headers for all, cookies, redirects, gzip, certificates of one's own."""

    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    cookies: bool = False
    redirects: int = 0
    compression: bool = False
    verify: bool = True
    ca_file: str = ""

    def __post_init__(self) -> None:
        """Refuse what could not be sent."""
        require(self.redirects >= 0, f"redirects: {self.redirects} is negative")
        for key, value in self.headers.items():
            require_header(key, value)


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """Say a whole run: target, level, course, requests or a Locust file, and the thresholds.

    `level` is arrivals per second in open mode and users in closed mode; `duration_s` 0 means until cancelled.
    """

    target: str
    mode: Mode = Mode.OPEN
    level: float = 10.0
    duration_s: float = 0.0
    spacing: Spacing = Spacing.EVEN
    stages: tuple[Stage, ...] = ()
    requests: tuple[RequestPlan, ...] = (RequestPlan(),)
    locustfile: str = ""
    tags: tuple[str, ...] = ()
    thresholds: tuple[str, ...] = (DEFAULT_THRESHOLD,)
    minimum_requests: int = 1
    limits: Limits = field(default_factory=Limits)
    http: HttpOptions = field(default_factory=HttpOptions)
    compare_with: str = ""

    def __post_init__(self) -> None:
        """Refuse a plan that cannot be run as it says."""
        require_url(self.target, "target")
        if self.compare_with:
            require_url(self.compare_with, "compare_with")
        require(self.level >= 0, f"{self.level_name}: {self.level} is negative")
        require(self.stages != () or self.level > 0, f"{self.level_name}: {self.level} makes no load")
        require(0 <= self.duration_s <= MAXIMUM_DURATION_S * 24, f"duration: {self.duration_s} s is out of 0..1 day")
        require(self.requests != (), "requests: there are none")
        require(self.minimum_requests >= 1, f"minimum_requests: {self.minimum_requests} is below 1")
        self._refuse_contradictions()

    def _refuse_contradictions(self) -> None:
        closed_only = not self.locustfile or self.mode is Mode.CLOSED
        require(closed_only, "mode: open; a locustfile runs users of its own, so its mode is closed")
        think = any(request.think_s[1] for request in self.requests)
        require(not think or self.mode is Mode.CLOSED, "requests: think has no meaning in mode open; use closed")
        require(not (self.stages and self.duration_s), "duration: stages have their own; leave one of the two out")
        require(not (self.compare_with and self.locustfile), "compare_with: needs requests, not a locustfile")
        captured = {capture.name for request in self.requests for capture in request.captures}
        for index, request in enumerate(self.requests):
            for name in sorted(request.placeholders - captured):
                raise PlanError(f"requests[{index}]: ${{{name}}} is captured by no request; known: {sorted(captured)}")
        free = any(not request.placeholders for request in self.requests)
        require(free, "requests: each needs a captured value, so none could be the first")

    def require_allowed(self, hosts: Sequence[str] | None) -> None:
        """Refuse a target whose host (or host:port) is not among those allowed; None allows all."""
        if hosts is None:
            return
        for path, url in (("target", self.target), ("compare_with", self.compare_with)):
            parts = urlsplit(url)
            known = parts.hostname in hosts or parts.netloc in hosts
            require(not url or known, f"{path}: {parts.netloc} is not allowed; allowed: {', '.join(hosts)}")

    @property
    def level_name(self) -> str:
        """Give the word a plan uses for its level."""
        return "rate" if self.mode is Mode.OPEN else "users"

    @property
    def length_s(self) -> float:
        """Give the seconds the run lasts at most."""
        if self.stages:
            return sum(stage.duration_s for stage in self.stages)
        return self.duration_s or MAXIMUM_DURATION_S

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Give the load's course as straight stretches."""
        if self.stages:
            return tuple(course_of(self.stages, self.level))
        return (Segment(self.level, self.level, self.length_s),)
