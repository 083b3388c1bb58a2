"""What the agent sends: who it must be, which templates are ours, and what is said of those that are wrong."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plugin.agent import PATH, TOKEN
from tests.plugin.counter import GATE, WORKFLOW, Counter
from webhooks.catalog import read_definition
from webhooks.checks.secrets import read_secrets
from webhooks.settings import AuthMode, Settings
from workflows.cli import main
from workflows.plugin.token import read_token

LOAD = {"kind": "load", "target": "http://ad-canary.weather", "plan": {"rate": 10, "duration": "5s"}}


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer another", f"Basic {TOKEN}", TOKEN, "Bearer \u00e9"])
def test_who_has_not_the_token_is_refused(counter: Counter, header: str) -> None:
    answer = counter.client.post(PATH, json={}, headers={"Authorization": header})

    assert (answer.status_code, counter.runs) == (403, [])


def test_the_token_is_all_the_agent_needs_where_people_need_one_too(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("")
    counter = Counter(tmp_path, Settings(data_dir=tmp_path, auth=AuthMode.TOKENS, tokens=tokens))

    assert counter.ask()["node"]["phase"] == "Pending"


@pytest.mark.parametrize("plugin", [{"hello": {}}, {}])
def test_a_template_of_another_plugin_is_left_to_it(counter: Counter, plugin: dict[str, Any]) -> None:
    # A status of 404 would end the plugin for as long as the agent lives.
    assert counter.send({"workflow": {"metadata": WORKFLOW}, "template": {"plugin": plugin}}) == {}


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (b"", "the call is not JSON"),
        (b"\xff", "the call is not JSON"),
        (b"[" * 100_000, "the call is not JSON"),
        ([], "the call: '[]' is not an object"),
        ({}, "template: 'None' is not an object"),
        ({"template": {}}, "template.plugin: 'None' is not an object"),
        ({"template": {"plugin": {"penstock": GATE}}}, "workflow: 'None' is not an object"),
    ],
)
def test_a_call_that_is_none_is_an_error_in_one_line(counter: Counter, call: object, told: str) -> None:
    reply = counter.send(call)

    assert reply["node"]["phase"] == "Error"
    assert reply["node"]["message"].startswith(told)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("gate", "plugin.penstock: 'gate' is not an object"),
        ({}, "plugin.penstock: name one of stage and test"),
        ({**GATE, "test": LOAD}, "plugin.penstock: name one of stage and test"),
        ({**GATE, "colour": "blue"}, "plugin.penstock.colour: unknown; known: canary, deadline, "),
        ({**GATE, "opId": ""}, 'plugin.penstock.opId: missing; write opId: "{{node.name}}"'),
        ({**GATE, "opId": ["a"]}, "plugin.penstock.opId: \"['a']\" is not a text"),
        ({**GATE, "stage": "gates"}, "plugin.penstock.stage: unknown 'gates'; known: acquire, "),
        ({**GATE, "value": "--kubeconfig=x"}, "plugin.penstock.value: '--kubeconfig=x' is not a weight"),
        ({**GATE, "value": "40; reboot"}, "plugin.penstock.value: '40; reboot' is not a weight"),
        ({**GATE, "value": True}, "plugin.penstock.value: 'True' is not a text"),
        ({**GATE, "canary": ""}, "plugin.penstock.canary: '' is not the name of an object"),
        ({**GATE, "canary": "ad\nx"}, "plugin.penstock.canary: 'ad\\nx' is not one line"),
        ({**GATE, "prometheus": "http://\ud800"}, "plugin.penstock.prometheus: 'http://\\ud800' is not one line"),
        ({**GATE, "judge": "x" * 2000}, "plugin.penstock.judge: "),
        ({**GATE, "opId": "{{node.name}}"}, "plugin.penstock.opId: '{{node.name}}' names no node; write"),
        ({**GATE, "canary": "{{workflow.uid}}"}, "plugin.penstock.canary: '{{workflow.uid}}' is not the name"),
        ({**GATE, "namespace": "$(x)"}, "plugin.penstock.namespace: '$(x)' is not the name of an object"),
        ({**GATE, "deadline": "soon"}, "plugin.penstock.deadline: 'soon' is not a duration"),
        ({**GATE, "deadline": "10ms"}, "plugin.penstock.deadline: 10ms is less than a second"),
        ({"opId": "a", "test": "load"}, "plugin.penstock: tests.test"),
        ({"opId": "a", "test": {"kind": "load"}}, "plugin.penstock: tests.test.plan"),
        ({"opId": "a", "test": {**LOAD, "timeout": "5s"}}, "plugin.penstock.test.timeout: stands beside test"),
        (
            {"opId": "a", "test": {"kind": "command", "argv": ["reboot"]}},
            "plugin.penstock.test: only kinds http and load",
        ),
        ({"opId": "a", "test": {k: v for k, v in LOAD.items() if k != "target"}}, "plugin.penstock.canary: ''"),
    ],
)
def test_a_template_that_is_wrong_is_an_error_in_one_line_and_starts_nothing(
    counter: Counter, body: object, told: str
) -> None:
    said = counter.fault(body)

    assert said.startswith(told)
    assert "\n" not in said


@pytest.mark.parametrize("place", ["name", "namespace", "uid"])
@pytest.mark.parametrize("name", ["", "a/b", "--owner", "a b", 'a"b'])
def test_a_workflow_that_cannot_be_is_an_error(counter: Counter, place: str, name: str) -> None:
    said = counter.fault(workflow={"metadata": {**WORKFLOW, place: name}})

    assert said == f"workflow.metadata.{place}: {name!r} is not one of Kubernetes"


def test_a_stage_gets_the_options_that_a_pod_would_give_it(counter: Counter) -> None:
    counter.ask({**GATE, "stage": "set-weight", "value": 40, "lease": "2m", "onConflict": "wait", "wait": ""})

    definition = counter.runs[0].order.definition
    for word in ('"set-weight", "40"', "--canary=ad", "--namespace=weather", "--owner=argo/6f1d2c9a", "--lease=2m"):
        assert word in definition
    assert '"--on-conflict=wait"' in definition
    assert '"--context=here"' in definition
    assert "--wait" not in definition


def test_a_stage_gets_the_token_by_which_it_reports(counter: Counter) -> None:
    counter.ask()

    order = counter.runs[0].order
    test = read_definition(order.test, order.definition)

    assert read_secrets(test.secrets, {"PENSTOCK_TOKEN": "of-a-team"}) == {"PENSTOCK_TOKEN": "of-a-team"}
    assert "of-a-team" not in order.definition


def test_a_load_goes_to_the_canary_unless_it_says_otherwise(counter: Counter) -> None:
    load = {**LOAD, "target": "http://{name}-canary.{namespace}:{port}", "port": 3003}

    counter.ask({"opId": "a", "test": load, "canary": "ad"})

    assert counter.runs[0].order.target == "http://ad-canary.weather:3003"


@pytest.mark.parametrize(("content", "told"), [(None, "No such file"), (b"\n", "is empty"), (b"\xff", "is not text")])
def test_a_plugin_without_a_token_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, told: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)

    assert main(["serve", "--argo-plugin", f"--argo-token={file}", f"--data-dir={tmp_path / 'data'}"]) == 78

    assert told in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


FUZZED = Counter(Path("/nowhere"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(["opId", "stage", "value", "canary", "namespace", "deadline", "test", "lease", "kind", "plan"])


@given(body=st.dictionaries(FIELDS, VALUES, max_size=8))
@settings(max_examples=60, deadline=None)
def test_whatever_a_template_says_is_answered(body: dict[str, Any]) -> None:
    reply = FUZZED.ask(body)

    assert reply["node"]["phase"] in {"Error", "Pending"}


@given(call=st.dictionaries(st.sampled_from(["workflow", "template", "metadata", "plugin"]), VALUES))
@settings(max_examples=60, deadline=None)
def test_whatever_is_sent_is_answered(call: dict[str, Any]) -> None:
    assert FUZZED.send(call)["node"]["phase"] == "Error"


def test_the_token_is_read_without_the_end_of_its_line(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f" {TOKEN}\n")

    assert read_token(file) == TOKEN
