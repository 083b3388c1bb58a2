"""Serve `penstock lint`: print what is wrong with Canary files.

The exit code is 0 for clean files, 1 for warnings only, 2 for errors.
"""

import argparse
import math
import sys
from pathlib import Path

from webhooks.catalog import CatalogError, CatalogFile
from workflows.canary import catalog_fit
from workflows.canary.company import find_rivals, is_company
from workflows.canary.findings import Finding, Level, show
from workflows.canary.reading import Look, look_no_further, read_all
from workflows.canary.source import STANDARD_INPUT, fetch
from workflows.output import TABLE, add_output_option, write_document

_CLEAN, _WARNINGS, _ERRORS = 0, 1, 2
_Found = list[tuple[str, Finding]]


def main(argv: list[str]) -> int:
    """Check the files named on the command line and tell by the exit code how they are."""
    arguments = make_parser().parse_args(argv)
    try:
        look = _make_look(arguments.catalog)
    except CatalogError as error:
        _write(f"{error}\n")
        return _ERRORS
    names = {path: "<stdin>" if path == STANDARD_INPUT else path for path in arguments.files}
    texts = {name: fetch(path) for path, name in names.items()}
    company = {name for name, text in texts.items() if isinstance(text, str) and is_company(text)}
    # Beside a Canary other files may stand; on their own they are most likely a mistake.
    alone = company if len(company) < len(texts) else set()
    found = [(name, each) for name, text in texts.items() if name not in alone for each in _check(text, name, look)]
    found += find_rivals([(name, text) for name, text in texts.items() if isinstance(text, str)])
    _write(_as_text(found) if arguments.output == TABLE else write_document(arguments.output, _as_object(found)))
    levels = {finding.severity for _, finding in found}
    return _ERRORS if Level.ERROR in levels else _WARNINGS if levels else _CLEAN


def make_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(prog="penstock lint", description="Check Canary files and explain every fault.")
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a YAML file with a Canary, or one that is applied beside it; - for standard input",
    )
    add_output_option(parser)
    parser.add_argument("--catalog", type=Path, metavar="FILE", help="the catalog of tests that the webhooks must fit")
    return parser


def _make_look(path: Path | None) -> Look:
    if path is None:
        return look_no_further
    catalog = CatalogFile(path).current()
    return lambda canary, plan: catalog_fit.check(canary, plan, catalog)


def _check(text: str | Finding, name: str, look: Look) -> list[Finding]:
    if isinstance(text, Finding):
        return [text]
    return [finding for reading in read_all(text, source=name, look=look) for finding in reading.findings]


def _as_text(found: _Found) -> str:
    return "".join(f"{name}:{finding.line or 1}: {finding.severity.value}: {finding}\n" for name, finding in found)


def _as_object(found: _Found) -> dict[str, object]:
    errors = sum(finding.severity is Level.ERROR for _, finding in found)
    return {
        "errors": errors,
        "warnings": len(found) - errors,
        "findings": [_describe(name, finding) for name, finding in found],
    }


def _describe(name: str, finding: Finding) -> dict[str, object]:
    value = finding.value
    return {
        "file": name,
        "line": finding.line or 1,
        "severity": finding.severity.value,
        "path": finding.path,
        "value": show(value) if isinstance(value, float) and not math.isfinite(value) else value,
        "message": finding.message,
        "hint": finding.hint,
    }


def _write(text: str) -> None:
    """Write to standard output, whatever letters its encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
