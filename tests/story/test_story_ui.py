"""`penstock demo --ui`: the releases are on the pages while they go on, and a person decides at the gate."""

import signal
import subprocess
import sys
import webbrowser
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.local_traffic import eventually
from tests.rollout_story import plan
from tests.story.conftest import Running
from webhooks.protocol import HookType
from workflows.local import ui


def ask(url: str, path: str) -> dict[str, Any]:
    answered: dict[str, Any] = requests.get(url + path, timeout=5).json()
    return answered


def find(url: str, title: str) -> dict[str, Any]:
    found = ask(url, "/api/v1/releases")["releases"]
    return next((release for release in found if release["plan"]["title"] == title), {})


def test_a_person_watches_the_demo_opens_its_gate_and_stops_it(tmp_path: Path) -> None:
    running = Running("demo", "--ui", "--interval", "1s", "--output", str(tmp_path))
    lines = iter(running.process.stdout.readline, "")
    url = next(line for line in lines if line.startswith("watch it at")).split()[-1].removesuffix(ui.PAGES)
    eventually(lambda: find(url, "v1 -> v2").get("phase") == "WaitingPromotion", within_s=60)
    decision = {"who": "ann", "why": "it looks well"}
    requests.post(f"{url}/api/v1/gates/weather/ad/promotion/approve", json=decision, timeout=5).raise_for_status()
    eventually(lambda: find(url, "v2 -> v3").get("weight") == 20, within_s=60)
    good = find(url, "v1 -> v2")
    path = f"/weather/ad/{good['id']}"
    page = requests.get(f"{url}/ui/releases{path}", timeout=5).text
    points = ask(url, f"/ui/releases{path}/points")["points"]
    journal = requests.get(f"{url}/api/v1/releases{path}/journal", timeout=5).text
    running.send(signal.SIGINT)

    assert running.ended(within_s=40).code == 130
    assert (good["ending"], '"kind":"end"' in journal, "by ann: it looks well" in page) == ("promoted", True, True)
    assert {20, 40, 60, 80, 100} <= {point[2] for point in points}
    assert any(point[4] == 100 for point in points)
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def test_a_release_that_is_watched_asks_whether_to_roll_back() -> None:
    watched = ui.with_rollback(plan())

    assert [hook.url for hook in watched.analysis.hooks_of(HookType.ROLLBACK)] == [
        "http://penstock.weather/hooks/rollback"
    ]


@pytest.mark.parametrize(
    ("display", "terminal", "opened"), [(":0", True, ["http://x"]), (":0", False, []), ("", True, [])]
)
def test_a_browser_is_opened_where_somebody_sits_before_a_screen(
    monkeypatch: pytest.MonkeyPatch,
    display: str,
    terminal: bool,  # noqa: FBT001 - a table
    opened: list[str],
) -> None:
    asked: list[str] = []
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setattr(webbrowser, "open", lambda url: asked.append(url) is None)

    assert ui.open_browser("http://x") is bool(opened)
    assert asked == opened


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_pages_stay_until_they_are_told_to_go(number: signal.Signals) -> None:
    program = "from workflows import process; from workflows.local import ui\nwith process.interruptible(): ui.stay('http://x')"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(2)]
        process.send_signal(number)
        try:
            code = process.wait(10)
        finally:
            process.kill()

        assert (code, said[1]) == (0, "the pages stay at http://x/ui/releases until Ctrl+C\n")
