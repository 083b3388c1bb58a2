"""What `make release` does by itself; what it asks of other programs is looked at by `make release ARGS=--dry-run`."""

import os
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


def put_program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def builder(tree: Tree, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A tree with a scripts/image that tells its arguments and fails, and a podman that nobody asks."""
    programs = tmp_path_factory.mktemp("programs")
    put_program(programs / "podman", "exit 70")
    put_program(tree.root / "scripts" / "image", 'echo "$@" >> asked; echo "no such host" >&2; exit 125')
    tree.git("add", ".")
    commit(tree, "pyproject.toml", '[project]\nname = "penstock"\nversion = "1.2.0"\n# built\n')
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return tree


def test_an_image_that_cannot_be_built_is_said_before_anything_is_written(
    builder: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    history = builder.git("log", "--format=%H")

    assert release.main([], builder.root) == 1

    said = capsys.readouterr().err
    assert "scripts/image ended with 125: no such host" in said
    assert "PENSTOCK_BASE=IMAGE and PENSTOCK_GO=IMAGE" in said
    assert (builder.dist.exists(), builder.git("log", "--format=%H")) == (False, history)


def test_bases_that_are_named_take_the_place_of_those_of_the_registry(
    builder: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_BASE", "debian:here")

    with pytest.raises(RefusedError):
        release.build_images(builder)

    assert (builder.root / "asked").read_text() == "--build-arg=BASE=debian:here\n"


def test_a_helm_of_the_build_folder_packages_the_chart(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    put_program(tree.root / "build" / "helm", 'echo "$@" > asked')
    monkeypatch.setenv("PATH", str(tree.root))

    release.build_chart(tree)

    assert "package charts/penstock --version 1.2.0" in (tree.root / "asked").read_text()


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
