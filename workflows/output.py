"""Print what a command shows: a table for people, a JSON or YAML document for programs."""

import argparse
import json
import sys
from collections.abc import Callable
from importlib import import_module

TABLE, JSON, YAML = "table", "json", "yaml"


def add_output_option(parser: argparse.ArgumentParser) -> None:
    """Add --output."""
    parser.add_argument("--output", choices=(TABLE, JSON, YAML), default=TABLE, help="form of the output (table)")


def show(form: str, document: object, draw: Callable[[], str]) -> None:
    """Print a document in the form that was asked for; `draw` makes the table of it."""
    sys.stdout.write(draw() if form == TABLE else write_document(form, document))
    sys.stdout.flush()


def write_document(form: str, document: object) -> str:
    """Write a document as JSON or YAML; what neither knows is written as its text."""
    text = json.dumps(document, indent=2, default=str)
    if form == JSON:
        return text + "\n"
    # Loaded when asked for; through JSON, so that both say the same.
    dumped: str = import_module("yaml").safe_dump(json.loads(text), sort_keys=False, allow_unicode=True)
    return dumped
