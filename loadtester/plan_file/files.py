"""Read a plan's document from a file."""

import json
from pathlib import Path
from typing import Any

from loadtester.errors import PlanError
from loadtester.plan import LoadPlan
from loadtester.plan_file.document import plan_from


def read_plan(path: Path, **more: Any) -> LoadPlan:
    """Read a plan from a YAML or JSON file, with fields added; raises PlanError, each line with the file's name."""
    document = _read_document(path)
    if not isinstance(document, dict):
        raise PlanError(f"{path}: is not a mapping of fields; a plan begins with target:")
    locustfile = document.get("locustfile")
    if isinstance(locustfile, str) and locustfile:
        document["locustfile"] = str(path.parent / locustfile)
    try:
        return plan_from(document | more)
    except PlanError as error:
        raise PlanError([f"{path}: {fault}" for fault in error.faults]) from error


def _read_document(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise PlanError(f"{path}: cannot be read ({reason}); name a plan file, or say --target URL") from error
    if path.suffix == ".json":
        return _parse_json(path, text)
    return _parse_yaml(path, text)


def _parse_json(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{path}: not JSON ({error})") from error


def _parse_yaml(path: Path, text: str) -> Any:
    import yaml  # noqa: PLC0415 - a run from the command line needs none, and its first request comes sooner

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise PlanError(f"{path}: not YAML ({' '.join(str(error).split())})") from error
