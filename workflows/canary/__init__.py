"""Read Flagger's Canary YAML into a plan, and say everything that is wrong with a file."""

from workflows.canary.findings import Finding, Level
from workflows.canary.reading import Reading, extract, load, parse, read, read_all

__all__ = ["Finding", "Level", "Reading", "extract", "load", "parse", "read", "read_all"]
