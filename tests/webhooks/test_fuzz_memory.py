"""Whatever bodies come to the hooks, they leave nothing behind in memory."""

import gc
import json
import random
import tracemalloc

import pytest
from flask.testing import FlaskClient

from tests.webhooks.bench import AD, Bench
from webhooks.app import compose
from webhooks.protocol import HookType
from webhooks.settings import Settings

CALLS = 200
MOST_LEFT = 64 * 1024
PATHS = [*(f"/hooks/{hook.value}" for hook in HookType), "/hooks/nothing", "/", "/gate/check", "/rollback/check"]


def make_body(chance: random.Random) -> bytes:
    """Make bytes, half of a payload, deep nesting, a long text, or a payload that names what nobody knows."""
    canary = {"name": chance.choice(["ad", "", "Ad!", "x" * 300]), "namespace": "weather"}
    metadata = {str(chance.random()): str(chance.random()), "test": str(chance.random())}
    whole = json.dumps(canary | {"phase": "Progressing", "metadata": metadata}).encode()
    return chance.choice(
        [
            chance.randbytes(chance.randrange(2000)),
            whole[: chance.randrange(len(whole))],
            b'{"metadata":' * chance.randrange(1, 3000),
            json.dumps(canary | {"checksum": "é" * chance.randrange(100_000)}).encode(),
            whole,
        ]
    )


def call(client: FlaskClient, chance: random.Random) -> None:
    """Send so many bodies; each gets an answer that is no trouble of ours."""
    for _ in range(CALLS):
        answer = client.post(chance.choice(PATHS), data=make_body(chance))
        assert answer.status_code in {200, 400, 403, 404, 422}


@pytest.mark.parametrize("seed", [20])
def test_raw_bodies_leave_nothing_in_memory(bench: Bench, seed: int) -> None:
    chance = random.Random(seed)
    client = compose(bench.service, Settings()).test_client()
    call(client, chance)  # what is made once is made now
    gc.collect()
    tracemalloc.start()
    try:
        call(client, chance)
        gc.collect()
        early = tracemalloc.get_traced_memory()[0]
        call(client, chance)
        call(client, chance)
        gc.collect()
        late = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert late - early < MOST_LEFT


@pytest.mark.parametrize("key", ["phase", "checksum"])
def test_a_word_that_is_too_long_is_told(bench: Bench, key: str) -> None:
    client = compose(bench.service, Settings()).test_client()

    answer = client.post("/hooks/event", json={"name": "ad", "namespace": "weather", key: "x" * 257})

    assert (answer.status_code, answer.text) == (400, f"{key}: 257 characters; at most 256\n")


def test_an_event_is_kept_in_a_bounded_size(bench: Bench) -> None:
    bench.call(HookType.EVENT, **{f"key{number}": "x" * 9000 for number in range(99)})

    (event,) = bench.store.events.select(AD)
    assert (len(event.metadata), {len(text) for text in event.metadata.values()}) == (64, {4096})
