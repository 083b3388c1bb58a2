"""Write a first Canary, a catalog of its tests and values for the chart into a folder.

What is not said by an option is asked at a terminal; with --yes the defaults are taken.
"""

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from workflows.cli import starter
from workflows.cli.starter import Answers
from workflows.errors import ConfigurationError, ExitCode

_ATTEMPTS = 5
_MAX_PORT = (1 << 16) - 1
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,51}[a-z0-9])?")
_PATH = re.compile(r"/[-A-Za-z0-9._~/?=&%]*")
_DRIVERS = ("flagger", "penstock")
_YES_OR_NO = ("yes", "no")

Check = Callable[[str], str]
"""Say what is wrong with an answer, nothing where it can be taken."""


@dataclass(frozen=True, slots=True)
class Question:
    """Ask for one thing: by an option, or with these words at a terminal."""

    name: str
    words: str
    metavar: str
    default: str = ""
    check: Check = str.strip
    choices: tuple[str, ...] = ()


def _check_name(text: str) -> str:
    return "" if _NAME.fullmatch(text) else "is no name such as ad: small letters, digits and hyphens, at most 53"


def _check_port(text: str) -> str:
    return "" if text.isdecimal() and 0 < int(text) <= _MAX_PORT else f"is not a port from 1 to {_MAX_PORT}"


def _check_path(text: str) -> str:
    return "" if _PATH.fullmatch(text) else "is not a path such as /health"


def _check_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    return (
        ""
        if usable and text.isprintable() and not set(text) & set(" '\"#")
        else "is not a URL such as http://HOST:9090"
    )


QUESTIONS = (
    Question("name", "the Deployment that is released, and its Service", "NAME", check=_check_name),
    Question("namespace", "its namespace", "NS", "default", _check_name),
    Question("port", "the port of its Service", "PORT", "80", _check_port),
    Question("path", "a path that it answers with 200", "PATH", "/", _check_path),
    Question("provider", "what routes its traffic", "NAME", "istio", choices=starter.PROVIDERS),
    Question("prometheus", "the Prometheus that scrapes it", "URL", "http://prometheus.monitoring:9090", _check_url),
    Question("driver", "who moves the weights", "NAME", "flagger", choices=_DRIVERS),
    Question("gate", "must somebody approve a promotion", "YES", "no", choices=_YES_OR_NO),
)


def main(argv: Sequence[str]) -> int:
    """Ask, write, and say what comes next."""
    arguments = make_parser().parse_args(list(argv))
    _refuse_to_overwrite(arguments.folder, force=arguments.force)
    answers = _read(_ask_all(arguments))
    texts = starter.write(answers)
    for name, text in texts.items():
        _write(arguments.folder / name, text)
    sys.stdout.write(_say_next(arguments.folder, answers))
    return ExitCode.PROMOTED


def make_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser("penstock init", description=__doc__)
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path("release"), metavar="DIR", help="where to write (release)"
    )
    for each in QUESTIONS:
        flags = ["-n", "--namespace"] if each.name == "namespace" else [f"--{each.name}"]
        told = f"{each.words} ({each.default})" if each.default else each.words
        parser.add_argument(
            *flags, choices=each.choices or None, metavar=None if each.choices else each.metavar, help=told
        )
    parser.add_argument("-y", "--yes", action="store_true", help="ask nothing, take the defaults")
    parser.add_argument("--force", action="store_true", help="overwrite files that are there")
    return parser


def _refuse_to_overwrite(folder: Path, *, force: bool) -> None:
    there = [str(folder / name) for name in starter.FILES if (folder / name).exists()]
    if there and not force:
        raise ConfigurationError(f"{', '.join(there)}: is there already; name another folder, or say --force")


def _ask_all(arguments: argparse.Namespace) -> dict[str, str]:
    at_terminal = sys.stdin.isatty() and not arguments.yes
    found = {}
    for question in QUESTIONS:
        given: str | None = getattr(arguments, question.name)
        if given is None and at_terminal:
            found[question.name] = _ask(question)
            continue
        answer = question.default if given is None else given
        if not answer:
            raise ConfigurationError(f"--{question.name}: say {question.words}; with a terminal it is asked for")
        if fault := _find_fault(question, answer):
            raise ConfigurationError(f"--{question.name}: {answer!r} {fault}")
        found[question.name] = answer
    return found


def _ask(question: Question) -> str:
    choices = f" [{', '.join(question.choices)}]" if question.choices else ""
    default = f" ({question.default})" if question.default else ""
    for _ in range(_ATTEMPTS):
        sys.stderr.write(f"{question.words}{choices}{default}: ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise ConfigurationError("the answers ended before the questions; nothing was written")
        answer = line.strip() or question.default
        fault = _find_fault(question, answer)
        if not fault:
            return answer
        sys.stderr.write(f"  {answer!r} {fault}\n")
    raise ConfigurationError(
        f"{question.words}: no answer that can be taken in {_ATTEMPTS} attempts; nothing was written"
    )


def _find_fault(question: Question, answer: str) -> str:
    if question.choices:
        return "" if answer in question.choices else f"is none of {', '.join(question.choices)}"
    return question.check(answer)


def _read(found: Mapping[str, str]) -> Answers:
    return Answers(
        name=found["name"],
        namespace=found["namespace"],
        port=int(found["port"]),
        path=found["path"],
        provider=found["provider"],
        driver=found["driver"],
        gated=found["gate"] == "yes",
        prometheus=found["prometheus"],
    )


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; name another folder") from error


def _say_next(folder: Path, answers: Answers) -> str:
    canary, catalog, values = (folder / name for name in starter.FILES)
    return (
        f"wrote {canary}, {catalog} and {values}; next:\n"
        f"  penstock lint {canary} --catalog {catalog}\n"
        f"  penstock run {canary} --platform memory\n"
        f"  the comment on top of {values} says how to install the service\n"
        f"  penstock doctor --canary {canary}\n"
        f"  kubectl apply -f {canary}\n"
        f"  {_say_release(answers)}\n"
    )


def _say_release(answers: Answers) -> str:
    where = f"{answers.name} -n {answers.namespace}"
    if answers.driver == "penstock":
        return f"penstock run --canary {where}  # now, which makes the primary, and after each change of the Deployment"
    return f"penstock wait canary/{where}  # after each change of the Deployment; Flagger's controller releases it"
