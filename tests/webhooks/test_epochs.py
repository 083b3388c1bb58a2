"""Which analysis a hook call belongs to."""

import pytest

from webhooks.hooks.epochs import HookCall, enter, finish
from webhooks.protocol import HookPayload, HookType
from webhooks.store.records import Epoch

CONFIRM, PRE, ROLLOUT = HookType.CONFIRM_ROLLOUT, HookType.PRE_ROLLOUT, HookType.ROLLOUT
INCREASE, PROMOTION, ROLLBACK = HookType.CONFIRM_TRAFFIC_INCREASE, HookType.CONFIRM_PROMOTION, HookType.ROLLBACK
POST, EVENT = HookType.POST_ROLLOUT, HookType.EVENT
P, W = "Progressing", "Waiting"


def call(hook: HookType, phase: str = P, checksum: str = "r2", at: float = 0.0) -> HookCall:
    return HookCall(hook, HookPayload("ad", "weather", phase, checksum), at)


SEQUENCES = [
    (
        "a whole release is one epoch",
        [(CONFIRM, W, "r1"), (CONFIRM, W, "r1"), (PRE, P, "r2"), (ROLLOUT, P, "r2"), (PROMOTION, P, "r2")],
        [1, 1, 1, 1, 1],
    ),
    (
        "confirm-rollout lags one revision",
        [(CONFIRM, "Succeeded", "r1"), (PRE, P, "r2"), (CONFIRM, "Succeeded", "r2"), (PRE, P, "r3")],
        [1, 1, 2, 2],
    ),
    ("a rollback hook in Waiting lags as well", [(CONFIRM, W, "r1"), (ROLLBACK, W, "r1"), (PRE, P, "r2")], [1, 1, 1]),
    (
        "pre-rollout is asked again while traffic is held",
        [(PRE, P, "r2"), (INCREASE, P, "r2"), (PRE, P, "r2")],
        [1, 1, 1],
    ),
    ("a new revision in mid-analysis", [(PRE, P, "r2"), (ROLLOUT, P, "r2"), (PRE, P, "r3")], [1, 1, 2]),
    ("the same revision tried once more", [(PRE, P, "r2"), (ROLLOUT, P, "r2"), (PRE, P, "r2")], [1, 1, 2]),
    ("an old revision comes back", [(PRE, P, "r2"), (PRE, P, "r3"), (PRE, P, "r2")], [1, 2, 3]),
    ("only a rollback hook is called", [(ROLLBACK, P, "r2"), (ROLLBACK, P, "r3")], [1, 2]),
    ("a call without a checksum goes along", [(PRE, P, "r2"), (ROLLOUT, P, "")], [1, 1]),
]


@pytest.mark.parametrize(("_", "calls", "epochs"), SEQUENCES, ids=[name for name, *_ in SEQUENCES])
def test_calls_belong_to_epochs(_: str, calls: list[tuple[HookType, str, str]], epochs: list[int]) -> None:
    last: Epoch | None = None
    numbers = []
    for hook, phase, checksum in calls:
        last = enter(last, call(hook, phase, checksum), 3600)
        numbers.append(last.number)

    assert numbers == epochs


def test_after_an_hour_of_silence_an_epoch_is_over() -> None:
    last = enter(None, call(PRE, at=0.0), 3600)

    assert enter(last, call(PRE, at=3600.0), 3600).number == 1
    assert enter(last, call(PRE, at=3601.0), 3600).number == 2


def test_calls_in_short_order_leave_nothing_to_write() -> None:
    last = enter(None, call(PRE, at=0.0), 3600)

    assert enter(last, call(PRE, at=29.0), 3600) is last
    assert enter(last, call(PRE, at=31.0), 3600).seen_at == 31.0


ENDS = [
    (POST, "Succeeded", "r2", True),
    (POST, "Failed", "r2", True),
    (POST, "Failed", "r1", False),
    (EVENT, "Failed", "r2", True),
    (EVENT, "Succeeded", "", True),
    (EVENT, "Succeeded", "r1", False),
    (EVENT, "Progressing", "r2", False),
]


@pytest.mark.parametrize(("hook", "phase", "checksum", "ended"), ENDS)
def test_what_ends_an_epoch(hook: HookType, phase: str, checksum: str, ended: bool) -> None:  # noqa: FBT001
    last = finish(enter(None, call(PRE), 3600), call(hook, phase, checksum))

    assert last is not None
    assert last.ended is ended
    assert enter(last, call(PRE), 3600).number == (2 if ended else 1)


def test_a_release_whose_analysis_is_skipped_ends_with_post_rollout() -> None:
    last = finish(enter(None, call(CONFIRM, "Initialized", "r1"), 3600), call(POST, "Succeeded", "r2"))

    assert last is not None
    assert last.ended


def test_nothing_ends_where_nothing_began() -> None:
    assert finish(None, call(POST, "Succeeded")) is None
