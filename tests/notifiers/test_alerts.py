"""Who is told: the providers that a canary names, those whose severity admits it, and Apprise's whole list."""

import logging
import time

import pytest

from tests.ports.hook_server import HookServer, Told, free_port, serving
from tests.rollout_story import plan
from workflows.errors import ConfigurationError
from workflows.notifiers import alerts
from workflows.notifiers.alerts import AlertNotifier, Provider
from workflows.rollout.plan import Alerting, Reference, RolloutPlan, Severity

PLAN: RolloutPlan = plan()


def alerting(severity: Severity = Severity.INFO) -> Alerting:
    return Alerting("on-call", Reference("AlertProvider", "on-call"), severity)


def told_by(kind: str, server: HookServer, severity: Severity = Severity.ERROR, **more: str) -> object:
    provider = Provider(kind, f"http://127.0.0.1:{server.port}/hook", **more)
    AlertNotifier(lambda _: provider).notify(PLAN, "Failed checks threshold reached 3", severity, [alerting()])
    return server.seen[-1].document


def test_slack_gets_an_attachment_in_the_channel_of_its_provider() -> None:
    with serving(Told()) as server:
        message = told_by("slack", server, channel="releases", username="sluice", token="t0ken")  # noqa: S106 - no secret
    assert isinstance(message, dict)
    assert (message["channel"], message["username"]) == ("releases", "sluice")
    attachment = message["attachments"][0]
    assert (attachment["color"], attachment["text"]) == ("danger", "Failed checks threshold reached 3")
    assert attachment["author_name"] == PLAN.key
    assert server.seen[0].headers["Authorization"] == "Bearer t0ken"


def test_discord_is_asked_below_its_path_for_slack_and_rocket_chat_gets_colours() -> None:
    with serving(Told()) as server:
        told_by("discord", server)
        rocket = told_by("rocket", server)
    assert server.seen[0].path == "/hook/slack"
    assert isinstance(rocket, dict)
    assert rocket["attachments"][0]["color"] == "#FF0000"


def test_teams_gets_a_card_with_the_facts_of_the_release() -> None:
    with serving(Told()) as server:
        card = told_by("msteams", server, Severity.WARN)
    assert isinstance(card, dict)
    assert (card["@type"], card["themeColor"]) == ("MessageCard", "FFA500")
    facts = {fact["name"]: fact["value"] for fact in card["sections"][0]["facts"]}
    assert facts["Target"] == f"Deployment/{PLAN.target.name}.{PLAN.namespace}"


def test_google_chat_gets_a_card_with_the_words_first() -> None:
    with serving(Told()) as server:
        card = told_by("gchat", server)
    assert isinstance(card, dict)
    widgets = card["cards"][0]["sections"][0]["widgets"]
    assert widgets[0]["textParagraph"]["text"] == "Failed checks threshold reached 3"


@pytest.mark.parametrize(("told", "least", "heard"), [("WARN", "ERROR", 0), ("ERROR", "WARN", 1), ("INFO", "INFO", 1)])
def test_a_provider_hears_what_is_as_bad_as_it_asked_for(told: str, least: str, heard: int) -> None:
    with serving(Told()) as server:
        notifier = AlertNotifier(lambda _: Provider("slack", f"http://127.0.0.1:{server.port}/"))
        notifier.notify(PLAN, "words", Severity[told], [alerting(Severity[least])])
    assert len(server.seen) == heard


def test_a_provider_that_stumbles_is_asked_again() -> None:
    with serving(Told(503), Told(200)) as server:
        told_by("slack", server)
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("asked", "least_s", "most_s"), [("0.6", 0.6, 2), ("3600", 3, 5), ("-1", 0, 2), ("nan", 0.3, 2), ("soon", 0.3, 2)]
)
def test_a_chat_that_is_busy_is_asked_again_when_it_says(asked: str, least_s: float, most_s: float) -> None:
    with serving(Told(429, headers={"Retry-After": asked}), Told(200)) as server:
        begun = time.monotonic()
        told_by("slack", server)
        took_s = time.monotonic() - begun

    assert len(server.seen) == 2
    assert least_s <= took_s < most_s


def test_a_chat_that_stays_busy_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    with serving(Told(429)) as server, caplog.at_level(logging.WARNING):
        told_by("slack", server)
    assert len(server.seen) == 3
    assert "slack answers 429" in caplog.text


def test_a_provider_that_is_gone_is_named_in_the_log_without_its_address(caplog: pytest.LogCaptureFixture) -> None:
    notifier = AlertNotifier(lambda _: Provider("slack", f"http://127.0.0.1:{free_port()}/secret-path"))
    with caplog.at_level(logging.WARNING):
        notifier.notify(PLAN, "words", Severity.ERROR, [alerting()])
    assert "alert provider on-call was not told: slack does not answer (ConnectionError)" in caplog.text
    assert "secret-path" not in caplog.text


def test_a_provider_that_keeps_stumbling_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    with serving(Told(500)) as server, caplog.at_level(logging.WARNING):
        told_by("slack", server)
    assert len(server.seen) == 3
    assert "slack answers 500" in caplog.text


def test_a_message_that_is_refused_is_not_sent_again(caplog: pytest.LogCaptureFixture) -> None:
    with serving(Told(404, "no_team")) as server, caplog.at_level(logging.WARNING):
        told_by("slack", server)
    assert len(server.seen) == 1
    assert "slack refuses the message: 404 no_team" in caplog.text


def test_a_provider_that_cannot_be_read_fails_no_release(caplog: pytest.LogCaptureFixture) -> None:
    def find(_: Alerting) -> Provider:
        raise ConfigurationError("AlertProvider on-call in weather: not found")

    with caplog.at_level(logging.WARNING):
        AlertNotifier(find).notify(PLAN, "words", Severity.ERROR, [alerting()])
    assert "not found" in caplog.text


def test_who_hears_of_everything_is_told_where_a_canary_names_nobody() -> None:
    with serving(Told()) as server:
        notifier = AlertNotifier(
            lambda _: Provider("slack", f"http://127.0.0.1:{server.port}/named"),
            [f"json://127.0.0.1:{server.port}/all"],
        )
        notifier.notify(PLAN, "words", Severity.INFO, [])
        notifier.notify(PLAN, "words", Severity.INFO, [alerting()])
    assert [seen.path for seen in server.seen] == ["/all", "/named"]
    assert b"words" in server.seen[0].body


def test_where_no_providers_are_kept_everyone_is_told() -> None:
    with serving(Told()) as server:
        AlertNotifier(None, [f"json://127.0.0.1:{server.port}/all"]).notify(PLAN, "words", Severity.INFO, [alerting()])
    assert [seen.path for seen in server.seen] == ["/all"]


@pytest.mark.parametrize(
    ("address", "reason"),
    [("carrier-pigeon://roof", "does not know this kind"), ("json://127.0.0.1:1", "json did not take")],
)
def test_an_address_that_apprise_cannot_use_is_named(
    address: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        AlertNotifier(lambda _: Provider("slack", ""), [address]).notify(PLAN, "words", Severity.WARN, [])
    assert reason in caplog.text


def test_without_apprise_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> object:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(alerts, "import_module", refuse)
    with pytest.raises(ConfigurationError, match=r"penstock\[notify\]"):
        alerts.send(Provider("telegram", "tgram://token/chat"), alerts.Note(PLAN, "words", Severity.INFO))
