"""Make files and texts: reports of a run, manifests, the plan's schema."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadtester.cli import arguments, cluster_runs
from loadtester.errors import PlanError
from loadtester.plan_file import PLAN_SCHEMA
from loadtester.process import DOCUMENT_SCHEMA


def write_reports(document: Mapping[str, Any], folder: Path) -> None:
    """Write every report of a run into a folder, the document itself among them."""
    from loadtester.rendering import RENDERERS  # noqa: PLC0415 - a run's start need not wait for it

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    for name, render_one in RENDERERS.items():
        (folder / name).write_text(render_one(document), encoding="utf-8")


def report(given: argparse.Namespace) -> int:
    """Write the reports of a document that was kept."""
    try:
        document = json.loads(given.document.read_text(encoding="utf-8"))
        if not isinstance(document, dict) or document.get("schema") != DOCUMENT_SCHEMA:
            what = f"is not a run's JSON document ({DOCUMENT_SCHEMA})"
            raise PlanError(f"{given.document}: {what}; give what --json wrote, to the penstock that wrote it")
        write_reports(document, given.report)
    except OSError as error:
        raise PlanError(
            f"{error.filename}: {error.strerror}; name what --json wrote, and a folder for --report"
        ) from error
    except (ValueError, KeyError) as error:
        raise PlanError(
            f"{given.document}: is not the JSON of a run ({_explain(error)}); give what --json wrote"
        ) from error
    print(given.report)  # noqa: T201 - a command's own words
    return 0


def _explain(error: Exception) -> str:
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)


def render(given: argparse.Namespace) -> int:
    """Print the manifests of a run in a cluster."""
    from loadtester import cluster  # noqa: PLC0415 - only this command needs it

    plan = arguments.plan_of(given)
    print(cluster.render(plan, cluster_runs.settings_of(given)), end="")  # noqa: T201 - a command's own words
    return 0


def schema(_: argparse.Namespace) -> int:
    """Print the JSON schema of a plan file."""
    print(json.dumps(PLAN_SCHEMA, indent=2))  # noqa: T201 - a command's own words
    return 0
