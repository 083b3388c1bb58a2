"""Read the tests that run a program: a pytest suite, a command, `helm test`, a container."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from webhooks.catalog.fields import Fields, show
from webhooks.catalog.specs import CommandSpec, HelmTestSpec, KubernetesJobSpec, PytestSpec

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RELEASE = re.compile(r"(?:[a-z0-9]|\{name\}|\{namespace\})(?:[a-z0-9.-]|\{name\}|\{namespace\}){0,100}")
_SHELLS = frozenset({"ash", "bash", "dash", "ksh", "sh", "zsh"})
_LONGEST_FILE_NAME = 100


def read_pytest(fields: Fields, folder: Path) -> PytestSpec:
    """Read where a suite is and how it is run."""
    text = fields.text("path")
    path = (folder / text).absolute()
    if text and not path.exists():
        fields.fault("path", f"{show(text)} is not there; a path counts from the catalog's folder")
    return PytestSpec(str(path), fields.text("keyword", ""), fields.texts("plugins"))


def read_command(fields: Fields, folder: Path) -> CommandSpec:
    """Read a command and what it may see."""
    junit = fields.text("junit", "junit.xml")
    if "/" in junit or junit in {"", ".", ".."} or len(junit) > _LONGEST_FILE_NAME:
        fields.fault("junit", f"{show(junit)} is not the name of a file in the folder that the command runs in")
    return CommandSpec(
        argv=_read_argv(fields, required=True),
        junit=junit,
        environment=_read_environment(fields),
        pass_on=_read_pass_on(fields),
        folder=str((folder / fields.text("folder", ".")).absolute()),
        log_output=fields.boolean("logOutput"),
        verbatim=fields.boolean("verbatim"),
        needs=fields.text("needs", ""),
    )


def _read_argv(fields: Fields, *, required: bool) -> tuple[str, ...]:
    if isinstance(fields.raw("argv"), str):
        fields.fault("argv", f"{show(fields.raw('argv'))} is a text; give a list, no shell takes it apart")
    argv = fields.texts("argv")
    if required and not (argv and argv[0]):
        fields.fault("argv", "missing; give a list such as [bats, smoke.bats]")
    script = next((word for word in argv[2:3] if Path(argv[0]).name in _SHELLS and argv[1].endswith("c")), "")
    if "${" in script and re.search(r"\$\{[a-z]", script):
        fields.fault(
            "argv", f"{show(script)}: a shell would run what a parameter says; read it from PENSTOCK_PARAM_..."
        )
    return argv


def _read_environment(fields: Fields) -> Mapping[str, str]:
    environment = dict(fields.mapping("environment"))
    for name in environment:
        if not _VARIABLE.fullmatch(name) or name.startswith("PENSTOCK_"):
            fields.fault("environment", f"{show(name)} is not a variable that can be set; PENSTOCK_... are ours")
    return MappingProxyType(environment)


def _read_pass_on(fields: Fields) -> tuple[str, ...]:
    names = fields.texts("passOn")
    for name in names:
        if name != "*" and (not _VARIABLE.fullmatch(name) or name.startswith("PENSTOCK_")):
            fields.fault("passOn", f"{show(name)} is not a variable that is passed on; PENSTOCK_... never are")
    return names


def read_helm_test(fields: Fields, _: Path) -> HelmTestSpec:
    """Read which release is tested."""
    spec = HelmTestSpec(
        fields.text("release", HelmTestSpec().release),
        fields.text("namespace", HelmTestSpec().namespace),
        fields.text("filter", ""),
    )
    for key, value in (("release", spec.release), ("namespace", spec.namespace)):
        if not _RELEASE.fullmatch(value):
            fields.fault(key, f"{show(value)} is not a name; {{name}} and {{namespace}} stand for the canary's")
    if spec.filter.startswith("-"):
        fields.fault("filter", f"{show(spec.filter)} begins with '-'; write it as name=TEST")
    return spec


def read_kubernetes_job(fields: Fields, _: Path) -> KubernetesJobSpec:
    """Read what the container runs; without argv it is what the image says."""
    return KubernetesJobSpec(_read_argv(fields, required=False), _read_environment(fields))
