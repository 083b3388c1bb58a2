import re
from pathlib import Path

import pytest
from sybil import Example

from tests import documents
from tests.documents import PAGES, ROOT
from workflows.cli import COMMANDS

EXAMPLES = [(page, example) for page in PAGES for example in documents.examples_of(page)]
BLOCKS = re.compile(r"(?ms)^```.*?^```")


def name_of(value: object) -> str:
    if isinstance(value, Path):
        return str(value.relative_to(ROOT))
    return f"line {value.line}" if isinstance(value, Example) else str(value)


def text_of(page: Path) -> str:
    """Give a page without its code blocks."""
    return BLOCKS.sub("", page.read_text(encoding="utf-8"))


def anchors_of(page: Path) -> set[str]:
    """List the anchors of the headings, as code hosts make them."""
    headings = re.findall(r"(?m)^#+ +(.+)$", text_of(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("page", "example"), EXAMPLES, ids=name_of)
def test_every_code_block_does_what_the_page_says(page: Path, example: Example) -> None:
    assert page.is_file()

    example.evaluate()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_code_block_says_its_language(page: Path) -> None:
    opened = re.findall(r"(?m)^ *```(.*)$", page.read_text(encoding="utf-8"))[::2]

    assert set(opened) <= {*documents.EVALUATORS, "text"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", text_of(page))
    lost = []
    for link in links:
        target, _, anchor = link.partition("#")
        there = page.parent / target if target else page
        if re.match(r"[a-z]+:", link):
            continue
        if not there.exists() or (anchor and anchor not in anchors_of(there)):
            lost.append(link)

    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"`penstock ([a-z-]+)", text_of(page)))

    assert named <= {*COMMANDS, "help", "--help", "--version"}


def test_every_page_of_the_docs_is_found_from_the_index() -> None:
    linked = re.findall(r"\]\((\w[\w-]*\.md)", (ROOT / "docs/index.md").read_text(encoding="utf-8"))
    pages = {page.name for page in ROOT.glob("docs/*.md")}

    assert set(linked) == pages - {"index.md"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_documentation(command: str) -> None:
    written = "".join(page.read_text(encoding="utf-8") for page in PAGES)

    assert re.search(rf"penstock {command}\b", written)


def test_every_target_of_make_explains_itself() -> None:
    shown = documents.shell("make help", ROOT)

    assert set(re.findall(r"(?m)^  make ([a-z-]+)", shown)) == documents.targets()


def test_what_users_see_next_has_its_place_in_the_changelog() -> None:
    assert "unreleased" in anchors_of(ROOT / "CHANGELOG.md")


def test_a_python_that_cannot_be_used_is_named_with_the_way_out() -> None:
    shown = documents.shell("PYTHON=/no/such/python make setup", ROOT)

    assert "setup: PYTHON=/no/such/python is not a Python 3.11 or newer" in shown
