"""Tests that run a program: commands without a shell, and helm."""

import json
import stat
from pathlib import Path

import pytest

from tests.webhooks.performing import make_test, perform
from webhooks import checks
from webhooks.checks import tool_output
from webhooks.checks.job import CheckResult, Ended, Outcome
from webhooks.checks.junit import Case, count
from webhooks.errors import CatalogError

JUNIT = '<testsuite><testcase name="a"/><testcase name="price"><failure message="7 is not 9"/></testcase></testsuite>'
PASSED = '<testsuite><testcase name="a"/><testcase name="b"><skipped/></testcase></testsuite>'


def script(folder: Path, body: str, name: str = "check") -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def run_script(folder: Path, body: str, fields: str = "", **environ: str) -> tuple[CheckResult, str]:
    script(folder, body)
    return perform(make_test(f"kind: command, argv: ['${{folder}}/check']{fields}", folder), environ=environ)


ENDS = [
    ("true", Outcome.PASSED, "exit status 0"),
    ("echo sad >&2; exit 3", Outcome.FAILED, "exit status 3: sad"),
    ("kill -9 $$", Outcome.FAILED, "signal: killed"),
    ("kill -10 $$", Outcome.FAILED, "signal: SIGUSR1"),
    (f"echo '{JUNIT}' > junit.xml", Outcome.FAILED, "1 of 2 failed: price: 7 is not 9"),
    (f"echo '{JUNIT}' > junit.xml; exit 1", Outcome.FAILED, "1 of 2 failed: price: 7 is not 9"),
    (f"echo '{PASSED}' > junit.xml", Outcome.PASSED, "1 tests passed, 1 skipped"),
    ("echo junk > junit.xml", Outcome.PASSED, "exit status 0"),
]


@pytest.mark.parametrize(("body", "outcome", "reason"), ENDS)
def test_a_command_is_judged_by_its_end_and_its_junit(tmp_path: Path, body: str, outcome: Outcome, reason: str) -> None:
    assert run_script(tmp_path, body)[0] == CheckResult(outcome, reason)


def test_a_junit_file_may_have_another_name(tmp_path: Path) -> None:
    result, _ = run_script(tmp_path, f"echo '{JUNIT}' > report.xml", ", junit: report.xml")

    assert result.reason == "1 of 2 failed: price: 7 is not 9"


def test_a_command_finds_its_target_its_parameters_and_what_is_passed_on(tmp_path: Path) -> None:
    script(tmp_path, 'echo "$1 $PENSTOCK_TARGET $PENSTOCK_CANARY.$PENSTOCK_NAMESPACE $PENSTOCK_PARAM_CITY $GREETING"')
    fields = "argv: ['${folder}/check', '--city=${city}'], environment: {GREETING: 'hi ${city}'}, passOn: [REGION]"

    test = make_test(f"kind: command, {fields}, parameters: {{city: {{}}}}", tmp_path)
    _, output = perform(test, {"city": "b; $(id)"})

    assert output == "--city=b; $(id) http://127.0.0.1:9 ad.weather b; $(id) hi b; $(id)\n"


def test_a_command_sees_no_variable_of_the_service_but_those_passed_on(tmp_path: Path) -> None:
    _, output = run_script(tmp_path, "env", ", passOn: [REGION]", REGION="north", HIDDEN="x", PENSTOCK_TOKENS="y")

    assert "REGION=north" in output
    assert "HIDDEN" not in output
    assert "PENSTOCK_TOKENS" not in output


def test_a_star_passes_on_all_but_what_is_ours(tmp_path: Path) -> None:
    _, output = run_script(tmp_path, "env", ", passOn: ['*']", HOME="/home/app", HIDDEN="x", PENSTOCK_TOKENS="y")

    assert "HIDDEN=x" in output
    assert "HOME=/home/app" in output
    assert "PENSTOCK_TOKENS" not in output


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='exec: "no-such": executable file not found'):
        perform(make_test("kind: command, argv: [no-such]", tmp_path))


def test_the_output_is_logged_when_asked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "penstock.commands"):
        run_script(tmp_path, "echo loud", ", logOutput: true")

    assert "output of t: loud" in caplog.text


FAULTS = [
    ("kind: command", "tests.t.argv: missing"),
    ("kind: command, argv: ls -l", "tests.t.argv: 'ls -l' is a text; give a list, no shell takes it apart"),
    ("kind: command, argv: [sh, -c, 'echo ${who}']", "a shell would run what a parameter says"),
    ("kind: command, argv: [ls], junit: ../x.xml", "tests.t.junit: '../x.xml' is not the name of a file"),
    ("kind: command, argv: [ls], environment: {PENSTOCK_RUN: x}", "tests.t.environment: 'PENSTOCK_RUN' is not"),
    ("kind: command, argv: [ls], passOn: ['a b']", "tests.t.passOn: 'a b' is not a variable"),
    ("kind: command, argv: [ls], logOutput: perhaps", "tests.t.logOutput: 'perhaps' is neither true nor false"),
    ("kind: command, argv: [ls], every: day", "tests.t.every: 'day' is unknown; known: step, call, epoch"),
    ("kind: command, argv: [ls], onFailure: panic", "tests.t.onFailure: 'panic' is unknown; known: hold, rollback"),
    ("kind: command, argv: [ls], namespaces: ['A!']", "tests.t.namespaces: 'A!' is not a namespace or a pattern"),
    ("kind: command, argv: [ls], where: job", "tests.t.job.image: missing; a Kubernetes Job needs an image"),
    ("kind: command, argv: [ls], job: {image: '-x'}", "tests.t.job.image: '-x' is not the name of an image"),
    ("kind: command, argv: [ls], job: {namespace: A}", "tests.t.job.namespace: 'A' is not a namespace"),
    ("kind: helm-test, release: --debug", "tests.t.release: '--debug' is not a name"),
    ("kind: helm-test, filter: --x", "tests.t.filter: '--x' begins with '-'"),
    ("kind: helm-test, where: job, job: {image: i}", "tests.t.where: a test of kind helm-test has its own place"),
    ("kind: kubernetes-job", "tests.t.job.image: missing"),
]


