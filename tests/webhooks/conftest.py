"""What the tests of the webhook service share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webhooks.bench import AdService, Bench
from tests.webhooks.postgres import Cluster, find_programs, postgres
from tests.webhooks.workshop import Workshop


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of our own."""
    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL here: install the Debian package postgresql")
    with postgres(programs) as made:
        yield made


@pytest.fixture
def ad() -> Iterator[AdService]:
    with AdService() as server:
        yield server


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.runner.close()
