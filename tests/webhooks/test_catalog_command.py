"""`penstock catalog` on a laptop, and the schema that editors use."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.webhooks.bench import CATALOG, AdService
from webhooks.catalog import read_catalog
from webhooks.cli import catalog
from webhooks.errors import CatalogError

EVERYTHING = """
port: 3003
target: "http://{name}-canary.{namespace}:{port}"
job: {image: tests.example/ours:1, namespace: tests}
namespaces: ["team-*"]
gates: {promotion: {approvals: 2, expires: 2h, patience: 1h, onExpiry: rollback}}
tests:
  http:
    kind: http
    description: all that a request can have
    timeout: 5s
    attempts: 2
    every: epoch
    final: true
    onFailure: rollback
    where: job
    parameters: {city: {type: string, pattern: "[a-z]+", default: bonn}, tone: {type: enum, values: [a, b]}}
    requests:
      - name: first
        method: POST
        path: /ad
        headers: {Accept: "*/*"}
        body: {city: "${city}"}
        expect: {status: [200, 2xx], json: {a: 1}, has: [b], contains: c, headers: {X: y}, maxLatency: 300ms}
        capture: {id: a.id}
  suite: {kind: pytest, path: ., keyword: smoke, plugins: [xdist]}
  load: {kind: load, plan: {rate: 5}, thresholds: ["http_req_failed: rate<0.1"], minimumRequests: 1, inconclusive: pass}
  command:
    {kind: command, argv: [ls, 1], junit: a.xml, environment: {A: b}, passOn: [REGION], folder: ., logOutput: true}
  helm: {kind: helm-test, release: "{name}", namespace: "{namespace}", filter: name=x}
  job: {kind: kubernetes-job, argv: [/smoke], environment: {A: b}, job: {image: x}}
"""


def schema_faults(text: str) -> list[str]:
    validator = Draft202012Validator(
        json.loads((Path(catalog.__file__).parents[1] / "catalog" / catalog.SCHEMA).read_text())
    )
    return [error.message for error in validator.iter_errors(yaml.safe_load(text))]


@pytest.mark.parametrize("text", [EVERYTHING, CATALOG])
def test_reader_and_schema_take_the_same_catalogs(tmp_path: Path, text: str) -> None:
    assert read_catalog(text, tmp_path).tests
    assert schema_faults(text) == []


FAULTY = [
    "tests: {}",
    "tests: {a: {requests: []}}",
    "tests: {a: {kind: http}}",
    "tests: {a: {kind: http, requests: [{path: ad}]}}",
    "tests: {a: {kind: http, requests: [{path: /, colour: red}]}}",
    "tests: {a: {kind: command}}",
    "tests: {a: {kind: command, argv: [ls], requests: []}}",
    "tests: {a: {kind: command, argv: [ls], every: day}}",
    "tests: {a: {kind: command, argv: [ls], timeout: soon}}",
    "tests: {a: {kind: magic}}",
    "tests: {'a b': {kind: command, argv: [ls]}}",
    "{port: 0, tests: {a: {kind: command, argv: [ls]}}}",
    "{colour: red, tests: {a: {kind: command, argv: [ls]}}}",
]


@pytest.mark.parametrize("text", FAULTY)
def test_reader_and_schema_refuse_the_same_catalogs(tmp_path: Path, text: str) -> None:
    with pytest.raises(CatalogError):
        read_catalog(text, tmp_path)

    assert schema_faults(text)


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert catalog.main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Penstock's catalog of tests"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "catalog.yaml"
    written.write_text(CATALOG + '  echo: {kind: command, argv: [echo, "${who} ${target}"], parameters: {who: {}}}\n')
    return written


def test_a_clean_catalog_says_so(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert catalog.main(["lint", str(file)]) == 0
    assert capsys.readouterr().out.endswith("tests, no fault\n")


def test_every_fault_is_a_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("tests: {a: {kind: magic}, b: {kind: command}}")

    assert catalog.main(["lint", str(file)]) == 2
    assert len(capsys.readouterr().err.splitlines()) >= 2


def test_tests_are_listed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    catalog.main(["list", str(file)])
    table = capsys.readouterr().out
    catalog.main(["list", str(file), "--output", "json"])
    rows = json.loads(capsys.readouterr().out)

    assert table.splitlines()[0].split() == ["NAME", "KIND", "WHERE", "TIMEOUT", "PARAMETERS", "DESCRIPTION"]
    assert rows[-1] == {
        "name": "echo",
        "kind": "command",
        "where": "service",
        "timeout": "60 s",
        "parameters": "who",
        "description": "",
    }


def run(file: Path, *arguments: str) -> int:
    return catalog.main(["run", *arguments, "--catalog", str(file)])


def test_a_test_is_run_against_a_target(file: Path, ad: AdService, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(file, "suite", "--target", f"http://{ad.address}") == 0
    assert "suite passed: " in capsys.readouterr().out


def test_a_failed_test_is_an_exit_status(file: Path, ad: AdService, capsys: pytest.CaptureFixture[str]) -> None:
    ad.broken = True

    assert run(file, "suite", "--target", f"http://{ad.address}") == 1
    assert "suite failed: GET /ad: status 500" in capsys.readouterr().out


def test_parameters_and_output_are_passed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(file, "echo", "--target", "http://127.0.0.1:9/", "--param", "who=ann") == 0
    assert capsys.readouterr().out == "ann http://127.0.0.1:9\necho passed: exit status 0\n"


FAULTS = [
    (("suitee",), "unknown test 'suitee'; known: suite"),
    (("suite", "--target", "elsewhere"), "--target: 'elsewhere' is not a URL"),
    (("suite", "--param", "a=b"), "--param: 'a' is not a parameter of suite; known: none"),
    (("echo",), "--param: who= is missing or not allowed by the catalog"),
]


@pytest.mark.parametrize(("arguments", "text"), FAULTS)
def test_what_cannot_be_run_is_told(
    file: Path, arguments: tuple[str, ...], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = () if "--target" in arguments else ("--target", "http://127.0.0.1:9")

    assert run(file, *arguments, *target) == 78
    assert text in capsys.readouterr().err
