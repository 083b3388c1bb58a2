"""Who may see and change things over the HTTP API, and by which token."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.webhooks.bench import Bench
from tests.webhooks.cluster import Cluster
from webhooks.access import Need, Scope, TokenFile, make_token
from webhooks.access.tokens import read_scopes
from webhooks.app import compose
from webhooks.cli.token import main
from webhooks.errors import SettingsError
from webhooks.settings import AuthMode, Settings

PAYLOAD = {"name": "ad", "namespace": "weather", "phase": "Progressing", "checksum": "r2"}
APPROVE = "/api/v1/gates/weather/ad/confirm-promotion/approve"
KUBECONFIG = "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"  # read from the environment at import
EVERYWHERE = "0.0.0.0"  # noqa: S104 - nobody listens

Open = Callable[..., FlaskClient]
Secured = Callable[..., tuple[FlaskClient, str]]


@pytest.fixture
def opened(bench: Bench) -> Open:
    def make(**settings: object) -> FlaskClient:
        client = compose(bench.service, Settings(**settings)).test_client()  # type: ignore[arg-type] # as the test says
        client.post("/hooks/confirm-promotion", json=PAYLOAD)
        return client

    return make


@pytest.fixture
def tokens(tmp_path: Path) -> Callable[..., str]:
    def make(name: str, scopes: str, until: str = "") -> str:
        token, line = make_token(name, read_scopes(scopes), until)
        with (tmp_path / "tokens").open("a") as file:
            file.write(line + "\n")
        return token

    return make


@pytest.fixture
def secured(opened: Open, tokens: Callable[..., str], tmp_path: Path) -> Secured:
    """Open a service that wants tokens, and give it with a token of a scope."""

    def make(scope: str = "admin") -> tuple[FlaskClient, str]:
        token = tokens("ann", scope)
        return opened(auth=AuthMode.TOKENS, tokens=tmp_path / "tokens"), token

    return make


def approve(client: FlaskClient, token: str = "", **headers: str) -> int:
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    return client.post(APPROVE, headers=bearer | headers).status_code


def test_on_loopback_everybody_may_approve(opened: Open) -> None:
    assert approve(opened()) == 200


def test_a_page_of_another_site_may_not_approve(opened: Open) -> None:
    client = opened()

    assert approve(client, Origin="http://elsewhere.test") == 403
    assert approve(client, Origin="http://localhost") == 200


def test_elsewhere_a_stranger_may_look_but_not_approve(opened: Open) -> None:
    client = opened(host=EVERYWHERE)
    refused = client.post(APPROVE)

    assert (client.get("/api/v1/gates").status_code, refused.status_code) == (200, 403)
    assert "start the service with --tokens FILE" in json.loads(refused.data)["detail"]


@pytest.mark.parametrize("path", ["/gate/open", "/gate/close", "/rollback/open", "/rollback/close"])
def test_elsewhere_a_stranger_may_not_switch_the_loadtesters_gates(opened: Open, path: str) -> None:
    assert opened(host=EVERYWHERE).post(path, json=PAYLOAD).status_code == 403


def test_open_means_everybody(opened: Open) -> None:
    assert approve(opened(host=EVERYWHERE, auth=AuthMode.OPEN)) == 200


@pytest.mark.parametrize("path", ["/healthz", "/hooks/rollback", "/gate/check"])
def test_hooks_and_health_need_no_token(secured: Secured, path: str) -> None:
    assert secured()[0].post(path, json=PAYLOAD).status_code != 401


SCOPES = [
    ("read", "GET /api/v1/gates", 200),
    ("read", f"POST {APPROVE}", 403),
    ("run", f"POST {APPROVE}", 403),
    ("approve", "GET /api/v1/gates", 200),
    ("approve", f"POST {APPROVE}", 200),
    ("admin", f"POST {APPROVE}", 200),
    ("approve", "POST /api/v1/elsewhere", 403),
    ("approve", "POST /gate/open", 202),
    ("read", "POST /gate/open", 403),
    ("approve", "POST /api/v1/runs/x/cancel", 403),
]


@pytest.mark.parametrize(("scope", "call", "status"), SCOPES)
def test_a_token_is_good_for_its_scopes(secured: Secured, scope: str, call: str, status: int) -> None:
    client, token = secured(scope)
    method, path = call.split()
    body = {} if path == APPROVE else PAYLOAD

    answer = client.open(path, method=method, json=body, headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == status


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer ", "Bearer pst_wrong", "Bearer \udcff"])
def test_without_a_good_token_the_answer_is_401(secured: Secured, header: str) -> None:
    answer = secured()[0].get("/api/v1/gates", environ_base={"HTTP_AUTHORIZATION": header})

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_two_tokens_of_one_name_are_good_at_the_same_time(tokens: Callable[..., str], tmp_path: Path) -> None:
    pair = [tokens("ann", "run"), tokens("ann", "approve")]
    file = TokenFile(tmp_path / "tokens", time.time)

    admitted = [file.admit(token, Need(Scope.APPROVE)) for token in pair]

    assert [(one.caller, one.allowed) for one in admitted if one] == [("ann", False), ("ann", True)]


def test_a_token_ends_on_its_day(tokens: Callable[..., str], tmp_path: Path) -> None:
    token = tokens("ann", "read", "2030-01-01")
    days = iter([1_893_455_999.0, 1_893_456_000.0])
    file = TokenFile(tmp_path / "tokens", lambda: next(days))

    assert [file.admit(token, Need(Scope.READ)) is not None for _ in range(2)] == [True, False]


def test_a_token_that_is_taken_out_is_good_no_longer(tokens: Callable[..., str], tmp_path: Path) -> None:
    token = tokens("ann", "read")
    file = TokenFile(tmp_path / "tokens", time.time)
    (tmp_path / "tokens").write_text("# nobody\n\n")

    assert file.admit(token, Need(Scope.READ)) is None


def test_a_faulty_new_version_is_refused(
    tokens: Callable[..., str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token = tokens("ann", "read")
    file = TokenFile(tmp_path / "tokens", time.time)
    (tmp_path / "tokens").write_text("rubbish\n")

    assert file.admit(token, Need(Scope.READ)) is not None
    assert "line 1: not NAME SCOPES SALT DIGEST" in caplog.text


def test_tokens_that_are_gone_stay_as_they_were(tokens: Callable[..., str], tmp_path: Path) -> None:
    token = tokens("ann", "read")
    file = TokenFile(tmp_path / "tokens", time.time)
    (tmp_path / "tokens").unlink()

    assert file.admit(token, Need(Scope.READ)) is not None


@pytest.mark.parametrize(
    "text", ["rubbish", f"ann write {'0' * 32} {'0' * 64}", f"ann read {'0' * 32} {'0' * 64} soon"]
)
def test_a_faulty_file_is_told_with_its_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokens").write_text(f"# tokens\n{text}\n")

    with pytest.raises(SettingsError, match=r"tokens: .*tokens: line 2: "):
        TokenFile(tmp_path / "tokens", time.time)


def test_the_command_makes_a_token_that_only_its_hash_is_kept_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tokens"
    status = main(["ann", "--scopes", "read,approve", "--file", str(file), "--until", "2100-01-01"])
    token = capsys.readouterr().out.strip()
    admission = TokenFile(file, time.time).admit(token, Need(Scope.APPROVE))

    assert (status, file.stat().st_mode & 0o777, admission and admission.allowed) == (0, 0o600, True)
    assert token not in file.read_text()


def test_the_command_shows_the_line_when_there_is_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["ann"])
    shown = capsys.readouterr()

    assert (status, shown.err.split()[:2], shown.out[:4]) == (0, ["ann", "read"], "pst_")


BAD_ORDERS = [["an n"], ["ann", "--scopes", "write"], ["ann", "--scopes", ","], ["ann", "--until", "soon"]]


@pytest.mark.parametrize("order", [*BAD_ORDERS, ["ann", "--file", "/proc/nothing/tokens"]])
def test_a_bad_order_is_one_clear_line(order: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(order) == 78
    assert capsys.readouterr().err.startswith("penstock token: ")


def test_a_token_that_is_good_for_nothing_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    today = time.strftime("%Y-%m-%d", time.gmtime())

    codes = [main(["ann", "--file", str(tmp_path / "tokens"), "--until", day]) for day in ("2020-01-01", today)]

    assert (codes, list(tmp_path.iterdir())) == ([78, 78], [])
    assert "this day has begun; name a later one" in capsys.readouterr().err


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    with Cluster() as made:
        monkeypatch.setattr(KUBECONFIG, made.write_config(tmp_path / "kubeconfig"))
        yield made


def test_a_token_of_the_cluster_is_good_for_what_its_owner_may_do(opened: Open, cluster: Cluster) -> None:
    cluster.users["sa-token"] = "system:serviceaccount:weather:pipeline"
    cluster.rights.add(("system:serviceaccount:weather:pipeline", "approve", "gates", "weather"))
    client = opened(auth=AuthMode.KUBERNETES)

    assert [approve(client, token) for token in ("sa-token", "sa-token", "other")] == [200, 200, 401]
    assert client.get("/api/v1/gates", headers={"Authorization": "Bearer sa-token"}).status_code == 403
    assert len(cluster.asked) == 4  # two tokens, two rights


def test_a_cluster_that_does_not_answer_is_trouble(opened: Open, cluster: Cluster) -> None:
    cluster.broken = True

    assert approve(opened(auth=AuthMode.KUBERNETES), "sa-token") == 503


def test_a_cluster_that_does_no_reviews_is_trouble(opened: Open, cluster: Cluster) -> None:
    cluster.missing = True

    assert approve(opened(auth=AuthMode.KUBERNETES), "sa-token") == 503


def test_no_cluster_is_trouble(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KUBECONFIG, str(tmp_path / "none"))

    assert approve(opened(auth=AuthMode.KUBERNETES), "sa-token") == 503


def test_a_token_of_the_file_needs_no_cluster(opened: Open, tokens: Callable[..., str], tmp_path: Path) -> None:
    token = tokens("ann", "approve")

    assert approve(opened(auth=AuthMode.KUBERNETES, tokens=tmp_path / "tokens"), token) == 200
