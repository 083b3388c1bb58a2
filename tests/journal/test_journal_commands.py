"""`penstock replay`, `verify` and `explain`, and the journals that `penstock run` leaves."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journal import journals
from tests.journal.journals import Recording
from workflows.cli import main

CANARY = Path(__file__).parents[2] / "examples" / "ad-service" / "canary.yaml"
COMMANDS = ("replay", "verify", "explain")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ad.journal.jsonl"


def spoil(path: Path) -> None:
    """Change one figure in the fifth line."""
    lines = path.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4].replace(b'"failed_checks":0', b'"failed_checks":1', 1)
    path.write_bytes(b"".join(lines))


def cut(path: Path) -> None:
    """Cut the last line in the middle."""
    path.write_bytes(path.read_bytes()[:-40])


def test_a_run_leaves_its_journal_beside_its_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["run", str(CANARY), "--platform", "memory", "--report", str(tmp_path / "report.json")])
    capsys.readouterr()

    codes = [main([command, str(tmp_path / "ad.journal.jsonl")]) for command in COMMANDS]

    said = capsys.readouterr().out
    assert codes == [0, 0, 0]
    assert "9 ticks decided again, 5 of them judged metrics, no difference" in said
    assert "11 lines, the chain is whole\n" in said
    assert "Promoted: 6 checks passed, 0 failed." in said


def test_a_run_leaves_its_journal_where_it_is_told(tmp_path: Path) -> None:
    journal = tmp_path / "kept" / "one.jsonl"

    main(["run", str(CANARY), "--platform", "memory", "--journal", str(journal)])
    main(["run", str(CANARY), "--platform", "memory", "--journal", str(journal)])

    assert sorted(file.name for file in journal.parent.iterdir()) == ["one.1.jsonl", "one.jsonl"]
    assert main(["replay", str(journal)]) == 0


def test_a_run_without_report_or_journal_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    main(["run", str(CANARY), "--platform", "memory"])

    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_cannot_be_written_is_said_before_anything_moves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["run", str(CANARY), "--platform", "memory", "--journal", str(tmp_path)])

    told = capsys.readouterr()
    assert (code, told.out) == (78, "")
    assert told.err == f"penstock: journal {tmp_path}: is not a file; name a file that can be written\n"


def test_a_disk_that_fills_up_does_not_stop_a_release(path: Path) -> None:
    run = [sys.executable, "-m", "workflows", "run", str(CANARY), "--platform", "memory", "--journal", str(path)]

    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 12; exec "$@"', "bash", *run], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0
    assert done.stdout == "ad.weather: promoted after weights 0, 20, 40, 60, 80, 100\n"
    assert done.stderr.count(f"penstock: journal {path}: File too large; the release goes on without it") == 1
    assert main(["verify", str(path)]) == main(["replay", str(path)]) == 0


SPOILED: dict[str, tuple[Callable[[Path], None], str, tuple[int, str]]] = {
    "changed, verify": (spoil, "verify", (1, "line 5 does not match its own hash")),
    "changed, replay": (spoil, "replay", (1, "line 5 does not match its own hash")),
    "changed, explain": (spoil, "explain", (1, "line 5 does not match its own hash")),
    "cut, verify": (cut, "verify", (1, "as a crash leaves it")),
    "cut, replay": (cut, "replay", (0, "the lines before it were taken")),
    "cut, explain": (cut, "explain", (0, "The record stops here")),
}


@pytest.mark.parametrize(("harm", "command", "ended"), SPOILED.values(), ids=SPOILED)
def test_a_spoiled_journal_is_named_with_its_first_broken_line(
    path: Path, capsys: pytest.CaptureFixture[str], harm: Callable[[Path], None], command: str, ended: tuple[int, str]
) -> None:
    journals.good(path)
    harm(path)

    code = main([command, str(path)])

    assert code == ended[0]
    assert ended[1] in capsys.readouterr().out


def test_a_decision_that_does_not_follow_is_shown(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journals.bad(path)
    journals.forge(path, lambda _, document: document.get("decision", {}).update(reason="because"))

    code = main(["replay", str(path)])

    told = capsys.readouterr().out
    assert code == 1
    assert f'{path}: line 3: reason: recorded "because", recomputed ""' in told
    assert told.endswith("differences in 5 ticks\n")


def test_an_old_program_says_which_line_it_cannot_read(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journals.good(path)
    journals.forge(path, lambda number, document: document.update(colour="red") if number == 3 else None)

    assert main(["verify", str(path)]) == 1
    assert "line 3 colour: nobody knows this field; a newer program wrote it" in capsys.readouterr().out


def test_a_journal_that_does_not_begin_with_its_head_is_broken(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journals.good(path)

    def behead(number: int, document: journals.Document) -> None:
        if number == 1:
            del document["version"]
            document["kind"] = "resumed"

    journals.forge(path, behead)

    assert main(["verify", str(path)]) == 1
    assert "line 1 kind: the first line, and no other, is the head" in capsys.readouterr().out


def test_a_line_after_the_end_is_broken(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    last = json.loads(journals.good(path).path.read_bytes().splitlines()[-1])
    end = {name: last[name] for name in ("kind", "at", "state", "unrecorded")}
    journals.forge(path, lambda number, document: (document.clear(), document.update(end)) if number == 4 else None)

    assert main(["verify", str(path)]) == 1
    assert "line 5 kind: a line stands after the end" in capsys.readouterr().out


def test_a_line_of_an_unknown_kind_is_broken(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journals.good(path)
    journals.forge(path, lambda number, document: document.update(kind="note") if number == 2 else None)

    assert main(["verify", str(path)]) == 1
    assert "line 2 kind: 'note' is not known; known: head, resumed," in capsys.readouterr().out


def test_a_journal_that_goes_on_is_whole_without_an_end(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Recording(path).tick(3).close()

    assert main(["verify", str(path)]) == 0
    assert "; it has no end: the release goes on, or its last lines were cut off" in capsys.readouterr().out


def test_a_line_that_a_killed_run_left_is_told(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = Recording(path)
    first.tick(3).close()
    with path.open("ab") as file:
        file.write(b"{")
    Recording(path, first.story).run()

    assert main(["verify", str(path)]) == 0
    assert "line 5 was not finished by a run that was killed; the next run went on after it" in capsys.readouterr().out


def swell(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


def write(text: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(text) and None


NONE: dict[str, tuple[Callable[[Path], None], str]] = {
    "nothing": (lambda _: None, "No such file or directory; name a journal that can be read"),
    "empty": (write(b""), "not a journal; `penstock run --journal FILE` leaves one"),
    "a report": (write(b'{"releases": []}'), "not a journal"),
    "bytes": (write(bytes(range(256)) * 40), "not a journal"),
    "too much": (swell, "larger than any journal"),
    "a folder": (Path.mkdir, "not a file; name a journal"),
}


@pytest.mark.parametrize("command", ["replay", "verify"])
@pytest.mark.parametrize(("prepare", "said"), NONE.values(), ids=NONE)
def test_what_is_no_journal_is_said_in_one_line(
    path: Path, capsys: pytest.CaptureFixture[str], prepare: Callable[[Path], None], said: str, command: str
) -> None:
    prepare(path)

    code = main([command, str(path)])

    told = capsys.readouterr()
    assert (code, told.out, told.err.count("\n")) == (78, "", 1)
    assert f"{path}: {said}" in told.err


def test_another_version_is_said(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journals.good(path)
    journals.forge(path, lambda number, document: document.update(version=0) if number == 1 else None)

    assert main(["verify", str(path)]) == 78
    assert f"{path}: version 0 is not 1, the one that this program reads" in capsys.readouterr().err


@pytest.mark.parametrize("run", ["", "ad", "report.json", "ad.journal.jsonl"], ids=["folder", "name", "report", "file"])
def test_a_run_is_explained_by_whatever_names_it(path: Path, capsys: pytest.CaptureFixture[str], run: str) -> None:
    journals.good(path)
    path.with_name("report.json").write_text("{}")

    assert main(["explain", str(path.with_name(run) if run else path.parent)]) == 0
    assert capsys.readouterr().out.startswith("ad.weather, judged by rule threshold")


@pytest.mark.parametrize("run", ["", "nobody"], ids=["folder", "name"])
def test_a_run_without_a_journal_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], run: str) -> None:
    assert main(["explain", str(tmp_path / run)]) == 78
    assert capsys.readouterr().err.count("\n") == 1
