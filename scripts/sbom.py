"""Write what is installed as a bill of materials (CycloneDX JSON): Python packages, and Debian's and Go's where asked.

    sbom.py PYTHON [--dpkg STATUS] [--go MODULES] --output FILE

PYTHON is that of the environment; STATUS is dpkg's list (/var/lib/dpkg/status); MODULES is what `go version -m` said.
Run it by a Python that has `cyclonedx-bom`. The same input gives the same bytes.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

Component = dict[str, Any]

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def main(argv: Sequence[str]) -> int:
    """Write the bill and return an exit code: 1 where it does not fit its schema."""
    asked = read_arguments(argv)
    bill = list_python(asked.python)
    known = {component["bom-ref"] for component in bill["components"]}
    extra = [*(list_debian(asked.dpkg) if asked.dpkg else ()), *(list_go(asked.go) if asked.go else ())]
    bill["components"] += [component for component in extra if component["bom-ref"] not in known]
    text = json.dumps(bill, indent=1, sort_keys=True) + "\n"
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault:
        sys.stderr.write(f"sbom: the bill of {asked.python} does not fit CycloneDX 1.6: {fault}\n")
        return 1
    asked.output.write_text(text, encoding="utf-8")
    return 0


def read_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read what is asked."""
    parser = argparse.ArgumentParser(description="write a bill of materials (CycloneDX JSON) of what is installed")
    parser.add_argument("python", help="the Python of the environment")
    parser.add_argument("--dpkg", type=Path, metavar="STATUS", help="dpkg's list of packages: /var/lib/dpkg/status")
    parser.add_argument("--go", type=Path, metavar="MODULES", help="what `go version -m` said of the programs")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    return parser.parse_args(argv)


def list_python(python: str) -> dict[str, Any]:
    """Give the bill of a Python environment, with Penstock itself as its subject."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--sv", "1.6"]
    command += ["--pyproject", str(PROJECT), python]
    bill: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=300).stdout)
    return bill


def list_debian(status: Path) -> Iterator[Component]:
    """Give a component for each package that dpkg's list says is installed."""
    for paragraph in status.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        if fields.get("Status", "").endswith(" installed"):
            name, version = fields["Package"], fields["Version"]
            place = f"pkg:deb/debian/{name}@{quote(version, safe='')}?arch={fields['Architecture']}"
            yield describe(name, version, place)


def list_go(modules: Path) -> Iterator[Component]:
    """Give a component for each module that was linked into the programs, once."""
    lines = (line.split("\t") for line in modules.read_text(encoding="utf-8").splitlines())
    found = {(line[2], line[3]) for line in lines if len(line) > 3 and line[1] in {"mod", "dep"}}  # noqa: PLR2004 # name and version stand there
    for name, version in sorted(found):
        yield describe(name, version, f"pkg:golang/{quote(name)}@{quote(version, safe='')}")


def describe(name: str, version: str, place: str) -> Component:
    """Write one component by its package address."""
    return {"type": "library", "bom-ref": place, "name": name, "version": version, "purl": place}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
