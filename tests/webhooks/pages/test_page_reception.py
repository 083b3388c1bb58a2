"""Who is let in to the pages, which forms are believed, and what every page tells the browser."""

from ipaddress import ip_network

import pytest

from tests.webhooks.pages.conftest import Open
from tests.webhooks.pages.desk import GATE, Desk
from webhooks.errors import SettingsError
from webhooks.settings import AuthMode, Settings, read_settings

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nobody listens
PROXY = {"proxy_user_header": "X-User", "proxy_from": (ip_network("127.0.0.0/8"),)}
PAGES = ["/ui/", "/ui/runs", "/ui/gates", "/ui/catalog", "/ui/login", "/ui/none", "/ui/runs?state=x"]


def test_on_loopback_the_pages_are_open_as_the_api_is(desk: Desk) -> None:
    desk.ask_gate()
    answer = desk.post(f"{GATE}/approve", {"who": "ann"})

    assert (answer.status_code, answer.location) == (303, f"{GATE}?done=open")


def test_a_site_whose_name_suddenly_leads_here_may_only_look(desk: Desk) -> None:
    desk.ask_gate()
    desk.host = "evil.test"
    answer = desk.post(f"{GATE}/approve")

    assert (desk.get(GATE).status_code, answer.status_code) == (200, 403)
    assert "has no scope approve" in answer.text


def test_elsewhere_a_stranger_may_only_look(open_desk: Open) -> None:
    desk = open_desk(host=EVERYWHERE)
    desk.ask_gate()

    assert "To decide you need the scope" in desk.text(GATE)
    assert desk.post(f"{GATE}/approve").status_code == 403


def test_open_means_everybody(open_desk: Open) -> None:
    desk = open_desk(host=EVERYWHERE, auth=AuthMode.OPEN)
    desk.ask_gate()
    desk.host = "elsewhere.test"

    assert desk.post(f"{GATE}/approve").status_code == 303


SCOPES = [
    ("read", f"{GATE}/approve", 403),
    ("read", "/ui/runs/x/cancel", 403),
    ("run", f"{GATE}/halt", 403),
    ("run", "/ui/runs/x/cancel", 404),
    ("approve", f"{GATE}/approve", 303),
    ("approve", "/ui/runs/x/cancel", 403),
    ("approve", "/ui/elsewhere", 405),
    ("admin", f"{GATE}/halt", 303),
    ("admin", "/ui/elsewhere", 405),
]


@pytest.mark.parametrize(("scope", "path", "status"), SCOPES)
def test_a_visitor_may_do_what_their_token_says(secured: Desk, scope: str, path: str, status: int) -> None:
    secured.ask_gate()
    secured.log_in(scope)

    assert secured.client.post(path, data={"mark": secured.mark()}).status_code == status


@pytest.mark.parametrize(("scope", "offered"), [("read", 0), ("run", 0), ("approve", 3), ("admin", 3)])
def test_what_one_may_not_do_is_not_offered(secured: Desk, scope: str, offered: int) -> None:
    secured.ask_gate()
    secured.log_in(scope)

    assert secured.get(GATE).text.count('class="act"') == offered


def test_a_form_without_our_mark_is_refused(desk: Desk) -> None:
    desk.ask_gate()
    answers = [desk.client.post(f"{GATE}/approve", data=fields) for fields in ({}, {"mark": "0" * 64}, {"mark": "é"})]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert "load the page again" in answers[0].text


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://localhost", 303), ("http://evil.test", 403), ("null", 403), ("http://localhost:99", 403)],
)
def test_a_form_of_another_site_is_refused(desk: Desk, origin: str, status: int) -> None:
    desk.ask_gate()

    assert desk.post(f"{GATE}/approve", Origin=origin).status_code == status


def test_a_proxy_says_who_it_is_and_which_name_it_was_asked_by(open_desk: Open) -> None:
    desk = open_desk(**PROXY, proxy_scopes=("approve",), host=EVERYWHERE)
    desk.ask_gate()
    mark = desk.mark()
    named = {"X-User": "ann@weather", "Origin": "https://penstock.test", "X-Forwarded-Host": "penstock.test"}
    answer = desk.client.post(f"{GATE}/approve", data={"mark": mark, "who": "somebody else"}, headers=named)

    assert answer.status_code == 303
    assert "ann@weather" in desk.get(GATE, X_User="ann@weather").text
    assert desk.bench.service.gates.select()[0].who == "ann@weather"


def test_a_proxy_that_names_nobody_may_still_say_by_which_name_it_was_asked(open_desk: Open) -> None:
    desk = open_desk(proxy_from=PROXY["proxy_from"])
    desk.ask_gate()
    asked = {"Origin": "https://penstock.test", "X_Forwarded_Host": "penstock.test"}

    assert desk.post(f"{GATE}/approve", **asked).status_code == 303


def test_whom_a_proxy_names_may_look_unless_more_is_said(open_desk: Open) -> None:
    desk = open_desk(**PROXY)
    desk.ask_gate()

    assert "To decide you need the scope" in desk.get(GATE, X_User="ann").text


