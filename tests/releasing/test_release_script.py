"""What `make release` does by itself; what it asks of other programs is looked at by `make release ARGS=--dry-run`."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts import release
from scripts.release import RefusedError, Tree

CHANGELOG = "# Changelog\n\n## Unreleased\n\n- `penstock sail` sails.\n\n## 1.1.0 - 2026-01-01\n\n- First.\n"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A repository from which version 1.2.0 can be released."""
    stored = tmp_path / "tests" / "upgrade" / "stored" / "1.2.0"
    stored.mkdir(parents=True)
    (stored / "service.sql").touch()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "penstock"\nversion = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    made = Tree(tmp_path)
    for words in ("init --quiet", "config user.name Ann", "config user.email ann@example.org", "add ."):
        made.git(*words.split())
    made.git("commit", "--quiet", "--message", "all: begin")
    return made


def commit(tree: Tree, path: str, text: str) -> None:
    (tree.root / path).write_text(text)
    tree.git("commit", "--quiet", "--all", "--message", "all: change")


REFUSALS: dict[str, tuple[Callable[[Tree], object], str]] = {
    "changes": (lambda tree: (tree.root / "new.py").touch(), r"not committed:\n\?\? new\.py"),
    "a tag": (lambda tree: tree.git("tag", "v1.2.0"), "v1.2.0 exists; set the next version"),
    "no changes for users": (
        lambda tree: commit(tree, "CHANGELOG.md", CHANGELOG.replace("- `penstock sail` sails.\n\n", "")),
        "nothing stands under '## Unreleased'",
    ),
    "nothing stored": (
        lambda tree: commit(tree, "pyproject.toml", '[project]\nversion = "1.3.0"\n'),
        "stored/1.3.0 is missing; run python -m tests.upgrade.storage",
    ),
}


@pytest.mark.parametrize("fault", REFUSALS)
def test_a_release_is_refused_for(fault: str, tree: Tree) -> None:
    spoil, message = REFUSALS[fault]
    spoil(tree)

    with pytest.raises(RefusedError, match=message):
        release.check(tree)


def test_a_refusal_is_one_line_and_an_exit_code(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    tree.git("tag", "v1.2.0")

    assert release.main(["--dry-run"], tree.root) == 1
    assert capsys.readouterr().err == "release: v1.2.0 exists; set the next version in pyproject.toml\n"


def test_publishing_cuts_the_changelog_and_tags_the_commit(tree: Tree) -> None:
    release.check(tree)

    release.publish(tree)

    text = tree.changelog.read_text()
    assert release.read_section(text, "## Unreleased") == ""
    assert release.read_section(text, "## 1.2.0") == "- `penstock sail` sails."
    assert tree.git("log", "-1", "--format=%s").strip() == "release: 1.2.0"
    release.check_tagged(tree)


def test_what_is_checked_out_must_be_the_tag(tree: Tree) -> None:
    release.publish(tree)
    commit(tree, "CHANGELOG.md", CHANGELOG)

    with pytest.raises(RefusedError, match=r"v1\.2\.0 is not the commit that is checked out"):
        release.check_tagged(tree)


def test_the_sums_are_those_that_sha256sum_checks(tmp_path: Path) -> None:
    (tmp_path / "penstock.whl").write_bytes(b"wheel")

    release.write_sums(tmp_path)

    release.run(["sha256sum", "--check", "--strict", release.SUMS], tmp_path)
    (tmp_path / "penstock.whl").write_bytes(b"another")
    with pytest.raises(RefusedError, match=r"sha256sum --check .* ended with 1"):
        release.run(["sha256sum", "--check", release.SUMS], tmp_path)


def test_without_a_key_it_says_that_nothing_is_signed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release.sign(tmp_path, {})

    assert "not signed: neither COSIGN_KEY nor GPG_KEY names a key" in capsys.readouterr().out


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A key that is thrown away; its folder has a short name, since a socket stands there."""
    if not shutil.which("gpg"):
        pytest.skip("gpg is not on this machine (Debian: apt-get install gnupg)")
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("GNUPGHOME", folder)
        words = "--batch --pinentry-mode loopback --quick-generate-key release@example.org ed25519 sign never"
        subprocess.run(["gpg", "--passphrase", "", *words.split()], check=True, capture_output=True, timeout=60)
        yield {"GPG_KEY": "release@example.org", "GNUPGHOME": folder}
        subprocess.run(["gpgconf", "--kill", "all"], check=True, timeout=60)


def test_a_key_signs_the_sums(tmp_path: Path, keyring: dict[str, str]) -> None:
    release.write_sums(tmp_path)

    release.sign(tmp_path, keyring)

    release.run(["gpg", "--verify", f"{release.SUMS}.asc", release.SUMS], tmp_path)
