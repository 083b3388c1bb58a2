"""`penstock lint`: every finding on a line of its own, the worst in the exit code."""

import io
import json
import sys
from pathlib import Path

import pytest
import yaml
from canary_files import BASE, EXAMPLE_FILES, vary

from workflows.canary import lint

BAD = vary("spec.analysis", {"stepWeight": 0})
DOUBTFUL = vary("spec.analysis", {"threshold": 0})


def write(folder: Path, document: object, name: str = "canary.yaml") -> str:
    file = folder / name
    file.write_text(yaml.safe_dump(document))
    return str(file)


@pytest.mark.parametrize("file", EXAMPLE_FILES, ids=lambda file: file.stem)
def test_every_example_is_clean(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lint.main([str(file)]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("documents", "code"), [([BASE], 0), ([BASE, DOUBTFUL], 1), ([DOUBTFUL, BAD, BASE], 2)])
def test_the_exit_code_is_that_of_the_worst_file(tmp_path: Path, documents: list[object], code: int) -> None:
    files = [write(tmp_path, document, f"{number}.yaml") for number, document in enumerate(documents)]

    assert lint.main(files) == code


def test_a_finding_is_a_line_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, BAD)

    lint.main([file])

    line = "spec.analysis.stepWeight: 0 is out of range; allowed: a whole number from 1 to 100"
    assert capsys.readouterr().out == f"{file}:9: error: {line}\n"


def test_findings_are_printed_as_json_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, vary("spec.analysis", {"stepWeight": float("inf"), "threshold": 0, "maxweight": 5}))

    code = lint.main(["--output", "json", file])

    report = json.loads(capsys.readouterr().out)
    assert (code, report["errors"], report["warnings"]) == (2, 1, 2)
    assert report["findings"][1] == {
        "file": file,
        "line": 10,
        "severity": "error",
        "path": "spec.analysis.stepWeight",
        "value": ".inf",
        "message": "is not a finite number",
        "hint": "",
    }


def test_a_clean_file_is_an_empty_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lint.main(["--output", "json", write(tmp_path, BASE)])

    assert json.loads(capsys.readouterr().out) == {"errors": 0, "warnings": 0, "findings": []}


def test_every_canary_of_a_file_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "all.yaml"
    file.write_text(yaml.safe_dump_all([BAD, BASE, BAD]))

    assert lint.main([str(file)]) == 2
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_missing_file_is_an_error_and_the_others_are_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "missing.yaml")

    assert lint.main([missing, write(tmp_path, DOUBTFUL)]) == 2
    assert f"{missing}:1: error: cannot be read: No such file or directory; name a file" in capsys.readouterr().out


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"kind: Pod\n")))

    assert lint.main(["-"]) == 2
    assert capsys.readouterr().out == '<stdin>:1: error: <stdin> has no document of kind Canary; it has "Pod"\n'


def test_a_terminal_without_some_letters_gets_escapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output, encoding="ascii", write_through=True))

    lint.main([str(tmp_path / "zürich.yaml")])

    assert b"z\\xfcrich.yaml:1: error: cannot be read" in output.getvalue()


@pytest.mark.parametrize("arguments", [[], ["--output", "xml", "x.yaml"]])
def test_a_wrong_command_line_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        lint.main(arguments)

    assert refusal.value.code == 2
