"""What a catalog may say, and what it is told when it may not."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from webhooks.catalog import (
    Catalog,
    CatalogFile,
    HttpSpec,
    Kind,
    LoadSpec,
    Parameter,
    ParameterType,
    PytestSpec,
    accept,
    parse_duration,
    read_catalog,
    read_definition,
    show_duration,
)
from webhooks.errors import CatalogError

EXAMPLE = Path(__file__).parents[2] / "examples" / "ad-service" / "catalog.yaml"

WHOLE = """
port: 3003
target: http://{name}.{namespace}:{port}/
tests:
  steps:
    description: all that http can do
    kind: http
    timeout: 1m30s
    attempts: 2
    port: 8080
    target: https://{name}-canary.{namespace}:{port}
    parameters:
      user: {type: string, pattern: "[a-z]+", default: ann}
      count: {type: integer}
      mode: {type: enum, values: [fast, slow]}
    requests:
      - {method: POST, path: "/order/${user}", body: {n: 1}, headers: {X-A: b}, capture: {id: order.id}}
      - name: look
        path: "/order/${id}"
        body: text
        expect:
          status: [200, 2xx]
          json: {"items[0].n": 1}
          has: order
          contains: [one, two]
          headers: {X-B: c}
          maxLatency: 500ms
  suite: {kind: pytest, path: ., keyword: not slow, plugins: [xdist]}
  load:
    {kind: load, plan: {rate: 5}, thresholds: "http_reqs: count>0", minimumRequests: 3, inconclusive: pass, lease: 5m}
