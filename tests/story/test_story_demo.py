"""The story itself: `penstock demo` makes both releases and tells of them."""

import json
import os
import re
import signal
from pathlib import Path

import pytest

from tests.local_traffic import eventually
from tests.story.conftest import Running, penstock
from workflows.local import demo
from workflows.local.demo import Wishes
from workflows.local.story import SCENES, SCENES_BY_EVIDENCE, Scene, find_differences
from workflows.reports.release import ReleaseReport
from workflows.rollout.state import Outcome


@pytest.mark.timeout(180)
def test_the_demo_promotes_v2_and_takes_the_traffic_from_v3(tmp_path: Path) -> None:
    ended = penstock("demo", "--interval", "3s", "--output", str(tmp_path), within_s=150)

    assert ended.code == 0, ended.out
    good, bad = json.loads((tmp_path / "report.json").read_text())["releases"]
    assert (good["outcome"], good["weights"]) == ("promoted", [0, 20, 40, 60, 80, 100])
    assert (good["failed_checks"], good["user_failures"]) == (0, 0)
    assert (bad["outcome"], bad["weights"], bad["failed_checks"]) == ("rolled_back", [0, 20, 0], 3)
    assert bad["user_failures"] <= 0.05 * bad["user_requests"]
    assert re.search(r"success rate \d+\.\d+% < 95% \(\d+ of \d+ failed\)", bad["reason"])
    assert "v2 -&gt; v3" in (tmp_path / "report.html").read_text()
    assert "gate promotion approved" in ended.out
    for release in ("v1-to-v2", "v2-to-v3"):
        assert penstock("replay", str(tmp_path / f"ad-{release}.journal.jsonl")).code == 0


def descendants(pid: int) -> set[int]:
    """Every process below one, by the parents that /proc names."""
    parents = {int(stat.parent.name): _parent(stat) for stat in Path("/proc").glob("[0-9]*/stat")}
    found, wave = set(), {pid}
    while wave:
        wave = {child for child, parent in parents.items() if parent in wave} - found
        found |= wave
    return found


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill -9"])
def test_a_demo_that_is_ended_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    running = Running("demo", "--interval", "2s", "--output", str(tmp_path))
    lines = iter(running.process.stdout.readline, "")
    assert any("Advance ad.weather canary weight 40" in line for line in lines)
    below = descendants(running.process.pid)

    os.kill(running.process.pid, number)
    said = running.ended(within_s=40)

    assert len(below) > 5
    eventually(lambda: not any(alive(pid) for pid in below))
    if number is signal.SIGINT:
        assert said.code == 130
        assert "Canary failed! Scaling down ad.weather" in said.out


def test_a_demo_that_cannot_write_its_report_says_so_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    ended = penstock("demo", "--output", str(tmp_path / "file" / "below"))

    assert (ended.code, ended.err.count("\n")) == (78, 1)


def test_a_release_that_did_not_go_as_told_is_named() -> None:
    scene = SCENES[1]
    went = ReleaseReport(scene.name, Outcome.PROMOTED, (0, 20), 1, "", 1.0, user_requests=100, user_failures=9)

    assert find_differences(scene, went) == (
        "v2 -> v3: outcome promoted, the story says rolled_back",
        "v2 -> v3: weights (0, 20), the story says (0, 20, 0)",
        "v2 -> v3: failed checks 1, the story says 3",
        "v2 -> v3: 9.00 % of the user requests failed, the story allows 5 %",
    )


def test_a_release_that_no_user_met_proves_nothing() -> None:
    scene = SCENES[0]
    went = ReleaseReport(scene.name, scene.outcome, scene.weights, 0, "", 1.0)

    assert find_differences(scene, went) == ("v1 -> v2: no user request was made",)


@pytest.mark.parametrize("weights", [(0, 1, 0), (0, 1, 5, 0), (0, 1, 5, 20, 0)])
def test_evidence_may_stop_a_bad_version_at_any_of_its_first_rungs(weights: tuple[int, ...]) -> None:
    scene = SCENES_BY_EVIDENCE[1]
    went = ReleaseReport(scene.name, scene.outcome, weights, 0, "", 1.0, user_requests=1000, user_failures=9)

    assert find_differences(scene, went) == ()


def test_evidence_that_lets_a_bad_version_climb_is_not_the_story() -> None:
    scene = SCENES_BY_EVIDENCE[1]
    went = ReleaseReport(scene.name, scene.outcome, (0, 1, 5, 20, 40, 0), 0, "", 1.0, user_requests=1000)

    assert find_differences(scene, went) == ("v2 -> v3: weights (0, 1, 5, 20, 40, 0), the story says (0, 1, 5, 20, 0)",)


@pytest.mark.parametrize(
    ("judge", "scenes"),
    [("threshold", SCENES), ("evidence", SCENES_BY_EVIDENCE), ("evidence-strict", SCENES_BY_EVIDENCE)],
)
def test_each_judge_has_its_story(judge: str, scenes: tuple[Scene, ...], tmp_path: Path) -> None:
    assert Wishes(tmp_path, "5s", judge).scenes == scenes


def test_an_unknown_judge_of_the_demo_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        demo.main(["--judge", "evidense"])

    assert "invalid choice: 'evidense'" in capsys.readouterr().err
