"""Whatever the text is, there are clear findings."""

from pathlib import Path

import pytest
import yaml
from canary_files import BASE, ITERATIONS, errors, only, plan_of, vary, warnings

from workflows.canary import load, read, read_all
from workflows.canary.loader import MAX_CHARACTERS
from workflows.errors import ConfigurationError

TEXT = yaml.safe_dump(BASE)
OTHER = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, levels))]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "the file has no document of kind Canary, it is empty"),
        ("---\n---\n# nothing\n", "the file has no document of kind Canary, it is empty"),
        ("kind: Deployment\n", 'the file has no document of kind Canary; it has "Deployment"'),
        ("kind: [Canary]\n", "the file has no document of kind Canary; it has one without a kind"),
        ("just words", '"just words" is not a mapping; a resource begins with apiVersion and kind'),
        (
            "a: {b: c",
            "is not YAML: while parsing a flow mapping expected ',' or '}', but got '<stream end>' (column 9)",
        ),
        (
            "a:\n\tb: c",
            (
                "is not YAML: while scanning for the next token found character '\\t' that cannot start any token "
                "(column 1); the line has a tab; YAML indents with spaces"
            ),
        ),
        (
            "a: {{ .Values.x }}\nb: ]",
            "is not YAML: while parsing a block node expected the node content, but found ']' (column 4)",
        ),
        ('a: "\\U00110000"', "is not YAML: chr() arg not in range(0x110000)"),
        ("a: \x00", "cannot be read: unacceptable character #x0000: special characters are not allowed"),
        ("a: *b", "is not YAML: found undefined alias 'b' (column 4)"),
        ("[" * 100, "cannot be read: nests deeper than 60 levels"),
        ("&a [*a]", "cannot be read: nests deeper than 60 levels"),
        ("- x\n" * 20_000, "cannot be read: has more than 20000 values, aliases written out; split the file"),
        (bomb(30), "cannot be read: has more than 20000 values, aliases written out; split the file"),
        ("x" * (MAX_CHARACTERS + 1), "is longer than 1000000 characters; this is not a file of resources"),
        ("!!set x", '"x" has the tag tag:yaml.org,2002:set; plain data has none'),
        (
            "apiVersion: flagger.app/v1beta1\nkind: Canery\n",
            'kind: "Canery" is not known; allowed: Canary, MetricTemplate, AlertProvider; did you mean "Canary"?',
        ),
    ],
)
def test_a_text_that_is_no_canary_is_an_error(text: str, line: str) -> None:
    reading = read(text)

    assert [error.split(' in "')[0] for error in errors(reading)] == [line]
    assert reading.plan is None


def test_a_template_in_place_of_yaml_is_told_to_be_rendered() -> None:
    finding = only(read("a:\n  b: {{ .Values.x }}: c\n"))

    assert finding.hint == "the line looks like a template; render it first"
    assert finding.line == 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  name: ad", "metadata.name: stands twice in one mapping, again on line 5; keep one"),
        ("  [a]: b", "metadata: has a key that is no plain word on line 5"),
        (
            "  labels: !!python/name:os.system x",
            'metadata.labels: "x" has the tag tag:yaml.org,2002:python/name:os.system; plain data has none',
        ),
        ("  labels: !!int x", 'metadata.labels: "x" has the tag tag:yaml.org,2002:int but is no number'),
        ('  labels: {a: "\\ud800"}', 'metadata.labels.a: "\\ud800" holds half of a surrogate pair'),
        ("  <<: 5", "metadata: merges (<<) what is not a mapping"),
    ],
)
def test_yaml_that_kubernetes_would_not_take_is_an_error(text: str, line: str) -> None:
    document = f"apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata:\n  name: ad\n{text}\n"

    assert line in errors(read(document))


@pytest.mark.parametrize(
    ("written", "value"),
    [("2024-01-01", "2024-01-01"), ("1:30", "1:30"), ("1_000", "1_000"), ("0o", "0o"), ("=", "="), ("'5'", "5")],
)
def test_words_that_only_look_like_values_are_text(written: str, value: str) -> None:
    plan = plan_of(
        read(TEXT.replace("name: ad\n  namespace", f"name: ad\n  annotations: {{a: {written}}}\n  namespace"))
    )

    assert plan.annotations == {"a": value}


@pytest.mark.parametrize(
    ("written", "number"),
    [("0x10", 16), ("0o20", 16), ("020", 16), ("0b10000", 16), ("1.6e1", 16), ("+16", 16), ("09", 9)],
)
def test_numbers_are_read_as_kubectl_does(written: str, number: int) -> None:
    plan = plan_of(read(TEXT.replace("stepWeight: 20", f"stepWeight: {written}")))

    assert plan.analysis.weights[0] == number