def test_a_header_from_elsewhere_than_the_proxy_is_refused(open_desk: Open) -> None:
    desk = open_desk(proxy_user_header="X-User", proxy_from=(ip_network("10.0.0.0/8"),))
    answer = desk.get("/ui/", X_User="admin")

    assert (answer.status_code, "--proxy-from" in answer.text) == (403, True)


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_a_proxy_is_known_by_its_address_in_either_form(open_desk: Open, address: str) -> None:
    desk = open_desk(**PROXY)

    assert desk.client.get("/ui/", headers={"X-User": "ann"}, environ_base={"REMOTE_ADDR": address}).status_code == 200


def test_an_address_that_is_none_is_no_proxys(open_desk: Open) -> None:
    desk = open_desk(**PROXY)

    assert desk.client.get("/ui/", headers={"X-User": "ann"}, environ_base={"REMOTE_ADDR": ""}).status_code == 403


def test_whom_the_proxy_does_not_name_sees_nothing_and_is_told(open_desk: Open) -> None:
    desk = open_desk(**PROXY)

    assert desk.get("/ui/").status_code == 303
    assert "the proxy before this service" in desk.text("/ui/login")


@pytest.mark.parametrize(
    "flags",
    [
        {"proxy-user-header": "X-User"},
        {"proxy-user-header": "X User", "proxy-from": "10.0.0.0/8"},
        {"proxy-scopes": "runner"},
        {"session-key": "short"},
    ],
)
def test_settings_that_cannot_work_are_told(flags: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(flags))):
        read_settings(dict(flags), {})


def test_settings_of_proxies_and_sessions_are_read() -> None:
    flags = {"proxy-user-header": "X-User", "proxy-from": "10.0.0.0/8", "proxy-scopes": "run,approve"}
    read = read_settings({**flags, "session-key": "k" * 32}, {})

    assert (read.proxy_user_header, read.proxy_scopes, read.session_key) == ("X-User", ("run", "approve"), "k" * 32)
    assert Settings().proxy_scopes == ("read",)


@pytest.mark.parametrize("path", PAGES)
def test_no_page_may_run_or_fetch_what_is_not_ours(desk: Desk, path: str) -> None:
    answer = desk.get(path)
    policy = answer.headers["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert (answer.headers["X-Frame-Options"], answer.headers["Cache-Control"]) == ("DENY", "no-store")
    assert " style=" not in answer.text
    assert "<style" not in answer.text
    assert answer.text.count("<script") == answer.text.count('<script src="/ui/static/')


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/ui/runs", "GET"),
        ("DELETE", "/ui/runs/x", "GET"),
        ("PUT", "/ui/", "GET"),
        ("PUT", "/ui/login", "POST"),
        ("GET", "/ui/logout", "POST"),
        ("GET", f"{GATE}/approve", "POST"),
    ],
)
def test_a_method_that_a_page_does_not_take_is_refused_with_those_that_it_takes(
    desk: Desk, method: str, path: str, allowed: str
) -> None:
    answer = desk.client.open(path, method=method)

    assert (answer.status_code, allowed in answer.headers["Allow"]) == (405, True)
    assert "does not take" in answer.text


def test_a_link_of_another_site_loads_the_page_once_more_instead_of_ending_the_session(secured: Desk) -> None:
    secured.log_in("read")
    kept = secured.client.get_cookie(secured.reception.signer.name, path="/ui")
    assert kept is not None
    strict = secured.app.test_client(use_cookies=False)
    answer = strict.get("/ui/runs", headers={"Sec-Fetch-Site": "cross-site"})

    assert 'http-equiv="refresh"' in answer.text
    assert "Set-Cookie" not in answer.headers


def test_a_browser_at_the_root_is_led_to_the_pages(desk: Desk) -> None:
    answer = desk.get("/", Accept="text/html,*/*")

    assert (answer.status_code, answer.location) == (303, "/ui/")
    assert desk.get("/").status_code == 404
    assert desk.get("/ui").location == "/ui/"


@pytest.mark.parametrize(
    ("sent", "name"),
    [("Jürgen".encode(), "Jürgen"), ("Jürgen".encode("latin-1"), "Jürgen"), (" Zoë à ".encode(), "Zoë à")],
    ids=["utf-8", "latin-1", "blanks"],
)
def test_a_proxy_names_people_in_either_encoding(open_desk: Open, sent: bytes, name: str) -> None:
    desk = open_desk(**PROXY, proxy_scopes=("approve",), host=EVERYWHERE)
    desk.ask_gate()
    # As servers hand a header over.
    answer = desk.post(f"{GATE}/approve", X_User=sent.decode("latin-1"))

    assert (answer.status_code, desk.bench.service.gates.select()[0].who) == (303, name)


@pytest.mark.parametrize(
    ("path", "there"),
    [("/ui", "/ui/"), ("/ui?namespace=weather", "/ui/?namespace=weather"), ("/ui//gates", "/ui/gates")],
)
def test_the_right_spelling_of_a_path_is_told_without_the_host(open_desk: Open, path: str, there: str) -> None:
    desk = open_desk(**PROXY)
    desk.host = "penstock.internal"
    answer = desk.get(path, X_User="ann")

    assert (answer.status_code, answer.headers["Location"]) == (308, there)
    assert "penstock.internal" not in answer.text
