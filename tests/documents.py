"""Run or check the code blocks of the documentation, each by its language.

`console` runs what stands behind `$ ` in a copy of the examples and compares the output (`...` is any text);
`sh` is checked against the commands' own help; `yaml`, `json`, `mermaid` and `python` must be what they say.
"""

import functools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path

import yaml
from sybil import Example, Sybil
from sybil.document import Document
from sybil.parsers.markdown import CodeBlockParser

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")) if path.is_file()
)
_PATH = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))


def shell(command: str, folder: Path) -> str:
    """Run one line as a reader would and give what the terminal would show."""
    environment = {**os.environ, "PATH": _PATH, "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, text=True, capture_output=True, timeout=60, check=False
    )
    return done.stdout + done.stderr


@functools.cache
def help_of(*command: str) -> str:
    return shell(shlex.join(("penstock", *command, "--help")), ROOT)


def run_console(example: Example) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "examples", Path(folder, "examples"))
        for step in re.split(r"(?m)^\$ ", example.parsed)[1:]:
            command, _, expected = step.partition("\n")
            if command.startswith("make "):
                continue
            shown = shell(command, Path(folder))
            if expected and not OutputChecker().check_output(expected, shown, ELLIPSIS):
                return f"$ {command}\nshould have shown\n{expected}but showed\n{shown}"
    return None


def check_shell(example: Example) -> str | None:
    checked = subprocess.run(["bash", "-n"], input=example.parsed, text=True, capture_output=True, check=False)
    faults = [checked.stderr.strip(), *(_check_line(line) for line in example.parsed.splitlines())]
    return "\n".join(filter(None, faults)) or None


def _check_line(line: str) -> str:
    words = shlex.split(line, comments=True)
    if words[:1] == ["make"]:
        return "" if words[1] in targets() else f"there is no target {words[1]}"
    if words[:1] != ["penstock"]:
        return ""
    helps = help_of(*words[1:2]) + (help_of(*words[1:3]) if words[2:3] and words[2].isalpha() else "")
    unknown = [word for word in words[1:] if word.startswith("--") and word.split("=")[0] not in helps]
    if words[1] not in help_of():
        unknown.insert(0, words[1])
    return f"{line}: {', '.join(unknown)} is not in the help" if unknown else ""


def targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"(?m)^([a-z-]+):", makefile))


def parse_yaml(example: Example) -> None:
    list(yaml.safe_load_all(example.parsed))


def parse_json(example: Example) -> None:
    json.loads(example.parsed)


def compile_python(example: Example) -> None:
    compile(example.parsed, example.path, "exec")


def look_at_picture(example: Example) -> None:
    """Expect one of the diagrams that code hosts draw."""
    assert example.parsed.split()[0] in {"flowchart", "sequenceDiagram", "stateDiagram-v2"}


EVALUATORS = {
    "console": run_console,
    "sh": check_shell,
    "yaml": parse_yaml,
    "json": parse_json,
    "mermaid": look_at_picture,
    "python": compile_python,
}
SYBIL = Sybil([CodeBlockParser(language, evaluator) for language, evaluator in EVALUATORS.items()], pattern="*.md")


def examples_of(page: Path) -> list[Example]:
    document: Document = SYBIL.parse(page)
    return list(document.examples())
