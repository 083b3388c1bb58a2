"""Names that mean something to YAML, to an engine or to a shell: none of them changes what a manifest says."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.manifests.schemas import CRDS, faults
from tests.rollout_story import plan
from workflows.cli import main
from workflows.errors import ConfigurationError
from workflows.manifests import argo, names, tekton
from workflows.manifests.document import Document
from workflows.manifests.pipeline import Shape
from workflows.rollout.plan import RolloutPlan

Writer = Callable[[RolloutPlan, Shape | None], Sequence[Document]]

HOSTILE = [
    *("", " ", "a b", "A", "ä", "a'b", 'a"b', "a\nb", "a\\b", "a`id`", "a;b", "a/b", "../a", "-a", "a-", "a.", ".a"),
    *("{{workflow.uid}}", "{{=sprig.env('HOME')}}", "$(params.image)", "$(context.taskRun.name)", "$HOME", "${HOME}"),
    *("a: b", "- a", "# a", "a #b", "&a", "*a", "!a", "!!python/none", "|", ">", "%a", "@a", "?", "---", "...", "[a]"),
    *(
        "{a: b}",
        "~",
        "null\n",
        "yes ",
        "0x1F",
        "1e3\t",
        "\x00",
        "\x1b[0m",
        "\u2028",
        "\ufeff",
        "\ud800",
        "a..b",
        "a" * 254,
    ),
]
EVERY_HOSTILE = pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
NAMES_OF_PEOPLE = frozenset({"A", "a/b", "a-", "a.", "a..b", "0x1F", HOSTILE[-1]})
WORDS = [
    "null",
    "true",
    "yes",
    "no",
    "on",
    "0",
    "0x1f",
    "1.5",
    "2026-11-23",
    "12h",
    "0o7",
    "1-1",
    "1e3",
    "7e12",
    "y",
    "n",
]
WRITERS = pytest.mark.parametrize("write", [argo.write_argo, tekton.write_tekton], ids=["argo", "tekton"])


def texts(value: Any) -> Iterator[str]:
    """List every text of a document, its keys as well."""
    if isinstance(value, dict):
        yield from (text for pair in value.items() for each in pair for text in texts(each))
    elif isinstance(value, list):
        yield from (text for each in value for text in texts(each))
    elif isinstance(value, str):
        yield value


def tags(documents: list[Any]) -> set[str]:
    """List the texts that mean something to an engine."""
    return {text for text in texts(documents) if "{{" in text or "$(" in text}


def read_back(write: Writer, of: RolloutPlan, shape: Shape | None = None) -> list[Any]:
    """Give what a reader of the files sees, which must be what was meant."""
    documents = write(of, shape)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    read = [found for each in documents for found in yaml.load_all(str(each), loader)]
    assert read == [meant for each in documents for meant in each.objects]
    return read


@WRITERS
@EVERY_HOSTILE
def test_a_name_that_is_none_is_refused_and_shown_as_one_line(write: Writer, name: str) -> None:
    for of in (plan(name=name), plan(namespace=name)):
        with pytest.raises(ConfigurationError, match="not a name that can stand in a manifest") as refused:
            write(of, None)
        assert len(str(refused.value).splitlines()) == 1


@WRITERS
@pytest.mark.parametrize("name", WORDS)
def test_a_name_that_yaml_takes_for_something_else_stays_a_text(write: Writer, name: str) -> None:
    found = read_back(write, plan(name=name, namespace=name))

    assert {each["metadata"].get("namespace", name) for each in found} == {name}
    assert not CRDS or [fault for each in found for fault in faults(each)] == []


@WRITERS
@pytest.mark.parametrize("name", ["1e3", "7e12", "0o7", "y", "n"])
def test_a_name_that_only_other_readers_take_for_something_else_is_quoted(write: Writer, name: str) -> None:
    text = "".join(map(str, write(plan(name=name, namespace=name), None)))

    assert f"'{name}'" in text
    assert not re.search(f"(: |- ){name}$", text, re.MULTILINE)


@WRITERS
@settings(max_examples=40)
@given(name=some.text(alphabet=some.sampled_from("aZ09-._ '\"\\\n\t{}$()#:&*!|>%@`,[]?~é"), min_size=1, max_size=12))
def test_a_name_is_refused_or_stands_in_the_manifest_as_it_is(write: Writer, name: str) -> None:
    try:
        found = read_back(write, plan(name=name))
    except ConfigurationError:
        return
    assert set(name) <= set("az09-.")
    assert tags(found) == tags([meant for each in write(plan(), None) for meant in each.objects])


@pytest.mark.parametrize("name", sorted({*HOSTILE} - NAMES_OF_PEOPLE, key=ascii), ids=ascii)
def test_an_approver_who_has_no_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="is not the name of a user"):
        tekton.write_tekton(plan(), Shape(approval=True, approvers=(name,)))


def test_a_name_that_leaves_no_room_in_a_label_is_refused() -> None:
    assert names.name_pipeline(plan(name="a" * 48)) == f"canary-release-{'a' * 48}"
    for of, cluster_wide in ((plan(name="a" * 49), False), (plan(name="a" * 40, namespace="b" * 10), True)):
        with pytest.raises(ConfigurationError, match="shorten the Canary's name"):
            names.name_pipeline(of, cluster_wide=cluster_wide)


@pytest.mark.parametrize("kind", ["argo", "tekton"])
@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("name: ad\n", 'name: "{{workflow.uid}}"\n'),
        ("min: 95", "min: most"),
        ("stepWeight: 20", "stepWeight: 0"),
        ("interval: 40s", "interval: soon"),
        ("spec:", "spec: &a [*a]\nnot: it"),
    ],
)
def test_a_canary_with_faults_is_never_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, was: str, now: str
) -> None:
    text = Path("examples/ad-service/canary.yaml").read_text()
    assert was in text
    file = tmp_path / "canary.yaml"
    file.write_text(text.replace(was, now, 1))

    assert main(["render", kind, "--canary", str(file), "-o", str(tmp_path / "out")]) == 78

    assert not (tmp_path / "out").exists()
    assert "Traceback" not in capsys.readouterr().err
