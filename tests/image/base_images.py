"""Choose what images are built from: named ones, ones made here by debootstrap, or those of the Dockerfile."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.image.containers import STORAGE, Podman

DEBIAN = "localhost/penstock-test-debian"
GO = "localhost/penstock-test-go"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_MADE = "--variant=minbase", "--include=python3,python3-venv,ca-certificates"
# What images of Debian leave out.
_LEFT_OUT = ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")


def choose(podman: Podman) -> list[str]:
    """Give build arguments: PENSTOCK_BASE and PENSTOCK_GO, or Debian from its own mirror where we can make it."""
    named = {name: os.environ[f"PENSTOCK_{name}"] for name in ("BASE", "GO") if f"PENSTOCK_{name}" in os.environ}
    if not named and os.geteuid() == 0 and shutil.which("debootstrap"):
        named = {"BASE": _make_debian(podman), "GO": _make_go(podman)}
    return [f"--build-arg={name}={image}" for name, image in named.items() if image]


def _exists(podman: Podman, image: str) -> bool:
    return podman.call("image", "exists", image, check=False).returncode == 0


def _make_debian(podman: Podman) -> str:
    if _exists(podman, DEBIAN):
        return DEBIAN
    tree = STORAGE / "debian"
    shutil.rmtree(tree, ignore_errors=True)
    subprocess.run(["debootstrap", *_MADE, "bookworm", tree], check=True, capture_output=True, timeout=600)
    for folder in _LEFT_OUT:
        shutil.rmtree(tree / folder)
        (tree / folder).mkdir()
    # Builds go out by the way of this machine, whose authorities they have to trust.
    shutil.copyfile(CERTIFICATES, tree / CERTIFICATES.relative_to("/"))
    archive = STORAGE / "debian.tar"
    subprocess.run(["tar", "--create", "--file", archive, "--directory", tree, "."], check=True, timeout=120)
    shutil.rmtree(tree)
    trust = [f"--change=ENV {name}={CERTIFICATES}" for name in ("PIP_CERT", "SSL_CERT_FILE")]
    podman.call("import", *trust, str(archive), DEBIAN)
    archive.unlink()
    return DEBIAN


def _make_go(podman: Podman) -> str:
    """Add this machine's Go to that Debian; nothing where it has none."""
    if _exists(podman, GO) or not shutil.which("go"):
        return GO if shutil.which("go") else ""
    root = subprocess.run(
        ["go", "env", "GOROOT"], check=True, capture_output=True, text=True, timeout=60
    ).stdout.strip()
    recipe = STORAGE / "Dockerfile.go"
    recipe.write_text(f"FROM {DEBIAN}\nCOPY . /usr/local/go\nENV PATH=/usr/local/go/bin:/usr/bin:/bin\n")
    podman.call("build", "--file", str(recipe), "--tag", GO, root, seconds=600)
    return GO
