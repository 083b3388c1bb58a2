"""Say what a child process is to do for a test, and what came of it.

Every kind of test is two pure steps around one child: prepare a job, read what the child left. The runner alone
starts children. A child gets a clean environment: no token, no setting, no place of the store.
"""

import enum
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import webhooks

PASSED_ON = ("LANG", "LC_ALL", "PATH", "PYTHONPATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "TZ")
"""The variables of the service that a test may see."""

RUN_MARK = "PENSTOCK_RUN"
"""The variable that marks every process of a run, so that none is forgotten when the run ends."""

PLACEHOLDER = re.compile(r"\$\{((?:secrets\.)?[A-Za-z_][A-Za-z0-9_]*)\}")
"""What stands for a value: `${name}` for a parameter, `${secrets.NAME}` for a secret."""

_OURS = "PENSTOCK_"
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Outcome(enum.Enum):
    """Name what can come of a test."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Carry what came of a test and why, in one line; `report` is its tests by name (JSON), where it has any."""

    outcome: Outcome
    reason: str
    report: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Target:
    """Say where a test goes: the URL, the host:port to connect to in its place (empty: the URL's own), the canary."""

    url: str
    connect: str = ""
    name: str = ""
    namespace: str = ""

    @property
    def host(self) -> str:
        """Give the host:port of the URL, for the Host header."""
        return urlsplit(self.url).netloc

    @property
    def address(self) -> str:
        """Give the host:port to connect to."""
        parts = urlsplit(self.url)
        return self.connect or f"{parts.hostname}:{parts.port or _DEFAULT_PORTS[parts.scheme]}"

    @property
    def direct_url(self) -> str:
        """Give a URL that names the address to connect to, for clients that cannot be told apart host and address."""
        return f"{urlsplit(self.url).scheme}://{self.connect}" if self.connect else self.url


@dataclass(frozen=True, slots=True)
class Job:
    """Describe a child: its command, what it reads on stdin, the files it finds in its folder, its variables.

    `passed_on` names variables of the service that it sees beyond those that every child sees; `*` is all but ours.
    `secrets` are variables too, whose values are hidden in all that the child leaves.
    """

    argv: tuple[str, ...]
    stdin: str = ""
    files: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    environ: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    passed_on: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Ended:
    """Carry what a child left: its exit status (negative: the signal), the tail of its output, its folder."""

    status: int
    stdout: str
    stderr: str
    folder: Path

    def describe(self) -> str:
        """Say how the child ended, for people."""
        how = f"ended by signal {-self.status}" if self.status < 0 else f"exit status {self.status}"
        last = next((line.strip() for line in reversed(self.stderr.splitlines()) if line.strip()), "")
        return f"{how}: {last}" if last else how


def python_command(module: str, *arguments: str) -> tuple[str, ...]:
    """Give the command that runs one of our modules with this interpreter."""
    return (sys.executable, "-m", module, *arguments)


def clean_environ(
    environ: Mapping[str, str], folder: Path, run_id: str, passed_on: Sequence[str] = ()
) -> dict[str, str]:
    """Give the variables a child sees: what is passed on, its folder as home, and the mark of its run."""
    kept = {name: environ[name] for name in PASSED_ON if name in environ}
    roots = [str(Path(webhooks.__file__).parent.parent), *filter(None, [kept.get("PYTHONPATH", "")])]
    ours = {"HOME": str(folder), "PYTHONPATH": ":".join(roots), "PYTHONUNBUFFERED": "1", RUN_MARK: run_id}
    asked = {name: value for name, value in environ.items() if name in passed_on or "*" in passed_on}
    granted = {name: value for name, value in asked.items() if not name.startswith(_OURS)}
    return kept | ours | granted


def describe_target(target: Target, parameters: Mapping[str, str]) -> dict[str, str]:
    """Give the variables by which a program finds its target and its parameters."""
    canary = {"PENSTOCK_CANARY": target.name, "PENSTOCK_NAMESPACE": target.namespace}
    named = {f"PENSTOCK_PARAM_{name.upper()}": value for name, value in parameters.items()}
    place = {"PENSTOCK_TARGET": target.direct_url, "PENSTOCK_TARGET_HOST": target.host}
    return place | {name: value for name, value in canary.items() if value} | named


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of ${name}, each once; an unknown name stays as it is."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def join_reasons(reasons: Sequence[str], shown: int = 3) -> str:
    """Join the first reasons into one line and count the others."""
    rest = len(reasons) - shown
    return "; ".join(reasons[:shown]) + (f"; and {rest} more" if rest > 0 else "")
