"""Secrets reach the test that needs them and nobody else: not the log, not a reason, not a report."""

import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.webhooks.bench import AD, AdService
from tests.webhooks.performing import NOTHING, TARGET, make_test
from tests.webhooks.served import ROOT
from webhooks import checks
from webhooks.catalog import Secret, read_catalog, read_definition
from webhooks.checks.cluster.manifest import ORDER_VARIABLE, write_manifest
from webhooks.checks.secrets import Mask, MaskedStream, read_secrets
from webhooks.cli.catalog import perform
from webhooks.errors import CatalogError, SecretError
from webhooks.routes.api.reports import write_html, write_json, write_junit
from webhooks.store.records import Run, RunOrder, RunState

WORD = 'hush "& h/sh'
SPLIT = "print('hu', end=''); sys.stdout.flush(); time.sleep(0.1); print('sh \"& h/sh')"


def run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, fields: str, value: str = WORD, connect: str = ""
) -> tuple[Run, str]:
    """Run a test that has the secret TOKEN; gives its end and all that is kept or shown of it."""
    monkeypatch.setenv("AD_TOKEN", value)
    test = read_catalog(f"tests: {{t: {{{fields}, secrets: {{TOKEN: {{env: AD_TOKEN}}}}}}}}", folder).tests["t"]
    order = RunOrder("k", AD, 1, "pre-rollout", "t", test.definition, TARGET.url, connect)
    ended, log = perform(order, 30)
    return ended, "\n".join(
        [log, ended.reason, ended.log, *(form(ended) for form in (write_json, write_html, write_junit))]
    )


def script(folder: Path, body: str) -> str:
    (folder / "check.py").write_text(f"import os, sys, time\ntoken = os.environ['TOKEN']\n{body}\n")
    return f"kind: command, argv: ['{sys.executable}', '${{folder}}/check.py']"


def test_a_command_finds_its_secret_and_its_log_does_not_tell_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = f"{SPLIT}\nprint(repr(token), file=sys.stderr)\nsys.exit(0 if token == {WORD!r} else 7)"

    ended, told = run(tmp_path, monkeypatch, script(tmp_path, body))

    assert (ended.state, "h/sh" in told, "***" in ended.log) == (RunState.PASSED, False, True)


def test_the_reason_of_a_failing_suite_does_not_tell_its_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test_it.py").write_text("import os\ndef test_a(): assert os.environ['TOKEN'] == 'other'\n")

    ended, told = run(tmp_path, monkeypatch, "kind: pytest, path: test_it.py")

    assert (ended.state, "h/sh" in told, "***" in ended.reason) == (RunState.FAILED, False, True)