@pytest.mark.parametrize(("fields", "fault"), FAULTS)
def test_what_is_wrong_with_a_program_is_told(tmp_path: Path, fields: str, fault: str) -> None:
    with pytest.raises(CatalogError) as error:
        make_test(fields, tmp_path)

    assert fault in str(error.value)


def helm(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> CheckResult:
    script(folder, body, "helm")
    path = f"{folder}:/usr/bin:/bin"
    monkeypatch.setenv("PATH", path)
    test = make_test("kind: helm-test, release: '{name}-chart', filter: name=smoke, timeout: 40s", folder)
    return perform(test, environ={"PATH": path, "KUBECONFIG": "k"})[0]


def test_helm_is_asked_for_the_release_of_the_canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = "test ad-chart --namespace weather --timeout 40s --logs --filter name=smoke with k"

    result = helm(tmp_path, f'[ "$* with $KUBECONFIG" = "{wanted}" ]', monkeypatch)

    assert result == CheckResult(Outcome.PASSED, "every test of the release passed")


def test_a_failing_helm_test_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = helm(tmp_path, "echo 'Error: pod smoke failed' >&2; exit 1", monkeypatch)

    assert result == CheckResult(Outcome.FAILED, "exit status 1: Error: pod smoke failed")


SUITES = """TEST SUITE:     ad-smoke
Last Started:   Mon Nov 23 04:00:00 2026
Last Completed: Mon Nov 23 04:00:05 2026
Phase:          Succeeded
TEST SUITE:     ad-price
Last Started:   Mon Nov 23 04:00:05 2026
Last Completed: Mon Nov 23 04:00:09 2026
Phase:          Failed
"""
HELM_ENDS = [
    (SUITES, 1, Outcome.FAILED, "1 of 2 failed: ad-price; exit status 1: Phase:          Failed"),
    (SUITES.replace("Failed", "Succeeded"), 0, Outcome.PASSED, "2 tests passed"),
    ("TEST SUITE: None\n", 0, Outcome.FAILED, "the release has no test"),
]


@pytest.mark.parametrize(("output", "status", "outcome", "reason"), HELM_ENDS)
def test_helm_tests_are_told_by_name(output: str, status: int, outcome: Outcome, reason: str) -> None:
    result = checks.read(make_test("kind: helm-test"), Ended(status, output, "", Path()))

    assert result == CheckResult(outcome, reason)


def test_a_suite_leaves_a_report_of_its_tests_by_name(tmp_path: Path) -> None:
    result, _ = run_script(tmp_path, f"echo '{JUNIT}' > junit.xml; exit 1")

    report = json.loads(result.report)
    assert [report[name] for name in ("tests", "failed", "skipped")] == [2, 1, 0]
    assert [(case["name"], case["outcome"]) for case in report["cases"]] == [("price", "failed"), ("a", "passed")]


@pytest.mark.parametrize(("time", "seconds"), [("1.5", 1.5), ("inf", 0.0), ("soon", 0.0)])
def test_the_time_of_a_test_is_a_number(tmp_path: Path, time: str, seconds: float) -> None:
    (tmp_path / "junit.xml").write_text(f'<testsuite><testcase name="a" time="{time}"/></testsuite>')

    assert count(tmp_path / "junit.xml").cases == (Case("a", seconds=seconds),)


LEFT = ["ln -s /etc/passwd junit.xml", "mkfifo junit.xml", "mkdir junit.xml"]


@pytest.mark.parametrize("left", LEFT)
def test_what_a_command_left_in_place_of_its_junit_is_passed_over(tmp_path: Path, left: str) -> None:
    assert run_script(tmp_path, left)[0] == CheckResult(Outcome.PASSED, "exit status 0")


HEY = "Status code distribution:\n"
OUTPUTS = [
    ("hey -z 1m http://ad", HEY + "  [200]\t10 responses\n  [500]\t990 responses\n", ""),
    ("hey -z 1m http://ad", HEY + "  [503]\t10 responses\n", "the load met errors alone: 10 responses with status 503"),
    (
        "/usr/bin/hey http://ad",
        HEY + '\nError distribution:\n  [4]\tGet "http://ad": refused\n',
        'the load met errors alone: Get "http://ad": refused',
    ),
    ("hey http://ad", HEY, "the load made no request"),
    ("hey -o csv http://ad", "response-time,DNS+dialup\n", ""),
    ("wrk -d1s http://ad", "  152 requests in 1.00s\n  Non-2xx or 3xx responses: 152\n", "152 of 152 responses were"),
    ("wrk -d1s http://ad", "  152 requests in 1.00s\n  Non-2xx or 3xx responses: 3\n", ""),
    ("wrk -d1s http://ad", "  0 requests in 1.00s\n", "the load got no response"),
    ("wrk -d1s http://ad", "unable to connect\n", ""),
    ("they http://ad", HEY, ""),
]


@pytest.mark.parametrize(("command", "output", "fault"), OUTPUTS)
def test_a_load_that_met_errors_alone_is_found_out(command: str, output: str, fault: str) -> None:
    found = tool_output.find_fault(command, output)

    assert (bool(found), fault in found) == (bool(fault), True)
