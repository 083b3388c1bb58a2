"""Read a plan from a YAML or JSON file, from hook metadata, from the command line, or from a `hey` or `wrk` line.

The one rule to keep: whatever the source, it becomes one document and is read by one reader, `plan_from`.
"""

from loadtester.plan_file.command_line import parse_command
from loadtester.plan_file.document import document_of, plan_from
from loadtester.plan_file.files import read_plan
from loadtester.plan_file.metadata import parse_metadata
from loadtester.plan_file.schema import PLAN_SCHEMA
from loadtester.plan_file.section import parse_duration

__all__ = [
    "PLAN_SCHEMA",
    "document_of",
    "parse_command",
    "parse_duration",
    "parse_metadata",
    "plan_from",
    "read_plan",
]