def test_a_request_carries_a_secret_and_its_reason_does_not_tell_it(
    ad: AdService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "a" * 50 + " ${secrets.TOKEN}"
    step = f"{{method: POST, body: '{body}', headers: {{K: '${{secrets.TOKEN}}'}}}}"

    ended, told = run(tmp_path, monkeypatch, f"kind: http, requests: [{step}]", connect=ad.address)

    assert (ended.state, "hush" in told, "***" in ended.reason) == (RunState.FAILED, False, True)


def test_a_load_carries_a_secret_in_its_headers() -> None:
    plan = "{rate: 5, requests: [{path: '/${who}', headers: {K: 'Bearer ${secrets.TOKEN}'}}]}"
    test = make_test(f"kind: load, plan: {plan}, parameters: {{who: {{}}}}, secrets: {{TOKEN: {{env: A}}}}")

    job = checks.prepare(test, TARGET, {"who": "${secrets.TOKEN}"}, {"TOKEN": WORD})

    (step,) = json.loads(job.files["plan.json"])["requests"]
    assert step == {"path": "/${secrets.TOKEN}", "headers": {"K": f"Bearer {WORD}"}}
    assert not any("hush" in word for word in job.argv)


def test_a_run_without_its_secret_says_what_is_missing_and_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, _ = run(tmp_path, monkeypatch, "kind: http, requests: [{}]", value="abc")

    reason = "could not be started (secret TOKEN: has 3 characters; 4 to 4096 can be hidden)"
    assert (ended.state, ended.reason) == (RunState.INCONCLUSIVE, reason)


UNREADABLE = [
    (Secret("T", variable="GONE"), "secret T: the variable GONE is not set where tests run"),
    (Secret("T", file="/no/such"), "secret T: the file /no/such cannot be read (No such file or directory)"),
    (Secret("T", file=sys.executable), "it is not text"),
    (Secret("T", variable="LINES"), "secret T: has more than one line"),
    (Secret("T", variable="LONG"), "secret T: has 5000 characters; 4 to 4096 can be hidden"),
]


@pytest.mark.parametrize(("secret", "told"), UNREADABLE)
def test_a_secret_that_cannot_be_used_is_told_by_its_name(secret: Secret, told: str) -> None:
    with pytest.raises(SecretError) as error:
        read_secrets([secret], {"LINES": "one\ntwo", "LONG": "x" * 5000})

    assert told in str(error.value)


def test_a_secret_is_read_from_a_file_beside_the_catalog(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("  12345\n")
    test = make_test("kind: pytest, path: ., secrets: {TOKEN: {file: token}}", tmp_path)

    again = read_definition("t", test.definition)

    assert read_secrets(again.secrets, {}) == {"TOKEN": "12345"}
    assert again.secrets == test.secrets


COMMAND = "kind: command, argv: [ls]"
FAULTS = [
    (f"{COMMAND}, secrets: {{T: {{}}}}", "tests.t.secrets.T: give one of env: VARIABLE, file: PATH, or"),
    (f"{COMMAND}, secrets: {{T: {{env: A, file: b}}}}", "tests.t.secrets.T: give one of"),
    (f"{COMMAND}, secrets: {{T: {{secret: a}}}}", "tests.t.secrets.T: give one of"),
    (f"{COMMAND}, secrets: {{T: {{env: a b}}}}", "tests.t.secrets.T.env: 'a b' is not the name of a variable"),
    (f"{COMMAND}, secrets: {{T: {{value: a}}}}", "tests.t.secrets.T.value: unknown field"),
    (f"{COMMAND}, secrets: {{PENSTOCK_T: {{env: A}}}}", "tests.t.secrets.PENSTOCK_T: a secret's name is that of"),
    (
        f"{COMMAND}, secrets: {{T: {{secret: a, key: k}}}}",
        "secrets.T: the test runs as a child of the runner; give env",
    ),
    (
        f"{COMMAND}, where: job, job: {{image: i}}, secrets: {{T: {{env: A}}}}",
        "secrets.T: the test runs as a Kubernetes Job; give secret: NAME with key: KEY",
    ),
    (
        f"{COMMAND}, where: job, job: {{image: i}}, secrets: {{T: {{secret: A_, key: k}}}}",
        "secrets.T.secret: 'A_', 'k' are not the name of a Kubernetes Secret",
    ),
    ("kind: helm-test, secrets: {T: {env: A}}", "tests.t.secrets: this kind of test takes none there"),
    (
        "kind: command, argv: ['${secrets.T}'], secrets: {T: {env: A}}",
        "tests.t.argv.0: secrets.T: it would show here; the test finds it in the variable T",
    ),
    ("kind: http, requests: [{path: '/${secrets.T}'}]", "requests.0.path: secrets.T: it would show here; use it in"),
    ("kind: http, requests: [{body: {a: '${secrets.T}'}}]", "requests.0.body.a: secrets.T: unknown; known: none"),
]


@pytest.mark.parametrize(("fields", "fault"), FAULTS)
def test_what_is_wrong_with_secrets_is_told(tmp_path: Path, fields: str, fault: str) -> None:
    with pytest.raises(CatalogError) as error:
        make_test(fields, tmp_path)

    assert fault in str(error.value)


IN_THE_SCHEMA = [
    ("secrets: {T: {env: A}, U: {file: b}}", True),
    ("secrets: {T: {secret: a, key: k}}", True),
    ("secrets: {T: {env: A, file: b}}", False),
    ("secrets: {T: {secret: a}}", False),
    ("secrets: {PENSTOCK_T: {env: A}}", False),
]


@pytest.mark.parametrize(("fields", "valid"), IN_THE_SCHEMA)
def test_editors_know_secrets(fields: str, valid: bool) -> None:  # noqa: FBT001 - a row of the table
    schema = json.loads(files("webhooks.catalog").joinpath("catalog.schema.json").read_text())
    document = yaml.safe_load(f"tests: {{t: {{{COMMAND}, {fields}}}}}")

    assert Draft202012Validator(schema).is_valid(document) is valid


FORMS = ["tok&en/1", "tok&amp;en/1", "tok%26en%2F1", "tok%26en/1", "dG9rJmVuLzE="]


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_hidden_in_every_form_it_may_take(form: str) -> None:
    assert Mask(["tok&en/1"]).hide(f"a {form} b") in {"a *** b", "a ***= b"}


def test_a_number_that_is_secret_leaves_the_numbers_of_a_report() -> None:
    report = json.dumps({"count": 12345, "names": {"GET 12345": ["12345"]}})

    assert json.loads(Mask(["12345"]).hide_json(report)) == {"count": 12345, "names": {"GET ***": ["***"]}}


PIECES = st.lists(st.sampled_from(["a", "b", "ab", "abab", "aba", "x", "abc", "é"]), max_size=12)


@given(PIECES, st.lists(st.sampled_from(["abab", "ababc", "babx", "abéa"]), max_size=3))
def test_pieces_are_hidden_as_the_whole_is(pieces: list[str], secrets: list[str]) -> None:
    mask = Mask(secrets)
    stream = MaskedStream(mask)

    told = b"".join(stream.feed(piece.encode()) for piece in pieces) + stream.finish()

    assert told == mask.hide_bytes("".join(pieces).encode())


IN_A_JOB = "where: job, job: {image: ours:1}, secrets: {TOKEN: {secret: ad-keys, key: token}}"


def test_a_kubernetes_job_gets_a_secret_by_its_name_alone() -> None:
    job = checks.prepare(make_test(f"{COMMAND}, {IN_A_JOB}"), TARGET, NOTHING)

    manifest = write_manifest(json.loads(job.stdin), "run-1")

    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    reference = {"secretKeyRef": {"name": "ad-keys", "key": "token"}}
    assert container["env"][-1] == {"name": "TOKEN", "valueFrom": reference}
    assert job.secrets == {}


def test_our_image_hides_the_secrets_of_its_job_in_log_and_files(tmp_path: Path) -> None:
    junit = "<testsuite><testcase name='hush-hush'/></testsuite>"
    fields = f'kind: command, argv: [sh, -c, "echo $TOKEN; echo \\"{junit}\\" > junit.xml"], {IN_A_JOB}'
    order = json.dumps(json.loads(checks.prepare(make_test(fields, tmp_path), TARGET, NOTHING).stdin)["inside"])
    environ = {**os.environ, ORDER_VARIABLE: order, "PYTHONPATH": str(ROOT), "TOKEN": "hush-hush"}

    asked = [sys.executable, "-m", "webhooks.checks.inside"]
    done = subprocess.run(asked, env=environ, text=True, capture_output=True, check=True, timeout=60)

    assert ("hush" in done.stdout, done.stdout.count("***")) == (False, 2)
