"""Where a run writes to: what cannot be written is told before the first request, by its flag."""

import argparse
import os
from pathlib import Path

import pytest
from load_commands import run
from load_sites import OpenSite

from loadtester.cli.outputs import require_writable
from loadtester.errors import PlanError


def given(*, json: Path | None = None, report: Path | None = None, in_cluster: bool = False) -> argparse.Namespace:
    return argparse.Namespace(json=json, report=report, in_cluster=in_cluster)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--json no/x.json", "--json: no/x.json: no is not a folder; make it, or name another file\n"),
        ("--json kept", "--json: kept is a folder; name a file\n"),
        ("--report file", "--report: file: File exists; name a folder that can be made\n"),
        ("--report file/below", "--report: file/below: Not a directory; name a folder that can be made\n"),
    ],
)
def test_what_cannot_be_written_is_told_before_the_first_request(
    site: OpenSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, said: str
) -> None:
    target = site()
    (tmp_path / "kept").mkdir()
    (tmp_path / "file").write_text("kept")
    monkeypatch.chdir(tmp_path)

    assert run("--target", target.url, "--duration", "1s", *words.split(), expect=104) == said
    assert target.requests == []
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (given(json=Path("old.json")), "--json: old.json cannot be written"),
        (given(json=Path("new.json")), "--json: new.json: nothing can be written into ."),
        (given(report=Path("reports")), "--report: nothing can be written into reports"),
    ],
)
def test_what_may_not_be_written_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outputs: argparse.Namespace, said: str
) -> None:
    (tmp_path / "old.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    # A right that root lacks as well.
    monkeypatch.setattr(os, "access", lambda *_: False)

    with pytest.raises(PlanError, match=said):
        require_writable(outputs)


def test_what_can_be_written_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("{}")

    require_writable(given(json=tmp_path / "old.json", report=tmp_path / "a/b"))
    require_writable(given(json=tmp_path / "new.json", report=tmp_path / "old.json", in_cluster=True))
    require_writable(given())

    assert (tmp_path / "old.json").read_text() == "{}"
    assert not (tmp_path / "new.json").exists()
