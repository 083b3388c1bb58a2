"""A client of the pages, before a service in memory."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.webhooks.bench import Bench
from tests.webhooks.pages.desk import Desk
from webhooks.access import make_token
from webhooks.access.tokens import read_scopes
from webhooks.settings import AuthMode, Settings

Open = Callable[..., Desk]


@pytest.fixture
def open_desk(bench: Bench, tmp_path: Path) -> Open:
    """Open pages with settings as the test says."""

    def make(**settings: object) -> Desk:
        return Desk(bench, Settings(data_dir=tmp_path, **settings))  # type: ignore[arg-type] # as the test says

    return make


@pytest.fixture
def desk(open_desk: Open) -> Desk:
    """Pages that ask nobody who they are."""
    return open_desk()


@pytest.fixture
def secured(open_desk: Open, tmp_path: Path) -> Desk:
    """Pages that ask for a token; `tokens` of the desk names them by their scopes."""
    made = {scopes: make_token(f"who-{scopes}", read_scopes(scopes)) for scopes in ("read", "run", "approve", "admin")}
    (tmp_path / "tokens").write_text("".join(f"{line}\n" for _, line in made.values()))
    desk = open_desk(auth=AuthMode.TOKENS, tokens=tmp_path / "tokens")
    desk.tokens = {scopes: token for scopes, (token, _) in made.items()}
    return desk