@pytest.mark.parametrize("number", ["9" * 30, "-9", ".inf", "-.inf", ".nan", "-0.5"])
def test_no_number_is_too_odd_to_be_refused(number: str) -> None:
    finding = only(read(TEXT.replace("stepWeight: 20", f"stepWeight: {number}")))

    assert finding.path == "spec.analysis.stepWeight"


def test_merged_mappings_and_aliases_are_written_out() -> None:
    text = TEXT.replace("  service:", "  service: &service\n    name: web") + (
        "---\nkind: Other\nx: &x {a: b}\ny: {<<: [*x, {a: c, d: e}], f: g}\n"
    )

    assert plan_of(read(text)).service.name == "web"


def test_the_canary_is_picked_among_other_documents() -> None:
    text = yaml.safe_dump_all([OTHER, BASE, OTHER])

    assert plan_of(read(text)).key == "ad.weather"


def test_two_canaries_are_one_too_many_for_a_plan() -> None:
    reading = read(yaml.safe_dump_all([BASE, BASE]), source="two.yaml")

    assert errors(reading) == ["two.yaml has 2 Canaries; give one per file"]


def test_each_canary_of_a_file_is_read_for_itself() -> None:
    bad = vary("spec.analysis", {"stepWeight": 0})

    first, second = read_all(yaml.safe_dump_all([bad, BASE]))

    assert first.plan is None
    assert plan_of(second).key == "ad.weather"


def test_what_is_wrong_around_a_canary_keeps_it_from_a_plan() -> None:
    reading = read(f"{TEXT}---\na: b\na: c\n")

    assert errors(reading) == ["a: stands twice in one mapping, again on line 19; keep one"]
    assert reading.plan is None


def test_a_list_as_kubectl_prints_it_is_read_item_by_item() -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": [OTHER, vary("spec.analysis", {"stepWeight": 0})]}

    finding = only(read(yaml.safe_dump(listed)))

    assert finding.path == "items[1].spec.analysis.stepWeight"
    assert finding.line > 1


def test_what_the_cluster_adds_is_accepted() -> None:
    grown = vary("metadata", {"uid": "x", "resourceVersion": "5", "creationTimestamp": "2024-01-01T00:00:00Z"})

    assert plan_of(read(yaml.safe_dump(grown | {"status": {"phase": "Succeeded"}})))


def older(version: str, **spec: object) -> str:
    document = vary("spec", spec)
    document["apiVersion"] = f"flagger.app/{version}"
    document["spec"]["canaryAnalysis"] = document["spec"].pop("analysis")
    return yaml.safe_dump(document)


def test_an_older_file_says_canary_analysis() -> None:
    reading = read(older("v1alpha3"))

    assert plan_of(reading).analysis.weights == (20, 40, 60, 80, 100)
    assert not reading.findings


def test_an_older_file_gets_an_interval_and_a_threshold_with_warnings() -> None:
    reading = read(older("v1alpha3", analysis={"stepWeight": 50}))

    assert warnings(reading) == [
        "spec.canaryAnalysis.interval: is missing; 60s is used",
        "spec.canaryAnalysis.threshold: is missing; 1 is used",
    ]
    assert plan_of(reading).analysis.interval.total_seconds() == 60


def test_an_older_file_without_an_analysis_is_an_error() -> None:
    text = older("v1alpha3").replace("canaryAnalysis", "canaryAnalysys")

    assert errors(read(text)) == ["spec.canaryAnalysis: is required and missing"]


def test_the_older_name_in_a_newer_file_is_a_warning() -> None:
    reading = read(older("v1beta1"))

    assert only(reading).path == "spec.canaryAnalysis"
    assert plan_of(reading)


def test_both_names_at_once_are_an_error() -> None:
    document = vary("spec", {"canaryAnalysis": vary("spec.analysis", ITERATIONS)["spec"]["analysis"]})

    assert only(read(yaml.safe_dump(document))).path == "spec.canaryAnalysis"


def test_a_file_is_loaded_into_a_plan(tmp_path: Path) -> None:
    file = tmp_path / "canary.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())

    assert load(file).key == "ad.weather"


def test_a_file_with_faults_is_refused_with_one_line_for_each(tmp_path: Path) -> None:
    file = tmp_path / "canary.yaml"
    file.write_text(yaml.safe_dump(vary("spec.analysis", {"stepWeight": 0, "maxWeight": 500, "threshold": 0})))

    with pytest.raises(ConfigurationError) as refusal:
        load(file)

    lines = str(refusal.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["spec.analysis.maxWeight", "spec.analysis.stepWeight"]
    assert all(line.startswith(f"{file}:") for line in lines)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"a: \xff", "cannot be read: byte 0xff on line 1 is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None, reason: str) -> None:
    file = tmp_path / "canary.yaml"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigurationError, match=reason):
        load(file)
