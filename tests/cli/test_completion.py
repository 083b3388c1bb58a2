"""The scripts of `penstock completion`, asked by the shells themselves."""

import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workflows.cli import COMMANDS, main

PATIENCE_S = 30
BASH = r"""
source "$0"
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
$(complete -p penstock | sed 's/.* -F \([^ ]*\).*/\1/')
printf '%s\n' "${COMPREPLY[@]}"
"""
ZSHRC = """
unsetopt beep; autoload -Uz compinit; fpath=({folder} $fpath); compinit -u -D
compadd() {{ local -a found; builtin compadd -O found "$@"; print -rl -- $found >> {folder}/found }}
answer() {{ zle complete-word; print END >> {folder}/found }}; zle -N answer; bindkey '^T' answer
"""
Ask = Callable[[str], set[str]]

WANTED = [
    ("penstock wat", {"watchdog"}),
    ("penstock gate ", {"list", "show", "approve", "halt", "open", "close"}),
    ("penstock gate list --ou", {"--output"}),
    ("penstock local status --di", {"--dir"}),
    ("penstock demo --judge ev", {"evidence", "evidence-strict"}),
    ("penstock stage fin", {"finish", "finalise"}),
    ("penstock completion ", {"bash", "zsh", "fish"}),
    ("penstock serve --prom", {"--prometheus"}),
    ("penstock run can", {"canary.yaml"}),
    ("penstock render rbac --canary can", {"canary.yaml"}),
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file that can be completed, and the scripts below their usual names."""
    made = tmp_path_factory.mktemp("completion")
    (made / "canary.yaml").touch()
    return made


def script(shell: str, path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    if not path.exists():
        assert main(["completion", shell]) == 0
        path.write_text(capsys.readouterr().out)
    return path


def need(shell: str) -> str:
    return shutil.which(shell) or pytest.skip(f"{shell} is not on the PATH")


@pytest.fixture
def bash(folder: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    program, path = need("bash"), script("bash", folder / "penstock", capsys)

    def ask(line: str) -> set[str]:
        command = [program, "--norc", "-c", BASH, str(path), *line.split(" ")]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, timeout=PATIENCE_S)
        assert done.stderr == ""
        return set(done.stdout.split())

    return ask


@pytest.fixture
def fish(folder: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    program, path = need("fish"), script("fish", folder / "penstock.fish", capsys)

    def ask(line: str) -> set[str]:
        command = [program, "--no-config", "-c", f"source {path}; complete -C '{line}'"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, timeout=PATIENCE_S)
        return {each.partition("\t")[0] for each in done.stdout.splitlines()}

    return ask


@pytest.fixture
def zsh(folder: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    program = need("zsh")
    script("zsh", folder / "_penstock", capsys)
    (folder / ".zshrc").write_text(ZSHRC.format(folder=folder))

    def ask(line: str) -> set[str]:
        (folder / "found").write_text("")
        press(program, folder, line)
        return {each for each in (folder / "found").read_text().split() if each != "END"}

    return ask


def press(program: str, folder: Path, line: str) -> None:
    """Type a line at a terminal, and the key that completes it, and wait for the shell to leave."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "ZDOTDIR": str(folder), "TERM": "dumb"}
    shell = subprocess.Popen(
        [program, "-d", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=folder, close_fds=True
    )
    os.close(theirs)
    os.write(ours, line.encode() + b"\x14")
    deadline = time.monotonic() + PATIENCE_S
    try:
        while "END\n" not in (folder / "found").read_text() and time.monotonic() < deadline:
            select.select([ours], [], [], 0.05)[0] and os.read(ours, 4096)
    finally:
        shell.kill()
        shell.wait()
        os.close(ours)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_options_values_and_files(shell: str, request: pytest.FixtureRequest) -> None:
    ask = request.getfixturevalue(shell)

    assert [(line, ask(line)) for line, _ in WANTED] == WANTED


def test_every_command_is_offered(bash: Ask) -> None:
    assert bash("penstock ") == {*COMMANDS}


@pytest.mark.parametrize("arguments", [[], ["csh"]])
def test_a_shell_that_is_not_known_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", *arguments]) == 78

    assert re.search("bash.*zsh.*fish|SHELL", capsys.readouterr().err)
