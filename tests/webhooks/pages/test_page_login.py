"""Logging in to the pages, staying logged in, and out again."""

import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from tests.webhooks.bench import Bench
from tests.webhooks.cluster import Cluster
from tests.webhooks.pages.conftest import Open
from tests.webhooks.pages.desk import GATE, Desk
from webhooks.access.attempts import MOST_ATTEMPTS, Attempts
from webhooks.settings import AuthMode, Settings

KUBECONFIG = "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"  # read from the environment at import


def cookie_of(answer: TestResponse) -> str:
    return answer.headers["Set-Cookie"]


def test_who_is_not_known_is_led_to_the_log_in_and_back(secured: Desk) -> None:
    asked = secured.get("/ui/runs?state=failed")
    answer = secured.log_in("read", "/ui/runs?state=failed")

    assert (asked.status_code, asked.location) == (303, f"/ui/login?next={quote('/ui/runs?state=failed')}")
    assert (answer.status_code, answer.location) == (303, "/ui/runs?state=failed")
    assert "who-read" in secured.text("/ui/runs?state=failed")


def test_a_session_is_kept_from_scripts_and_other_sites_and_holds_no_token(secured: Desk) -> None:
    cookie = cookie_of(secured.log_in("read"))

    assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/ui", "Max-Age=43200"))
    assert secured.tokens["read"] not in cookie
    assert "Secure" not in cookie


@pytest.mark.parametrize(("network", "secure"), [("127.0.0.0/8", 1), ("10.0.0.0/8", 0)])
def test_a_session_that_came_over_tls_as_our_proxy_says_is_never_sent_without(
    open_desk: Open, network: str, secure: int
) -> None:
    answer = open_desk(proxy_from=(ip_network(network),)).get("/ui/", X_Forwarded_Proto="https")

    assert cookie_of(answer).count("Secure") == secure


HOSTILE = [
    "//evil.test",
    "https://evil.test/ui/",
    "/ui//evil.test",
    "/ui/\\evil.test",
    "javascript:alert(1)",
    "/api/v1/runs",
    "/ui/../../evil",
    "/ui/./runs",
    "/ui/%2e%2e/evil",
    "/ui/runs/..",
    "/ui/..?x",
]


@pytest.mark.parametrize("there", HOSTILE)
def test_a_log_in_leads_to_pages_of_ours_alone(secured: Desk, there: str) -> None:
    assert secured.log_in("read", there).location == "/ui/"


@pytest.mark.parametrize("token", ["pst_wrong", "", "x" * 20_000])
def test_a_wrong_token_is_refused(secured: Desk, token: str) -> None:
    answer = secured.post("/ui/login", {"token": token})

    assert (answer.status_code, "no valid token" in answer.text) == (401, True)
    assert secured.get("/ui/").status_code == 303


def test_what_a_token_may_do_is_asked_again_at_every_request(secured: Desk, tmp_path: Path) -> None:
    secured.log_in("read")
    file = tmp_path / "tokens"
    file.write_text(file.read_text().replace("who-read read", "who-read runner"))

    assert secured.get("/ui/").status_code == 403


def test_after_many_wrong_tokens_nobody_tries_for_a_while(secured: Desk) -> None:
    statuses = [secured.post("/ui/login", {"token": "pst_wrong"}).status_code for _ in range(MOST_ATTEMPTS + 1)]

    assert statuses == [401] * MOST_ATTEMPTS + [429]
    assert secured.log_in("read").status_code == 429


def test_wrong_tries_are_forgotten_after_a_minute_and_kept_for_few_places() -> None:
    now = [1000.0]
    attempts = Attempts(lambda: now[0])
    for _ in range(MOST_ATTEMPTS):
        attempts.note("one")
    before = attempts.exhausted("one")
    now[0] += 60
    after = attempts.exhausted("one")
    attempts.note("one")

    assert (before, after, attempts.exhausted("one"), attempts.exhausted("other")) == (True, False, False, False)


def test_one_place_cannot_fill_the_memory_with_others() -> None:
    attempts = Attempts(lambda: 0.0)
    for number in range(10_001):
        attempts.note(f"{number}")

    assert len(attempts._counts) == 10_000


def test_behind_a_proxy_wrong_tries_are_counted_for_whom_it_names(open_desk: Open, tmp_path: Path) -> None:
    (tmp_path / "tokens").touch()
    desk = open_desk(
        auth=AuthMode.TOKENS,
        tokens=tmp_path / "tokens",
        proxy_user_header="X-User",
        proxy_from=(ip_network("127.0.0.0/8"),),
    )
    for _ in range(MOST_ATTEMPTS):
        desk.post("/ui/login", {"token": "pst_wrong"}, X_Forwarded_For="10.9.9.9, 10.0.0.1")

    statuses = [
        desk.post("/ui/login", {"token": "pst_wrong"}, X_Forwarded_For=f"10.9.9.9, {last}").status_code
        for last in ("10.0.0.1", "10.0.0.2")
    ]

    assert statuses == [429, 401]


