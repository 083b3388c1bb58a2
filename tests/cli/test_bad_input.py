"""Every command with input that cannot be taken: one line that names it and the way out, never a traceback."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from workflows.cli import main, parsers

CANARY = str(Path(__file__).parents[2] / "examples" / "ad-service" / "canary.yaml")
NOWHERE = "http://127.0.0.1:1"
REFUSED = {2, 78, 104}
LIBRARY = re.compile(r"Traceback|\[Errno|codec can't|object has no|must be integers|does not support item")

FILES: dict[str, Callable[[Path], object]] = {
    "missing": lambda _: None,
    "folder": lambda path: path.mkdir(),
    "bad YAML": lambda path: path.write_text("a: [1\n  b: {"),
    "list": lambda path: path.write_text("- 1\n- 2\n"),
    "words": lambda path: path.write_text("just words"),
    "binary": lambda path: path.write_bytes(b"\xff\xfe\x00\x01"),
    "empty": lambda path: path.write_text(""),
}

COMMANDS = [
    ["run", "FILE"],
    ["stage", "status", "--file", "FILE"],
    ["simulate", "FILE", "--rps", "10"],
    ["backtest", "FILE", "--judge", "evidence"],
    ["backtest", "FILE", "--prometheus", NOWHERE],
    ["verdict", "FILE"],
    ["lint", "FILE"],
    ["lint", CANARY, "--catalog", "FILE"],
    ["render", "rbac", "--canary", "FILE"],
    ["render", "argo", "--canary", "FILE"],
    ["render", "tekton", "--canary", "FILE"],
    ["local", "up", "--deployment", "FILE"],
    ["revert", "--file", "FILE"],
    ["explain", "FILE"],
    ["replay", "FILE"],
    ["verify", "FILE"],
    ["serve", "--catalog", "FILE", "--data-dir", "DATA"],
    ["catalog", "lint", "FILE"],
    ["catalog", "list", "FILE"],
    ["catalog", "run", "contract", "--target", NOWHERE, "--catalog", "FILE"],
    ["load", "render", "FILE"],
    ["load", "report", "FILE"],
    ["wait", "canary/ad", "--kubeconfig", "FILE"],
    ["pause", "canary/ad", "--kubeconfig", "FILE"],
    ["adopt", "canary/ad", "--kubeconfig", "FILE"],
    ["watchdog", "-A", "--kubeconfig", "FILE"],
]


def perform(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    """Give the exit code of a command and what it said."""
    try:
        code: object = main(words)
    except SystemExit as ended:
        code = ended.code
    told = capsys.readouterr()
    return code, told.out + told.err


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_file_that_cannot_be_taken_is_named(
    words: list[str], kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "given.yaml"
    FILES[kind](file)

    code, said = perform([{"FILE": str(file), "DATA": str(tmp_path / "data")}.get(w, w) for w in words], capsys)

    assert code in REFUSED
    assert not LIBRARY.search(said)
    assert "kubeconfig" in said or "given.yaml" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("words", [words for words, parser in parsers.walk() if not parsers.find_subcommands(parser)])
def test_an_option_that_is_not_known_shows_the_usage(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = perform([*words.split(), "--no-such-option"], capsys)

    assert code in REFUSED
    assert "usage: penstock " in said
    assert not LIBRARY.search(said)


@pytest.mark.parametrize(
    "words",
    [
        ["gate", "list", "--url", NOWHERE],
        ["runs", "list", "--url", NOWHERE],
        ["runs", "wait", "1", "--url", NOWHERE],
        ["verdict", CANARY, "--window", "5m", "--server", NOWHERE],
        ["verdict", CANARY, "--window", "5m", "--prometheus", NOWHERE],
    ],
    ids=" ".join,
)
def test_a_server_that_is_away_is_named(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, said = perform(words, capsys)

    assert code == 75
    assert "127.0.0.1:1" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["token", "ann", "--file", "FOLDER"], "cannot be written (Is a directory)"),
        (["token", "ann", "--scopes", "everything"], "everything"),
        (["runner", "--service", NOWHERE, "--token-file", "FOLDER"], "make a token with: penstock token"),
        (["serve", "--tokens", "FOLDER", "--auth", "tokens"], "make one with: penstock token"),
        (["serve", "--config", "FOLDER"], "Is a directory"),
        (["simulate", CANARY, "--rps", "many"], "--rps: 'many' is not a number"),
        (["stage", "set-weight", "most", "--file", CANARY, "--platform", "memory"], "'most' is not a whole percent"),
        (
            ["stage", "gate", "120", "--file", CANARY, "--platform", "memory"],
            "stage gate: '120' is not a whole percent",
        ),
        (["stage", "start", "20", "--file", CANARY, "--platform", "memory"], "stage start: needs no value, got '20'"),
        (["stage", "initialise", "--file", CANARY, "--platform", "memory", "--results", "/proc/x"], "with --results"),
        (["stage", "acquire", "--file", CANARY, "--platform", "memory", "--report", "/proc/x/y"], "with --report"),
        (["wait", "deployment/ad"], "write canary/NAME"),
        (["gate", "show", "ad", "promotion"], "is not NAME.NAMESPACE"),
        (["load", "render", "--target", "moon", "--rate", "1"], "target"),
        (["local", "up", "--deployment", CANARY, "--port", "99999"], "not within 0 to 65535"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else "",
)
def test_a_value_that_cannot_be_taken_is_said(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    code, told = perform([str(tmp_path) if word == "FOLDER" else word for word in words], capsys)

    assert code in REFUSED
    assert said in told
