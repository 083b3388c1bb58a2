"""A browser that visits pages of the service, and watches that no page breaks its own rules while it does."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, FloatRect, Page, Playwright

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
PICTURES = ROOT / "docs" / "pictures"
AXE = ROOT / "build" / "axe" / "axe.min.js"
SERIOUS = frozenset({"serious", "critical"})
PATIENCE_MS = 15_000
_TOP: FloatRect = {"x": 0, "y": 0, "width": 1280, "height": 1000}
_SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
_REFUSALS = "Failed to load resource: the server responded with a status of"


def find_chromium() -> str:
    """Give the path of Chromium; skip the test where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium here: install the Debian package chromium")
    return found


@contextmanager
def browsing(playwright: Playwright) -> Iterator[Browser]:
    """Have a Chromium until the end of the block."""
    path = find_chromium()
    # Chromium's own sandbox does not work for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = playwright.chromium.launch(executable_path=path, args=[*arguments, "--disable-dev-shm-usage"])
    try:
        yield browser
    finally:
        browser.close()


@dataclass
class Visit:
    """Be one visitor with cookies of their own; `faults` lists what a page of ours must never do."""

    context: BrowserContext
    url: str
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.on("request", lambda request: self._note_request(request.url))
        self.context.on("console", lambda message: self._note_message(message.type, message.text))
        self.context.on("weberror", lambda error: self.faults.append(f"script: {error.error}"))

    def _note_request(self, url: str) -> None:
        if not url.startswith((self.url + "/", "data:", "about:")):
            self.faults.append(f"outside request: {url}")

    def _note_message(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not text.startswith(_REFUSALS):
            self.faults.append(f"{kind}: {text}")

    def open(self, path: str) -> Page:
        """Open a page in a tab of its own."""
        page = self.context.new_page()
        page.goto(self.url + path, wait_until="load")
        return page

    def log_in(self, token: str, path: str = "/ui/") -> Page:
        """Log in on the way to a page."""
        page = self.open(path)
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(self.url + path)
        return page


def keep_picture(page: Page, name: str) -> None:
    """Keep a screenshot as an artifact of the tests; `make pictures` keeps those of the documentation, too."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
    if os.environ.get("PENSTOCK_PICTURES") and (PICTURES / f"{name}.png").exists():
        page.screenshot(path=PICTURES / f"{name}.png", clip=_TOP, full_page=True)


def look_both_ways(page: Page, name: str) -> list[str]:
    """Keep a page dark, light and on a phone, and list what axe finds serious in either."""
    found = []
    for scheme in _SCHEMES:
        page.emulate_media(color_scheme=scheme)
        keep_picture(page, f"{name}-{scheme}")
        found += find_barriers(page)
    return found


def is_wider_than_a_phone(page: Page, name: str = "") -> bool:
    """Tell whether a page must be moved sideways to be read on a phone, and keep how it looks there."""
    before = page.viewport_size
    page.set_viewport_size({"width": 375, "height": 740})
    if name:
        keep_picture(page, f"{name}-phone")
    wider = bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))
    if before:
        page.set_viewport_size(before)
    return wider


def find_barriers(page: Page) -> list[str]:
    """List what axe finds serious; skip the test where there is no axe."""
    if not AXE.exists():
        pytest.skip("no axe-core here: scripts/test-tools fetches it with npm")
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html']}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
    ]
