"""What every StateStore keeps: the state, its owner, and the fence between owners."""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.errors import ConfigurationError, FencedError, UnavailableError
from workflows.ports import StateStore
from workflows.rollout.order import Command, Order
from workflows.rollout.phase import Phase
from workflows.rollout.samples import ArmCounts, TrafficCounts
from workflows.rollout.state import Cause, RolloutState
from workflows.rollout.traffic import Route
from workflows.states import record, tenure
from workflows.states.files import FileStateStore, keys
from workflows.states.kubernetes import KubernetesStateStore
from workflows.states.memory import MemoryStateStore
from workflows.states.place import Place

MINUTE = timedelta(minutes=1)


class StillClock:
    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def sleep(self, duration: timedelta) -> None:
        self.at += duration


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture(params=["memory", "files", "kubernetes"])
def store(request: pytest.FixtureRequest, clock: StillClock, tmp_path: Path) -> StateStore:
    match request.param:
        case "memory":
            return MemoryStateStore("ad.weather", clock)
        case "files":
            return FileStateStore(tmp_path, "ad.weather", clock)
        case _:
            cluster = request.getfixturevalue("cluster")
            return KubernetesStateStore(cluster, Place("test", "ad"), clock)


def test_a_new_store_has_no_state(store: StateStore) -> None:
    assert store.load() is None


def test_a_saved_state_is_loaded_again(store: StateStore) -> None:
    state = RolloutState(phase=Phase.PROGRESSING, weight=20, route=Route(20), reason="step")

    store.save(state, store.acquire("run-1", MINUTE))

    assert store.load() == state


def test_a_second_owner_is_refused_while_the_first_lease_runs(store: StateStore) -> None:
    store.acquire("run-1", MINUTE)

    with pytest.raises(FencedError, match=r"held by run-1 \(fence \d+\) for another 60\.0 s"):
        store.acquire("run-2", MINUTE)


def test_an_owner_renews_its_lease_under_the_same_fence(store: StateStore, clock: StillClock) -> None:
    first = store.acquire("run-1", MINUTE)
    clock.sleep(MINUTE / 2)

    second = store.acquire("run-1", MINUTE)

    assert (second.fence, second.expires - first.expires) == (first.fence, MINUTE / 2)


def test_an_expired_lease_passes_to_a_new_owner_under_a_higher_fence(store: StateStore, clock: StillClock) -> None:
    first = store.acquire("run-1", MINUTE)
    clock.sleep(MINUTE)

    assert store.acquire("run-2", MINUTE).fence > first.fence


def test_a_late_owner_can_no_longer_save(store: StateStore, clock: StillClock) -> None:
    late = store.acquire("run-1", MINUTE)
    clock.sleep(MINUTE)
    store.acquire("run-2", MINUTE)

    with pytest.raises(FencedError, match=r"fence \d+ of run-1 is stale; run-2 holds the release with fence \d+"):
        store.save(RolloutState(), late)

    assert store.load() is None


def test_a_released_release_is_free_at_once_under_a_higher_fence(store: StateStore) -> None:
    first = store.acquire("run-1", MINUTE)
    store.release(first)

    assert store.acquire("run-2", MINUTE).fence > first.fence


def test_a_late_owner_cannot_release_what_another_holds(store: StateStore, clock: StillClock) -> None:
    late = store.acquire("run-1", MINUTE)
    clock.sleep(MINUTE)
    store.acquire("run-2", MINUTE)

    store.release(late)

    with pytest.raises(FencedError, match="held by run-2"):
        store.acquire("run-3", MINUTE)


def test_saving_after_a_release_names_nobody_as_the_holder(store: StateStore) -> None:
    lease = store.acquire("run-1", MINUTE)
    store.release(lease)

    with pytest.raises(FencedError, match="nobody holds the release"):
        store.save(RolloutState(), lease)


def test_who_comes_by_force_shuts_the_owner_out(store: StateStore) -> None:
    first = store.acquire("run-1", MINUTE)

    second = store.acquire("run-2", MINUTE, by_force=True)

    assert second.fence > first.fence
    with pytest.raises(FencedError, match="is stale"):
        store.save(RolloutState(), first)


def test_the_last_order_is_kept_in_place_of_others(store: StateStore) -> None:
    store.save(RolloutState(), store.acquire("run-1", MINUTE))
    first, last = Order(Command.PAUSE, "ann", "1"), Order(Command.RESUME, "ann", "2")
    before = store.ordered()

    for order in (first, last):
        store.order(order)

    assert (before, store.ordered()) == (None, last)


def test_an_order_outlasts_the_writes_of_the_owner(store: StateStore) -> None:
    lease = store.acquire("run-1", MINUTE)
    store.save(RolloutState(), lease)
    store.order(Order(Command.ABORT, "ann", "1"))

    store.save(RolloutState(weight=20), lease)

    assert store.ordered() == Order(Command.ABORT, "ann", "1")


