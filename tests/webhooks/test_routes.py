"""What is answered over HTTP, status by status."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.webhooks.bench import CATALOG, Bench
from webhooks import wsgi
from webhooks.app import compose, create_app
from webhooks.errors import StoreError
from webhooks.hooks import HookService
from webhooks.protocol import HookType
from webhooks.settings import Settings
from webhooks.store.memory import MemoryStore

PAYLOAD = {"name": "ad", "namespace": "weather", "phase": "Progressing", "checksum": "r2"}


@pytest.fixture
def client(bench: Bench) -> Iterator[FlaskClient]:
    with compose(bench.service, Settings()).test_client() as made:
        yield made


@pytest.mark.parametrize("hook", [hook.value for hook in HookType])
def test_every_hook_has_a_path(client: FlaskClient, hook: str) -> None:
    answer = client.post(f"/hooks/{hook}", json=PAYLOAD)

    assert answer.status_code in {200, 403, 422}
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.text.strip()


def test_an_unknown_hook_is_a_404_that_lists_the_known(client: FlaskClient) -> None:
    answer = client.post("/hooks/pre-rolout", json=PAYLOAD)

    assert answer.status_code == 404
    assert "pre-rollout" in answer.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_a_hook_is_posted(client: FlaskClient, method: str) -> None:
    answer = client.open("/hooks/event", method=method)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


BAD_BODIES = [
    (b"", "body: not JSON"),
    (b"{}trailing", "body: not JSON"),
    (b"[]", "body: a JSON list"),
    (b"null", "name: '' is not the name of a Kubernetes object"),
    (b'{"name": 7}', "name: 7 is not a string"),
    (b'{"metadata": {"a": 1}}', "metadata.a: 1 is not a string"),
    (b'{"name": "\\ud800", "namespace": "weather"}', "body: has half of a surrogate pair"),
    (b"\xff", "body: not JSON"),
    (b"[" * 100_000, "body: "),
]


@pytest.mark.parametrize(("body", "text"), BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_a_body_that_is_no_payload_is_a_400_that_says_why(client: FlaskClient, body: bytes, text: str) -> None:
    answer = client.post("/hooks/pre-rollout", data=body)

    assert answer.status_code == 400
    assert answer.text.startswith(text)


def test_a_body_that_is_too_long_is_a_413(client: FlaskClient) -> None:
    answer = client.post("/hooks/event", data=b"x" * (1024 * 1024 + 1))

    assert (answer.status_code, answer.text) == (413, "body: too long; at most 1048576 bytes are read\n")


def test_health_is_ok_by_any_method(client: FlaskClient) -> None:
    assert [client.open("/healthz", method=method).status_code for method in ("GET", "POST", "DELETE")] == [200] * 3


def test_a_place_that_is_not_there_is_a_404(client: FlaskClient) -> None:
    assert client.get("/elsewhere").status_code == 404


@pytest.mark.parametrize("error", [StoreError("disk full"), RuntimeError("a fault of ours")])
def test_trouble_of_our_own_asks_to_be_asked_again(
    bench: Bench, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    class BrokenStore(MemoryStore):
        def __init__(self) -> None:
            super().__init__()
            self.epochs = self  # type: ignore[assignment] # a store that fails at the first question

        def latest(self, _: object) -> None:
            raise error

    broken = HookService(BrokenStore(), bench.service.catalog, bench.runs, Settings())
    answer = compose(broken, Settings()).test_client().post("/hooks/rollback", json=PAYLOAD)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert str(error) not in answer.text
    assert str(error) in caplog.text


def loadtester(client: FlaskClient, path: str, body: object = PAYLOAD) -> tuple[int, str]:
    answer = client.post(path, data=body if isinstance(body, bytes) else json.dumps(body))
    return answer.status_code, answer.text


def test_the_loadtesters_gate_opens_and_closes(client: FlaskClient) -> None:
    steps = ["check", "open", "check", "close", "check"]

    assert [loadtester(client, f"/gate/{step}") for step in steps] == [
        (403, "Forbidden"),
        (202, ""),
        (200, "Approved"),
        (202, ""),
        (403, "Forbidden"),
    ]


def test_the_loadtesters_rollback_gate_is_another_one(client: FlaskClient) -> None:
    loadtester(client, "/rollback/open")

    assert loadtester(client, "/rollback/check") == (200, "Approved")
    assert loadtester(client, "/gate/check") == (403, "Forbidden")


def test_a_gate_of_one_canary_is_not_anothers(client: FlaskClient) -> None:
    loadtester(client, "/gate/open")

    others = [PAYLOAD | {"name": "shop"}, PAYLOAD | {"namespace": "prod"}]
    assert [loadtester(client, "/gate/check", other)[0] for other in others] == [403, 403]


def test_the_loadtesters_fixed_gates_answer_any_method_and_body(client: FlaskClient) -> None:
    assert loadtester(client, "/gate/approve", b"") == (200, "OK")
    assert loadtester(client, "/gate/halt", b"") == (403, "Forbidden")
    assert client.get("/gate/approve").status_code == 200


@pytest.mark.parametrize("body", [b"", b"{} {}", b'{"metadata": {"a": 1}}', b'{"name": "\\udc00"}'])
@pytest.mark.parametrize("path", ["/gate/check", "/gate/open", "/rollback/close"])
def test_the_loadtester_answers_a_bad_body_with_an_empty_400(client: FlaskClient, path: str, body: bytes) -> None:
    answer = client.post(path, data=body)

    assert (answer.status_code, answer.data, answer.content_type) == (400, b"", None)


def test_the_loadtester_takes_null_and_keys_in_any_case(client: FlaskClient) -> None:
    loadtester(client, "/gate/open", {"NAME": "ad", "Namespace": "weather", "other": 1})

    assert loadtester(client, "/gate/check", b"null") == (403, "Forbidden")
    assert loadtester(client, "/gate/check") == (200, "Approved")


def decide(client: FlaskClient, verb: str, body: bytes = b"", gate: str = "promotion") -> tuple[int, dict[str, object]]:
    answer = client.post(f"/api/v1/gates/weather/ad/{gate}/{verb}", data=body)
    return answer.status_code, json.loads(answer.data)


def test_a_gate_is_approved_for_the_release_under_way(client: FlaskClient) -> None:
    client.post("/hooks/confirm-promotion", json=PAYLOAD | {"metadata": {"gate": "promotion"}})

    status, gate = decide(client, "approve", b'{"who": "ann", "why": "looks good"}')

    assert (status, gate["state"], gate["who"], gate["why"], gate["checksum"]) == (
        200,
        "open",
        "ann",
        "looks good",
        "r2",
    )
    assert client.get("/api/v1/gates").json == {"gates": [gate], "next": None}


def test_a_gate_is_halted(client: FlaskClient) -> None:
    client.post("/hooks/confirm-promotion", json=PAYLOAD)

    assert decide(client, "halt")[1]["state"] == "closed"


def test_an_approval_without_a_release_is_a_conflict_that_says_what_to_do(client: FlaskClient) -> None:
    status, problem = decide(client, "approve")

    assert (status, problem["status"]) == (409, 409)
    assert "penstock gate open ad.weather" in str(problem["detail"])


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"who": 7}', b'{"why": "a\\nb"}', b'{"who": "\\ud800"}'])
def test_a_decision_that_cannot_be_read_is_a_problem(client: FlaskClient, body: bytes) -> None:
    client.post("/hooks/confirm-promotion", json=PAYLOAD)

    status, problem = decide(client, "approve", body)

    assert (status, problem["type"]) == (400, "about:blank")


def test_an_unknown_decision_is_a_problem(client: FlaskClient) -> None:
    assert decide(client, "explode")[0] == 404


def test_the_app_is_made_from_settings_and_keeps_its_gates(tmp_path: Path) -> None:
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    made = Settings(data_dir=tmp_path / "data", catalog=tmp_path / "catalog.yaml")
    loadtester(create_app(made).test_client(), "/gate/open")

    assert loadtester(create_app(made).test_client(), "/gate/check") == (200, "Approved")


def test_the_app_for_another_server_is_made_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_DATA_DIR", str(tmp_path / "data"))

    assert wsgi.make_app().test_client().get("/healthz").text == "OK"


def test_parts_add_routes_of_their_own(bench: Bench) -> None:
    def part(app: Flask, service: HookService) -> None:
        app.add_url_rule("/part", "part", lambda: str(len(service.gates.select())))

    assert compose(bench.service, Settings(), [part]).test_client().get("/part").text == "0"


BODIES = st.binary(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "namespace", "metadata", "test", "gate", "wait", "x"]), inner, max_size=5
        )
    ),
    max_leaves=8,
).map(lambda document: json.dumps(document).encode())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(hook=st.sampled_from(list(HookType)), body=BODIES)
def test_no_body_makes_trouble(client: FlaskClient, hook: HookType, body: bytes) -> None:
    answer = client.post(f"/hooks/{hook.value}", data=body)

    assert answer.status_code in {200, 400, 403, 422}