"""


def read(text: str) -> str:
    """Give the faults of a catalog."""
    with pytest.raises(CatalogError) as caught:
        read_catalog(text, Path("/nowhere"))
    return str(caught.value)


def one_test(fields: str) -> str:
    return f"tests: {{t: {{{fields}}}}}"


def test_the_example_is_a_catalog() -> None:
    tests = CatalogFile(EXAMPLE).current().tests

    assert {name: test.kind for name, test in tests.items()} == {
        "ad-contract": Kind.HTTP,
        "ad-suite": Kind.PYTEST,
        "ad-load": Kind.LOAD,
    }
    assert {test.port for test in tests.values()} == {3003}


def test_every_field_is_read(tmp_path: Path) -> None:
    steps = read_catalog(WHOLE, tmp_path).tests["steps"]

    assert isinstance(steps.spec, HttpSpec)
    order, look = steps.spec.requests
    assert (order.method, order.body, dict(order.headers), dict(order.capture)) == (
        "POST",
        '{"n": 1}',
        {"X-A": "b"},
        {"id": "order.id"},
    )
    assert (look.name, look.expect.statuses, look.expect.has, look.expect.contains, look.expect.max_latency_s) == (
        "look",
        ("200", "2xx"),
        ("order",),
        ("one", "two"),
        0.5,
    )
    assert (steps.timeout_s, steps.attempts, steps.port, steps.target) == (
        90,
        2,
        8080,
        "https://{name}-canary.{namespace}:{port}",
    )


def test_a_suite_is_found_from_the_folder_of_the_catalog(tmp_path: Path) -> None:
    suite = read_catalog(WHOLE, tmp_path).tests["suite"]

    assert suite.spec == PytestSpec(str(tmp_path), "not slow", ("xdist",))
    assert (suite.target, suite.targets_canary) == ("http://{name}.{namespace}:{port}", False)


def test_a_load_has_its_own_defaults(tmp_path: Path) -> None:
    load = read_catalog(WHOLE, tmp_path).tests["load"]

    assert isinstance(load.spec, LoadSpec)
    assert (load.timeout_s, load.spec.minimum_requests, load.spec.lease_s) == (3600, 3, 300)


def test_a_test_is_made_again_from_its_definition(tmp_path: Path) -> None:
    for name, test in read_catalog(WHOLE, tmp_path).tests.items():
        again = read_definition(name, test.definition)
        assert (again.spec, again.target, again.port, again.parameters) == (
            test.spec,
            test.target,
            test.port,
            test.parameters,
        )


FAULTS = [
    ("", "None is not a mapping"),
    ("[]", "[] is not a mapping"),
    ("tests: {}", "tests: there are none; name at least one"),
    ("tests: 3", "tests: 3 is not a mapping"),
    ("port: 0\ntests: {}", "port: 0 is not a whole number within 1 to 65535"),
    ("port: true\ntests: {}", "port: True is not a whole number within 1 to 65535"),
    ("job: {user: 0}\ntests: {}", "job.user: 0 is not a whole number within 1 to 2147483647"),
    ("test: {}", "test: unknown field; did you mean tests?"),
    ("a: [", "not YAML: "),
    ("\ttests: {}", "not YAML: "),
    ("tests: {}\ntests: {}", "not YAML: the key 'tests' stands twice"),
    ("x" * 1_100_000, "1100000 characters are too many; a catalog has at most 1048576"),
    ("tests: &a {b: *a}", "more than 100000 values or deeper than 50; repeat less with anchors"),
    ("tests: {'a b': {kind: http, requests: [{}]}}", "tests.a b: a test's name is at most 63 letters"),
    ("tests: {t: 1}", "tests.t: 1 is not a mapping"),
    (one_test("requests: [{}]"), "tests.t.kind: missing; known: http, pytest, load"),
    (
        one_test("kind: htpp, requests: [{}]"),
        "tests.t.kind: 'htpp' is unknown; known: http, pytest, load, command, helm-test, kubernetes-job; did you mean",
    ),
    (one_test("kind: http"), "tests.t.requests: missing; list at least one request"),
    (one_test("kind: http, requests: {}"), "tests.t.requests: {} is not a list"),
    (one_test("kind: http, requests: [{}], timeout: soon"), "tests.t.timeout: 'soon' is not a duration"),
    (one_test("kind: http, requests: [{}], timeout: 0s"), "tests.t.timeout: '0s' is not above 0"),
    (one_test("kind: http, requests: [{}], attempts: 11"), "tests.t.attempts: 11 is not a whole number within 1 to 10"),
    (one_test("kind: http, requests: [{}], target: 'ftp://x'"), "tests.t.target: 'ftp://x' is not a URL of scheme"),
    (one_test("kind: http, requests: [{}], target: 'http://x/path'"), "tests.t.target: 'http://x/path' is not a URL"),
    (one_test("kind: http, requests: [{method: get}]"), "tests.t.requests[0].method: 'get' is not a method"),
    (one_test("kind: http, requests: [{path: ad}]"), "tests.t.requests[0].path: 'ad' does not start with '/'"),
    (one_test("kind: http, requests: [{path: [1]}]"), "tests.t.requests[0].path: [1] is not a text"),
    (
        one_test("kind: http, requests: [{headers: {a b: c}}]"),
        "tests.t.requests[0].headers: 'a b': 'c' is not a header",
    ),
    (
        one_test("kind: http, requests: [{expect: {status: 99}}]"),
        "tests.t.requests[0].expect.status: '99' is not a status",
    ),
    (one_test("kind: http, requests: [{expect: {status: {}}}]"), "tests.t.requests[0].expect.status: {} is not a list"),
    (
        one_test("kind: http, requests: [{expect: {statux: 200}}]"),
        "tests.t.requests[0].expect.statux: unknown field; did you mean status?",
    ),
    (one_test("kind: pytest"), "tests.t.path: missing; give a text"),
    (one_test("kind: pytest, path: nothing.py"), "tests.t.path: 'nothing.py' is not there"),
    (one_test("kind: load"), "tests.t.plan: None is not a load plan"),
    (one_test("kind: load, plan: {target: x}"), "tests.t.plan.target: stands beside plan, not in it"),
    (
        one_test("kind: load, plan: {}, thresholds: [quick]"),
        "tests.t.thresholds: 'quick': threshold 'quick' is not readable",
    ),
    (
        one_test("kind: load, plan: {}, thresholds: ['latency: p(9)<1']"),
        "tests.t.thresholds: 'latency: p(9)<1': unknown metric",
    ),
    (
        one_test("kind: load, plan: {}, inconclusive: maybe"),
        "tests.t.inconclusive: 'maybe' is unknown; known: pass, fail",
    ),
    (
        one_test("kind: load, plan: {}, parameters: {wait: {}}"),
        "tests.t.parameters.wait: a parameter's name is letters",
    ),
    (
        one_test("kind: load, plan: {}, parameters: {a: {pattern: '['}}"),
        "tests.t.parameters.a.pattern: '[' is not a regular",
    ),
    (
        one_test("kind: load, plan: {}, parameters: {a: {type: enum}}"),
        "tests.t.parameters.a.values: missing; an enum lists",
    ),
    (
        one_test("kind: load, plan: {}, parameters: {a: {type: integer, default: x}}"),
        "tests.t.parameters.a.default: 'x' is not allowed",
    ),
]


@pytest.mark.parametrize(("text", "fault"), FAULTS, ids=range(len(FAULTS)))
def test_a_fault_is_told_with_its_path(text: str, fault: str) -> None:
    assert fault in read(text)


def test_all_faults_are_told_at_once() -> None:
    faults = read("tests: {a: {kind: http}, b: {kind: load, lease: x}}").splitlines()

    assert [line.split(":")[0] for line in faults] == ["tests.a.requests", "tests.b.plan", "tests.b.lease"]


def test_a_file_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"gone\.yaml"):
        CatalogFile(tmp_path / "gone.yaml")


def test_a_file_with_faults_is_told_by_name(tmp_path: Path) -> None:
    file = tmp_path / "catalog.yaml"
    file.write_text("tests: {a: {kind: http}, b: {kind: http}}")

    with pytest.raises(CatalogError) as caught:
        CatalogFile(file)

    assert [line.startswith(f"{file}: tests.") for line in str(caught.value).splitlines()] == [True, True]


def test_a_faulty_new_version_is_told_and_a_mended_one_taken(tmp_path: Path) -> None:
    file = tmp_path / "catalog.yaml"
    file.write_text("tests: {a: {kind: http, requests: [{}]}}")
    source = CatalogFile(file)
    file.write_text("tests: {b: {kind: http}}")
    kept, fault = list(source.current().tests), source.fault
    file.write_text("tests: {mended: {kind: http, requests: [{}]}}")

    assert (kept, "tests.b.requests" in fault) == (["a"], True)
    assert (list(source.current().tests), source.fault) == (["mended"], "")


def test_without_a_file_there_are_no_tests() -> None:
    assert CatalogFile(None).current().tests == {}


ACCEPTED = [
    (Parameter("p"), "any text", True),
    (Parameter("p"), "two\nlines", False),
    (Parameter("p", pattern="[a-z]+"), "abc", True),
    (Parameter("p", pattern="[a-z]+"), "abc1", False),
    (Parameter("p", ParameterType.INTEGER), "-12", True),
    (Parameter("p", ParameterType.INTEGER), "1.5", False),
    (Parameter("p", ParameterType.DURATION), "1m30s", True),
    (Parameter("p", ParameterType.DURATION), "90", False),
    (Parameter("p", ParameterType.ENUM, values=("a", "b")), "b", True),
    (Parameter("p", ParameterType.ENUM, values=("a", "b")), "c", False),
    (Parameter("p", ParameterType.URL), "https://shop.test/a?b=c", True),
    (Parameter("p", ParameterType.URL), "https://me@shop.test/", False),
]


@pytest.mark.parametrize(("parameter", "text", "accepted"), ACCEPTED)
def test_a_parameter_accepts_its_type_and_pattern(parameter: Parameter, text: str, accepted: bool) -> None:  # noqa: FBT001
    assert accept(parameter, text) is accepted


DURATIONS = [("8", 8), ("8s", 8), ("500ms", 0.5), ("1m30s", 90), ("1h", 3600), ("2.5s", 2.5)]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_a_duration_is_read_as_go_writes_it(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1d", "1 s", "٣s", "9" * 40])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(("seconds", "text"), [(0.25, "250 ms"), (8.0, "8 s"), (8.5, "8.5 s")])
def test_a_duration_is_shown_for_people(seconds: float, text: str) -> None:
    assert show_duration(seconds) == text


WORDS = st.sampled_from(
    ["tests", "kind", "http", "load", "plan", "requests", "expect", "status", "path", "t", "timeout"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def try_to_read(text: str) -> Catalog | CatalogError:
    try:
        return read_catalog(text, Path("/nowhere"))
    except CatalogError as error:
        return error


@given(VALUES)
def test_any_document_is_a_catalog_or_a_list_of_faults(document: object) -> None:
    outcome = try_to_read(yaml.safe_dump({"tests": {"t": document}}))

    assert isinstance(outcome, Catalog) or str(outcome)
