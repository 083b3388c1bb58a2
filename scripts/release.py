"""Make a release: look whether one can be made, cut the changelog, commit and tag it, and fill dist/.

    release.py [--dry-run | --tagged]

With --dry-run the tree, its history and its tags stay as they are; --tagged fills dist/ from a tag that was made
before, as CI does. What a missing tool or key leaves out is said. docs/releasing.md tells the whole story.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
UNRELEASED = "## Unreleased"
SUMS = "SHA256SUMS"
IMAGES: Mapping[str, Sequence[str]] = {"penstock": [], "penstock-tools": ["--target", "tools"]}
BASES = {"BASE": "PENSTOCK_BASE", "GO": "PENSTOCK_GO"}
"""Build arguments that name an image, and the variables that say which one is used instead."""


class RefusedError(Exception):
    """Say why no release can be made, and what to do about it."""


def main(argv: Sequence[str], root: Path = ROOT) -> int:
    """Make the release and return an exit code."""
    parser = argparse.ArgumentParser(description="make a release")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--dry-run", action="store_true", help="fill dist/, but leave changelog, history and tags alone")
    way.add_argument("--tagged", action="store_true", help="fill dist/ from the tag that is checked out")
    asked = parser.parse_args(argv)
    tree = Tree(root)
    try:
        (check_tagged if asked.tagged else check)(tree)
        # What most likely fails comes before anything is written: the bases of the images come from a registry.
        build_images(tree)
        if not (asked.dry_run or asked.tagged):
            publish(tree)
        fill(tree)
    except RefusedError as refused:
        sys.stderr.write(f"release: {refused}\n")
        return 1
    if not asked.tagged:
        print(
            "release: nothing was changed"
            if asked.dry_run
            else f"release: now git push --atomic origin HEAD {tree.tag}"
        )
    return 0


@dataclass(frozen=True, slots=True)
class Tree:
    """Be a working copy of the repository."""

    root: Path

    @property
    def version(self) -> str:
        """Read the version from the one place where it stands."""
        project: dict[str, str] = tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return project["version"]

    @property
    def tag(self) -> str:
        """Name the tag of the version."""
        return f"v{self.version}"

    @property
    def changelog(self) -> Path:
        """Locate the changelog."""
        return self.root / "CHANGELOG.md"

    @property
    def dist(self) -> Path:
        """Locate the folder of what is published."""
        return self.root / "dist"

    def git(self, *words: str) -> str:
        """Run git and give what it printed."""
        return run(["git", *words], self.root)

    def environment(self) -> Mapping[str, str]:
        """Give the environment of builds, whose time is that of the commit, so that they can be made again."""
        return {**os.environ, "SOURCE_DATE_EPOCH": self.git("log", "-1", "--format=%ct").strip()}


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a command to its end and give what it printed; raises RefusedError where it fails."""
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=3600
    )
    if done.returncode:
        raise RefusedError(f"{' '.join(command)} ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def check(tree: Tree) -> None:
    """Raise RefusedError where no release can be made of the tree."""
    changed = tree.git("status", "--porcelain").strip()
    if changed:
        raise RefusedError(f"the tree has changes that are not committed:\n{changed}")
    if tree.git("tag", "--list", tree.tag).strip():
        raise RefusedError(f"{tree.tag} exists; set the next version in pyproject.toml")
    if not read_section(tree.changelog.read_text(encoding="utf-8"), UNRELEASED):
        raise RefusedError(f"CHANGELOG.md: nothing stands under {UNRELEASED!r}; say there what changes for users")
    stored = Path("tests", "upgrade", "stored", tree.version)
    if not (tree.root / stored).is_dir():
        raise RefusedError(f"{stored} is missing; run python -m tests.upgrade.storage and commit what it records")


def check_tagged(tree: Tree) -> None:
    """Raise RefusedError where what is checked out is not what the tag of the version says."""
    if tree.tag not in tree.git("tag", "--points-at", "HEAD").split():
        raise RefusedError(f"{tree.tag} is not the commit that is checked out; pyproject.toml says {tree.version}")
    if not read_section(tree.changelog.read_text(encoding="utf-8"), f"## {tree.version}"):
        raise RefusedError(f"CHANGELOG.md: nothing stands under '## {tree.version}'")


def read_section(changelog: str, title: str) -> str:
    """Give what stands under a title of the changelog, without the title."""
    found = re.search(rf"(?ms)^{re.escape(title)}\b[^\n]*\n(.*?)(?=^## |\Z)", changelog)
    return found[1].strip() if found else ""


def cut(changelog: str, version: str, day: str) -> str:
    """Make a section of the version out of what is unreleased."""
    return changelog.replace(UNRELEASED, f"{UNRELEASED}\n\n## {version} - {day}", 1)


def publish(tree: Tree) -> None:
    """Cut the changelog, commit it and tag the commit."""
    day = f"{datetime.now(UTC):%Y-%m-%d}"  # noqa: TID251 - the day of the release is that of this machine
    tree.changelog.write_text(cut(tree.changelog.read_text(encoding="utf-8"), tree.version, day), encoding="utf-8")
    tree.git("commit", "--quiet", "--message", f"release: {tree.version}", "--", "CHANGELOG.md")
    tree.git("tag", "--annotate", "--message", f"penstock {tree.version}", tree.tag)


def fill(tree: Tree) -> None:
    """Fill dist/ with what is published, with sums and signatures."""
    build_images(tree)
    shutil.rmtree(tree.dist, ignore_errors=True)
    tree.dist.mkdir()
    build_packages(tree)
    build_chart(tree)
    save_images(tree)
    write_notes(tree)
    write_sums(tree.dist)
    run(["sha256sum", "--check", "--strict", "--quiet", SUMS], tree.dist)
    sign(tree.dist, os.environ)
    for path in sorted(tree.dist.iterdir()):
        print(f"{path.stat().st_size:>12,}  dist/{path.name}")


def build_packages(tree: Tree) -> None:
    """Build wheel and sdist, and list what an installation of the wheel brings."""
    run([sys.executable, "-m", "build", "--outdir", str(tree.dist), "."], tree.root, tree.environment())
    (wheel,) = tree.dist.glob("*.whl")
    bill = tree.dist / f"penstock-{tree.version}.cdx.json"
    run(["scripts/sbom", str(wheel), str(bill)], tree.root, tree.environment())


def build_chart(tree: Tree) -> None:
    """Package the chart under the version of the program."""
    helm = shutil.which("helm") or shutil.which("helm", path=tree.root / "build")
    if not helm:
        print("release: no chart: helm is not on this machine (go install helm.sh/helm/v4/cmd/helm@latest)")
        return
    version = ["--version", tree.version, "--app-version", tree.version]
    run([helm, "package", "charts/penstock", *version, "--destination", str(tree.dist)], tree.root)


def build_images(tree: Tree) -> None:
    """Build both targets of the image; a second time takes what is built, with the labels of the commit."""
    if not find_builder():
        return
    chosen = [f"--build-arg={name}={os.environ[each]}" for name, each in BASES.items() if os.environ.get(each)]
    for options in IMAGES.values():
        try:
            run(["scripts/image", *options, *chosen], tree.root)
        except RefusedError as refused:
            raise RefusedError(
                f"{refused}\nrelease: dist/ is as it was; where no registry is reached, PENSTOCK_BASE=IMAGE and "
                "PENSTOCK_GO=IMAGE name what takes the place of the bases (--build-arg BASE=, GO=)"
            ) from refused


def save_images(tree: Tree) -> None:
    """Save the images as archives."""
    tool = find_builder()
    if not tool:
        print("release: no image: neither podman nor docker is on this machine")
        return
    for name in IMAGES:
        archive = tree.dist / f"{name}-{tree.version}.image.tar"
        run([tool, "save", "--output", str(archive), f"{name}:{tree.version}"], tree.root)


def find_builder() -> str | None:
    """Find what builds images, as scripts/image does."""
    return shutil.which("podman") or shutil.which("docker")


def write_notes(tree: Tree) -> None:
    """Write what changes for users: the section of the version, or in a dry run what is unreleased."""
    text = tree.changelog.read_text(encoding="utf-8")
    notes = read_section(text, f"## {tree.version}") or read_section(text, UNRELEASED)
    (tree.dist / "NOTES.md").write_text(notes + "\n", encoding="utf-8")


def write_sums(dist: Path) -> None:
    """Write the sums of all files, as `sha256sum --check` reads them."""
    sums = {path.name: sum_up(path) for path in sorted(dist.iterdir())}
    (dist / SUMS).write_text("".join(f"{found}  {name}\n" for name, found in sums.items()), encoding="utf-8")


def sum_up(path: Path) -> str:
    """Give the SHA-256 of a file, however large."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sign(dist: Path, environ: Mapping[str, str]) -> None:
    """Sign the sums by the keys that the environment names: COSIGN_KEY for cosign, GPG_KEY for gpg."""
    if key := environ.get("COSIGN_KEY"):
        run(["cosign", "sign-blob", "--yes", "--key", key, "--bundle", f"{SUMS}.cosign.bundle", SUMS], dist, environ)
    if key := environ.get("GPG_KEY"):
        run(["gpg", "--batch", "--yes", "--local-user", key, "--armor", "--detach-sign", SUMS], dist, environ)
    if not (environ.get("COSIGN_KEY") or environ.get("GPG_KEY")):
        print("release: not signed: neither COSIGN_KEY nor GPG_KEY names a key")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
