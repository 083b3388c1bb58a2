"""Own a release for a while: renew its lease beside the work, and give it up when the work is done."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from workflows.errors import FencedError, PenstockError, TemporaryError
from workflows.release import Release


@contextmanager
def keeping(release: Release) -> Iterator[None]:
    """Own the release for the length of a block; a lease that was lost shows as FencedError at the next tick."""
    release.acquire()
    over = threading.Event()
    keeper = threading.Thread(target=_renew, args=(release, over), name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join(release.lease.total_seconds())


def let_go(release: Release) -> None:
    """Give the release up, so that the next owner need not wait for the lease to end; who cannot lets it lapse."""
    with suppress(FencedError, TemporaryError):
        release.platform.states.release(release.acquire())


def _renew(release: Release, over: threading.Event) -> None:
    while not over.wait(release.lease.total_seconds() / 3):
        try:
            release.acquire()
        except FencedError:
            return
        except PenstockError:
            # Also what only a person can mend: a token that is not accepted now may be in a moment.
            continue
