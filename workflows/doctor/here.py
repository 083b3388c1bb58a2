"""Examine what is installed here."""

import platform
import re
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata

from workflows.doctor.finding import Finding, failed, ok

_OLDEST = (3, 11)
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def look_at_python() -> Iterator[Finding]:
    """See whether Python is new enough."""
    said = f"Python {platform.python_version()} at {sys.executable}"
    new_enough = sys.version_info >= _OLDEST
    yield ok("python", said) if new_enough else failed("python", said, "use Python 3.11 or newer")


def look_at_package(needs: Sequence[str] | None = None) -> Iterator[Finding]:
    """See whether all that penstock needs is installed; `needs` are requirements as packages state them."""
    stated = metadata.requires("penstock") or () if needs is None else needs
    wanted = [line for line in stated if "extra ==" not in line]
    missing = [line for line in wanted if not _is_installed(line)]
    said = f"penstock {metadata.version('penstock')}"
    if missing:
        yield failed("package", f"{said} lacks {', '.join(missing)}", "install it again: pip install penstock")
    else:
        yield ok("package", f"{said}, all {len(wanted)} packages that it needs are installed")


def _is_installed(requirement: str) -> bool:
    name = _NAME.match(requirement)
    try:
        return name is not None and bool(metadata.version(name[0]))
    except metadata.PackageNotFoundError:
        return False
