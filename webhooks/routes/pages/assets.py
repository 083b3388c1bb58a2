"""Serve the files that pages need under a path that holds a hash of their content, so that browsers keep them for good.

Only files that were there at the start are served: a path is looked up, never opened.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, abort

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_DIGEST_SHOWN = 12
_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """Carry one file and its address."""

    content: bytes
    kind: str
    address: str


@cache
def list_assets() -> dict[str, Asset]:
    """Read every file, by its path in the folder."""
    return {path.relative_to(_FOLDER).as_posix(): _read(path) for path in _FOLDER.rglob("*") if path.suffix in _TYPES}


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:_DIGEST_SHOWN]
    address = f"/ui/static/{digest}/{path.relative_to(_FOLDER).as_posix()}"
    return Asset(content, f"{_TYPES[path.suffix]}; charset=utf-8", address)


def locate(name: str) -> str:
    """Give the address of a file."""
    return list_assets()[name].address


def add_routes(blueprint: Blueprint) -> None:
    """Add the route of all files; a page from before an upgrade gets the file of today, to be asked for again."""

    def show_asset(digest: str, name: str) -> Response:
        asset = list_assets().get(name)
        if asset is None:
            abort(404)
        response = Response(asset.content, content_type=asset.kind)
        current = asset.address == f"/ui/static/{digest}/{name}"
        response.headers["Cache-Control"] = _FOR_GOOD if current else "no-cache"
        return response

    blueprint.add_url_rule("/static/<digest>/<path:name>", view_func=show_asset)
