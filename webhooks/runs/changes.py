"""Change a run although others may change it at the same time: read, decide, save, and again if somebody was faster."""

from collections.abc import Callable

from webhooks.errors import StoreError
from webhooks.store.port import RunWork
from webhooks.store.records import Run

_TRIES = 100


def change(runs: RunWork, run_id: str, decide: Callable[[Run], Run | None]) -> Run | None:
    """Save what `decide` makes of the run and give it; None from `decide` leaves it as it is.

    Gives None when there is no such run.
    """
    for _ in range(_TRIES):
        run = runs.find(run_id)
        wanted = None if run is None else decide(run)
        if wanted is None:
            return run
        saved = runs.save(wanted)
        if saved is not None:
            return saved
    raise StoreError(f"run {run_id}: changed {_TRIES} times while we tried to change it; ask again")
