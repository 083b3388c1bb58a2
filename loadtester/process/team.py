"""Say who makes a run's load: one engine, a master with workers of its own, or one that others' workers join."""

from dataclasses import dataclass
from typing import Any, Self

from loadtester.errors import PlanError

MAX_WORKERS = 64
"""The most worker processes that one run starts by itself."""

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Team:
    """Hold the role of one engine, and how many workers the run has."""

    role: str = "local"
    workers: int = 0
    host: str = ""
    port: int = 0
    starts_workers: bool = False
    web_port: int = 0

    @classmethod
    def of(cls, workers: int, bind: str | None, web_port: int = 0) -> Self:
        """Give the leading engine's role: with an address to bind others start the workers."""
        if not 0 <= workers <= MAX_WORKERS:
            raise PlanError(f"--workers: {workers} is out of 0..{MAX_WORKERS}")
        if bind is not None:
            if not workers:
                raise PlanError("--bind: needs --workers, the number of workers to wait for")
            return cls("master", workers, *_address("--bind", bind), web_port=web_port)
        if workers:
            return cls("master", workers, _LOOPBACK, 0, starts_workers=True, web_port=web_port)
        return cls(web_port=web_port)

    @classmethod
    def worker(cls, master: str, workers: int) -> Self:
        """Give a worker's role; raises PlanError for what is no address."""
        if workers < 1:
            raise PlanError(f"--workers: {workers} is below 1")
        return cls("worker", workers, *_address("--master", master))

    def worker_at(self, port: int) -> "Team":
        """Give the role of a worker that this master starts."""
        return Team("worker", self.workers, self.host, port)

    def to_dict(self) -> dict[str, Any]:
        """Write it for the engine's order."""
        keys = ("role", "workers", "host", "port", "web_port")
        return {key: getattr(self, key) for key in keys}


def _address(flag: str, text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:  # noqa: PLR2004 - ports
        raise PlanError(f"{flag}: {text!r} is not an address; say HOST:PORT")
    return host.strip("[]"), int(port)