def test_one_logs_out(secured: Desk) -> None:
    secured.log_in("read")
    mark = secured.mark()
    answer = secured.client.post("/ui/logout", data={"mark": mark})

    assert (answer.status_code, answer.location) == (303, "/ui/login")
    assert secured.get("/ui/").status_code == 303


def test_a_token_that_is_taken_out_ends_its_sessions(secured: Desk, tmp_path: Path) -> None:
    secured.log_in("read")
    before = secured.get("/ui/").status_code
    (tmp_path / "tokens").write_text("# nobody\n")

    assert (before, secured.get("/ui/").status_code) == (200, 303)


def test_a_session_ends_by_itself(secured: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    secured.log_in("read")
    reception = secured.reception
    monkeypatch.setattr(reception, "now", lambda: time.time() + 12 * 3600 + 1)

    assert secured.get("/ui/").status_code == 303


def test_a_session_serves_every_replica_with_the_key_and_after_a_restart(
    secured: Desk, open_desk: Open, tmp_path: Path
) -> None:
    name, _, session = cookie_of(secured.log_in("read")).partition(";")[0].partition("=")
    settings: dict[str, object] = {"auth": AuthMode.TOKENS, "tokens": tmp_path / "tokens"}
    again, other = open_desk(**settings), open_desk(**settings, session_key="k" * 32)

    for desk in (again, other):
        desk.client.set_cookie(name, session, path="/ui")
        desk.client.set_cookie(other.reception.signer.name, session, path="/ui")

    assert [desk.get("/ui/").status_code for desk in (again, other)] == [200, 303]


@pytest.mark.parametrize("forged", ["x", "e30=.00", "\xff.\xff", "bm9ib2R5.00", "."])
def test_a_session_that_is_not_ours_opens_nothing(secured: Desk, forged: str) -> None:
    secured.client.set_cookie(secured.reception.signer.name, forged, path="/ui")

    assert secured.get("/ui/").status_code == 303


def test_a_fragment_asked_by_an_open_page_leads_the_page_to_the_log_in(secured: Desk) -> None:
    answer = secured.get("/ui/runs", HX_Request="true")

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/ui/login?next=/ui/runs")


def test_a_stream_that_is_asked_without_a_session_ends(secured: Desk) -> None:
    assert secured.get("/ui/live/runs").status_code == 401


def test_a_form_that_comes_after_the_log_in_has_ended_leads_back_to_its_page(secured: Desk) -> None:
    secured.ask_gate()
    told = [secured.post(f"{GATE}/approve", Referer=page) for page in ("", "http://localhost/ui/x?y=1", "http://evil/")]

    assert [answer.location for answer in told] == [f"/ui/login?next={page}" for page in (GATE, "/ui/x", GATE)]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    with Cluster() as made:
        monkeypatch.setattr(KUBECONFIG, made.write_config(tmp_path / "kubeconfig"))
        yield made


def test_with_a_token_of_the_cluster_its_owners_rights_are_asked_again(open_desk: Open, cluster: Cluster) -> None:
    cluster.users["sa-token"] = "system:serviceaccount:weather:ann"
    cluster.rights.update(("system:serviceaccount:weather:ann", "get", "runs", where) for where in ("", "weather"))
    desk = open_desk(auth=AuthMode.KUBERNETES)
    answer = desk.post("/ui/login", {"token": "sa-token"})
    desk.ask_gate()

    assert "Max-Age=3600" in cookie_of(answer)
    assert "To decide you need the scope" in desk.text(GATE)
    assert sum(path.endswith("tokenreviews") for path in cluster.asked) == 1


def test_who_has_too_many_groups_for_a_cookie_is_told(open_desk: Open, cluster: Cluster) -> None:
    cluster.users["sa-token"] = "x" * 3000
    answer = open_desk(auth=AuthMode.KUBERNETES).post("/ui/login", {"token": "sa-token"})

    assert (answer.status_code, "too many groups" in answer.text) == (403, True)


def test_a_cluster_that_does_not_answer_is_a_page_that_says_so(open_desk: Open, cluster: Cluster) -> None:
    cluster.broken = True
    answer = open_desk(auth=AuthMode.KUBERNETES).post("/ui/login", {"token": "sa-token"})

    assert (answer.status_code, "cannot be reached right now" in answer.text) == (503, True)


@pytest.mark.usefixtures("cluster")
def test_a_session_of_a_token_is_nobody_to_the_cluster(secured: Desk, open_desk: Open, tmp_path: Path) -> None:
    desk = open_desk(auth=AuthMode.KUBERNETES, tokens=tmp_path / "tokens")
    desk.tokens = secured.tokens
    desk.log_in("read")
    (tmp_path / "tokens").write_text("# nobody\n")

    assert desk.get("/ui/").status_code == 303


def test_a_key_that_cannot_be_kept_is_trouble(bench: Bench) -> None:
    desk = Desk(bench, Settings(data_dir=Path("/proc/nothing")))

    assert desk.get("/ui/").status_code == 503
