"""One Chromium for each module and one real service for all tests of pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, StorageState, expect, sync_playwright

from tests.browser.premises import Premises, opening
from tests.browser.visits import PATIENCE_MS, Visit, browsing


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Of a module, not of the session: while Playwright is open, no other test of the worker may run a loop of its own.
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright, browsing(playwright) as browser:
        yield browser


@pytest.fixture(scope="session")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """A service that asks for tokens, in processes of its own."""
    with opening(tmp_path_factory.mktemp("premises")) as opened:
        yield opened


def visiting(chromium: Browser, premises: Premises, state: StorageState | None = None) -> Iterator[Visit]:
    context = chromium.new_context(reduced_motion="reduce", storage_state=state)
    made = Visit(context, premises.url)
    yield made
    context.close()
    assert made.faults == []


@pytest.fixture
def visit(chromium: Browser, premises: Premises) -> Iterator[Visit]:
    """A visitor who is not logged in yet; every page they saw must have kept the rules of all pages."""
    yield from visiting(chromium, premises)


@pytest.fixture(scope="module")
def session_of_ann(chromium: Browser, premises: Premises) -> StorageState:
    context = chromium.new_context()
    Visit(context, premises.url).log_in(premises.tokens["ann"])
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def ann(chromium: Browser, premises: Premises, session_of_ann: StorageState) -> Iterator[Visit]:
    """A visitor who is logged in and may do everything."""
    yield from visiting(chromium, premises, session_of_ann)