def test_of_many_claims_at_once_one_wins(store: StateStore) -> None:
    won: list[str] = []

    def claim(owner: str) -> None:
        try:
            won.append(store.acquire(owner, MINUTE).owner)
        except FencedError:
            return

    threads = [threading.Thread(target=claim, args=(f"run-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)

    assert len(won) == 1


@pytest.mark.parametrize(("owner", "duration"), [("", MINUTE), ("run-1", timedelta())])
def test_a_claim_needs_an_owner_and_a_duration(owner: str, duration: timedelta) -> None:
    with pytest.raises(ValueError, match=r"^(owner|duration): "):
        tenure.Claim(owner, datetime(2026, 1, 1, tzinfo=UTC), duration)


def test_files_outlive_the_store_that_wrote_them(clock: StillClock, tmp_path: Path) -> None:
    first = FileStateStore(tmp_path, "ad.weather", clock)
    first.save(RolloutState(revision="abc"), first.acquire("run-1", MINUTE))

    second = FileStateStore(tmp_path, "ad.weather", clock)

    assert second.load() == RolloutState(revision="abc")


def test_files_of_several_canaries_lie_apart_and_are_listed(clock: StillClock, tmp_path: Path) -> None:
    for key in ("ad.weather", "a/../b.weather"):
        FileStateStore(tmp_path, key, clock).acquire("run-1", MINUTE)

    assert keys(tmp_path) == ("a/../b.weather", "ad.weather")


def state_file(directory: Path) -> Path:
    (directory / "states").mkdir()
    return directory / "states" / "ad.weather.json"


VALID = record.encode(RolloutState(counts=TrafficCounts(ArmCounts({"2xx": 1}, ((float("inf"), 1),)))))
LEASE = {"owner": "", "fence": 0, "expires": "2026-01-01T00:00:00+00:00"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps({"lease": LEASE, "state": {}}),
        json.dumps({"lease": LEASE, "state": 3}),
        *(
            json.dumps({"lease": LEASE, "state": {**VALID, **wrong}})
            for wrong in (
                {"version": 0},
                {"phase": "Dancing"},
                {"weight": True},
                {"reason": 3},
                {"route": {"canary_percent": 5, "mirrored": 1, "matched": False, "sticky": False}},
                {"counts": {"primary": {"responses": {}, "latency": 3}, "canary": {}}},
                {"phase_since": "yesterday"},
            )
        ),
    ],
)
def test_a_broken_file_is_named_not_guessed_at(text: str, clock: StillClock, tmp_path: Path) -> None:
    state_file(tmp_path).write_text(text)

    with pytest.raises(ConfigurationError, match="start afresh"):
        FileStateStore(tmp_path, "ad.weather", clock).load()


def test_a_folder_that_cannot_be_used_is_trouble_not_a_crash(clock: StillClock, tmp_path: Path) -> None:
    (tmp_path / "states").write_text("a file where the folder belongs")
    store = FileStateStore(tmp_path, "ad.weather", clock)

    with pytest.raises(UnavailableError, match="cannot be read"):
        store.load()
    with pytest.raises(UnavailableError, match="cannot be kept"):
        store.acquire("run-1", MINUTE)


times = st.datetimes(timezones=st.just(UTC)) | st.none()
counts = st.builds(
    ArmCounts,
    responses=st.dictionaries(st.sampled_from(["2xx", "4xx", "5xx"]), st.integers(0, 10**12)),
    latency=st.lists(st.tuples(st.floats(0, allow_nan=False), st.integers(0, 10**12)), max_size=5).map(tuple),
)
arms = st.builds(replace, counts, parts=st.dictionaries(st.sampled_from(["ad-1", "ad-2"]), counts, max_size=2))
states = st.builds(
    RolloutState,
    phase=st.sampled_from(Phase),
    phase_since=times,
    held_since=times,
    route=st.builds(Route, canary_percent=st.integers(0, 100)),
    counts=st.none() | st.builds(TrafficCounts, arms, arms),
    cause=st.none() | st.sampled_from(Cause),
    weight=st.integers(0, 100),
)


@given(states)
def test_every_state_survives_the_round_trip_through_json(state: RolloutState) -> None:
    assert record.decode(json.loads(json.dumps(record.encode(state)))) == state


@pytest.mark.parametrize("wrong", [{}, {"command": "dance", "by": "ann", "id": "1"}, 3])
def test_an_order_that_is_none_is_an_error(wrong: object) -> None:
    with pytest.raises(ConfigurationError, match="give the order again"):
        record.decode_order(wrong)


def test_a_document_without_a_field_names_it() -> None:
    document = {name: value for name, value in VALID.items() if name != "weight"}

    with pytest.raises(ConfigurationError, match="'weight' is missing"):
        record.decode(document)
