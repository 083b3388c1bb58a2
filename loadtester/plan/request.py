"""Say one kind of request: what is sent, what the answer must be, what is kept of it."""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from loadtester.plan.checks import require, require_header, require_pattern

_METHOD = re.compile(r"[A-Z]+\Z")
_STATUS = re.compile(r"[1-5](\d\d|xx)\Z")
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z_]\w*)\}")
_FIRST_ERROR_STATUS = 400


class CaptureSource(enum.Enum):
    """Name where in an answer a value is found."""

    BODY = "body"
    HEADER = "header"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Expectation:
    """Say which answer is right: its status (`200`, `2xx`) and what its body contains or matches."""

    statuses: tuple[str, ...] = ()
    body: str = ""
    matches: str = ""

    def __post_init__(self) -> None:
        """Refuse what is neither a status nor a pattern."""
        for status in self.statuses:
            require(bool(_STATUS.match(status)), f"expect.status: {status!r} is not a status; say 200 or 2xx")
        if self.matches:
            require_pattern(self.matches, "expect.matches")

    def admits(self, status: int) -> bool:
        """Tell whether a status is right; with none asked for, every status below 400 is."""
        if not self.statuses:
            return status < _FIRST_ERROR_STATUS
        return any(text in (str(status), f"{status // 100}xx") for text in self.statuses)

    @property
    def reads_body(self) -> bool:
        """Tell whether the body must be kept to judge an answer."""
        return bool(self.body or self.matches)


@dataclass(frozen=True, slots=True)
class Capture:
    """Say which value of an answer later requests use as `${name}`."""

    name: str
    source: CaptureSource
    expression: str

    def __post_init__(self) -> None:
        """Refuse a pattern that cannot yield one value."""
        require(self.name.isidentifier(), f"capture: {self.name!r} is not a name; use letters, digits and _")
        if self.source is CaptureSource.BODY:
            groups = require_pattern(self.expression, f"capture.{self.name}.body")
            require(groups == 1, f"capture.{self.name}.body: {self.expression!r} needs exactly one (group)")


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """Say one kind of request, how often it comes (its weight against the others) and what its answer must be."""

    path: str = "/"
    name: str = ""
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    body: str = ""
    weight: float = 1.0
    expect: Expectation = field(default_factory=Expectation)
    captures: tuple[Capture, ...] = ()
    think_s: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        """Refuse what could not be sent as HTTP/1.1."""
        require(bool(_METHOD.match(self.method)), f"method: {self.method!r} is not a method; say GET, POST, ...")
        require(self.path.startswith("/"), f"path: {self.path!r} does not start with /; the host stands in target")
        require(self.path.isprintable() and " " not in self.path, f"path: {self.path!r} must be URL-encoded")
        require(self.weight > 0, f"weight: {self.weight} is not above 0; leave the request out instead")
        low, high = self.think_s
        require(0 <= low <= high, f"think: {low}..{high} is not a range of seconds")
        for key, value in self.headers.items():
            require_header(key, value)

    @property
    def label(self) -> str:
        """Give the name it is reported under: its own, else its path."""
        return self.name or self.path

    @property
    def placeholders(self) -> frozenset[str]:
        """Give the names of the captured values that it uses."""
        text = "\n".join((self.path, self.body, *self.headers.values()))
        return frozenset(_PLACEHOLDER.findall(text))
