"""Keep states in files: one JSON document per canary, guarded by flock, replaced by rename.

The rule to keep: state and lease live in one file, so that nobody ever reads one without the other.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote, unquote

from workflows.errors import ConfigurationError, UnavailableError
from workflows.ports import Clock, Lease
from workflows.rollout.order import Order
from workflows.rollout.state import RolloutState
from workflows.states import record, tenure

_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Keeping:
    """Hold what one file keeps: the state and the last order, if there are any, and the last lease."""

    state: RolloutState | None = None
    lease: Lease = tenure.NOBODY
    order: Order | None = None


class FileStateStore:
    """Keep one canary's state and owner below a folder."""

    def __init__(self, directory: Path, key: str, clock: Clock) -> None:
        self._path = directory / "states" / (quote(key, safe="") + _SUFFIX)
        self._key = key
        self._clock = clock

    def load(self) -> RolloutState | None:
        """Give the state, None before the first."""
        return self.look().state

    def look(self) -> Keeping:
        """Give the state together with the last lease."""
        try:
            return _decode(self._path, self._path.read_text())
        except FileNotFoundError:
            return Keeping()
        except OSError as error:
            raise UnavailableError(f"{self._path}: {error.strerror}; the release's state cannot be read") from error

    def save(self, state: RolloutState, lease: Lease) -> None:
        """Keep the state; raises FencedError when another owner holds the release."""
        with self._locked() as kept:
            tenure.check(kept.lease, lease, self._key)
            self._write(replace(kept, state=state))

    def acquire(self, owner: str, duration: timedelta, *, by_force: bool = False) -> Lease:
        """Become the owner or stay it; raises FencedError while another's lease runs."""
        with self._locked() as kept:
            claim = tenure.Claim(owner, self._clock.now(), duration, by_force=by_force)
            lease = tenure.grant(kept.lease, claim, self._key)
            self._write(replace(kept, lease=lease))
            return lease

    def release(self, lease: Lease) -> None:
        """Give the release up; does nothing when another owner holds it."""
        with self._locked() as kept:
            self._write(replace(kept, lease=tenure.give_up(kept.lease, lease)))

    def order(self, order: Order) -> None:
        """Keep what somebody orders, in place of the last order."""
        with self._locked() as kept:
            self._write(replace(kept, order=order))

    def ordered(self) -> Order | None:
        """Give the last order, None before the first."""
        return self.look().order

    @contextmanager
    def _locked(self) -> Iterator[Keeping]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.with_suffix(".lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield self.look()
        except OSError as error:
            raise UnavailableError(f"{self._path}: {error.strerror}; the release's state cannot be kept") from error

    def _write(self, kept: Keeping) -> None:
        temporary = self._path.with_suffix(f".{os.getpid()}")
        with temporary.open("w") as file:
            file.write(json.dumps(_encode(self._key, kept)))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)


def keys(directory: Path) -> tuple[str, ...]:
    """List the canaries that have a file below a folder."""
    return tuple(sorted(unquote(path.stem) for path in (directory / "states").glob("*" + _SUFFIX)))


def canary_file(directory: Path, key: str) -> Path:
    """Name the file in which a run keeps the Canary that it releases; a key is `name.namespace`."""
    name, _, namespace = key.rpartition(".")
    return directory / "canaries" / f"{namespace}.{name}.yaml"


def _encode(key: str, kept: Keeping) -> dict[str, object]:
    lease = kept.lease
    return {
        "key": key,
        "lease": {"owner": lease.owner, "fence": lease.fence, "expires": lease.expires.isoformat()},
        "state": record.encode(kept.state) if kept.state else None,
        "order": record.encode_order(kept.order) if kept.order else None,
    }


def _decode(path: Path, text: str) -> Keeping:
    try:
        document = json.loads(text)
        lease = document["lease"]
        expires = datetime.fromisoformat(lease["expires"])
        held = Lease(owner=str(lease["owner"]), fence=int(lease["fence"]), expires=expires)
        state, order = document["state"], document.get("order")
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{path}: not a state file ({error}); remove it to start afresh") from error
    return Keeping(
        state=None if state is None else record.decode(state),
        lease=held,
        order=None if order is None else record.decode_order(order),
    )
