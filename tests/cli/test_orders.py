"""`penstock pause`, `resume`, `abort`, `retry`, `promote`: kept beside the state, and refused where they do not fit."""

from datetime import timedelta
from pathlib import Path

import pytest

from workflows.cli import main, orders
from workflows.clocks import MemoryClock
from workflows.rollout.order import Command
from workflows.rollout.phase import Phase
from workflows.rollout.state import RolloutState
from workflows.states.files import FileStateStore


def keep(directory: Path, phase: Phase) -> FileStateStore:
    store = FileStateStore(directory, "ad.weather", MemoryClock())
    store.save(RolloutState(phase), store.acquire("run-1", timedelta(minutes=1)))
    return store


def give(directory: Path, *words: str) -> int:
    name, *more = words
    return main([name, "canary/ad", "-n", "weather", "--platform", "local", "--dir", str(directory), *more])


@pytest.mark.parametrize(
    ("words", "phase", "command"),
    [
        (["pause"], Phase.PROGRESSING, Command.PAUSE),
        (["resume"], Phase.PROGRESSING, Command.RESUME),
        (["abort"], Phase.PROMOTING, Command.ABORT),
        (["retry"], Phase.FAILED, Command.RETRY),
        (["promote"], Phase.WAITING, Command.PROMOTE),
        (["promote", "--full"], Phase.WAITING_PROMOTION, Command.PROMOTE_FULL),
    ],
)
def test_an_order_is_kept_beside_the_state(words: list[str], phase: Phase, command: Command, tmp_path: Path) -> None:
    store = keep(tmp_path, phase)

    code = give(tmp_path, *words)

    order = store.ordered()
    assert order
    assert (code, order.command, bool(order.by)) == (0, command, True)


def test_two_orders_are_told_apart(tmp_path: Path) -> None:
    store = keep(tmp_path, Phase.PROGRESSING)
    give(tmp_path, "pause")
    first = store.ordered()

    give(tmp_path, "pause")

    assert store.ordered() != first


def test_an_order_that_does_not_fit_is_refused_with_the_phases_that_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = keep(tmp_path, Phase.SUCCEEDED)

    code = give(tmp_path, "pause")

    assert (code, store.ordered()) == (78, None)
    assert "cannot pause in phase Succeeded; it needs Progressing or WaitingPromotion" in capsys.readouterr().err


def test_a_canary_without_a_release_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert give(tmp_path, "abort") == 78

    assert "canary/ad -n weather: no release of it is known here" in capsys.readouterr().err


@pytest.mark.parametrize("platform", ["memory", "moon"])
def test_a_platform_that_keeps_no_state_takes_no_orders(platform: str) -> None:
    assert main(["pause", "ad", "--platform", platform]) == 78


def test_a_name_that_is_no_canary_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pause", "deployment/ad", "--platform", "local"]) == 78

    assert "write canary/NAME" in capsys.readouterr().err


def test_a_user_without_a_name_is_known_by_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(orders.getpass, "getuser", nameless)
    store = keep(tmp_path, Phase.PROGRESSING)

    give(tmp_path, "pause")

    order = store.ordered()
    assert order
    assert "/" in order.by
