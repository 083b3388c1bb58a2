"""Hooks of MkDocs: the navigation is that of docs/index.md, and links into the repository lead there or are text.

`REPOSITORY` in the environment names where the repository's files are shown (for example `https://HOST/NAME/blob/main`).
`build/mermaid.min.js`, which `make docs` fetches, draws the diagrams without a request to another host.
"""

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_HEADING_OR_PAGE = re.compile(r"(?m)^(?:## (?P<heading>.+)|\| \[(?P<title>[^\]]+)\]\((?P<page>[\w-]+\.md)\).*)$")
_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./([^)\s]+)\)")
_DRAWING = Path("build/mermaid.min.js")
_DRAWING_ADDRESS = "javascripts/mermaid.min.js"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Take the navigation from the tables of the index, one section for each heading above them."""
    sections: list[dict[str, Any]] = [{"Start": "index.md"}]
    for found in _HEADING_OR_PAGE.finditer(Path(config.docs_dir, "index.md").read_text(encoding="utf-8")):
        if found["heading"]:
            sections.append({found["heading"]: []})
        else:
            next(iter(sections[-1].values())).append({found["title"]: found["page"]})
    config.nav = [section for section in sections if any(section.values())]
    if _DRAWING.exists():
        config.extra_javascript.append(_DRAWING_ADDRESS)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Serve what draws the diagrams."""
    if _DRAWING.exists():
        files.append(File.generated(config, _DRAWING_ADDRESS, abs_src_path=str(_DRAWING.resolve())))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Let links to files of the repository lead to where it is shown, or leave their text."""
    shown = os.environ.get("REPOSITORY", "").rstrip("/")
    return _OUTSIDE.sub(rf"[\1]({shown}/\2)" if shown else r"\1", markdown)
