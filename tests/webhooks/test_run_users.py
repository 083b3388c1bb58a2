"""Under whom tests run, and what else of the runner is a setting."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from webhooks.app import compose
from webhooks.catalog import CatalogFile
from webhooks.cli.loadtester import read_go_flags
from webhooks.cli.loadtester import read_settings as read_loadtester
from webhooks.cli.service import warn_of_tests
from webhooks.errors import SettingsError
from webhooks.hooks import HookService
from webhooks.runs import RunService, process
from webhooks.runs.limits import read_limits
from webhooks.runs.users import Account, find_accounts
from webhooks.settings import LogFormat, LogLevel, Settings, read_settings, write_environ
from webhooks.store.memory import MemoryStore
from webhooks.telemetry import logs


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def test_without_a_user_tests_run_as_the_runner_does() -> None:
    assert find_accounts("", 16).lend() is None


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("text", ["nobody", "65534"])
def test_one_user_is_lent_to_all(text: str) -> None:
    accounts = find_accounts(text, 16)

    lent = [accounts.lend(), accounts.lend()]
    accounts.take_back(lent[0])

    assert (lent[0], lent[1]) == (accounts.lend(), Account(65534, 65534))


@pytest.mark.usefixtures("as_root")
def test_each_run_has_a_user_of_its_own_until_it_ends() -> None:
    accounts = find_accounts("999990001-999990002", 2)

    first, second = accounts.lend(), accounts.lend()
    accounts.take_back(first)

    assert (first, second) == (Account(999990001, 999990001), Account(999990002, 999990002))
    assert accounts.lend() == first


UNUSABLE = [
    ("nobody-knows", "runner-user: 'nobody-knows' is unknown here"),
    ("root", "runner-user: 'root' is root; name a user with no rights"),
    ("70000-70001", "runner-user: 70000-70001 are 2 users; --runs-at-once 3 needs as many"),
]


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize(("text", "told"), UNUSABLE)
def test_a_user_that_cannot_be_used_is_told(text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        find_accounts(text, 3)


def test_a_runner_that_is_not_root_cannot_become_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(SettingsError, match="needs a runner that is root"):
        find_accounts("nobody", 1)


LIMITS = {"runs-at-once": "3", "runs-per-canary": "2", "log-limit": "99", "keep-for": "1h", "keep-runs": "7"}


def test_the_limits_of_runs_are_settings() -> None:
    limits = read_limits(read_settings(LIMITS, {}))

    assert (limits.at_once, limits.at_once_per_canary, limits.log_bytes) == (3, 2, 99)
    assert (limits.kept_s, limits.kept_runs) == (3600, 7)


BAD = [
    ({"runs-at-once": "0"}, "runs-at-once: 0, runs-per-canary: 4; at least 1"),
    ({"runner": "apart"}, "runner: apart needs --tokens FILE or --auth kubernetes"),
    ({"runner-user": "0"}, "runner-user: '0' is not a user"),
    ({"runner-user": "9-7"}, "runner-user: '9-7' is not a user: write NAME, UID or FIRST-LAST"),
]


@pytest.mark.parametrize(("flags", "told"), BAD)
def test_a_setting_of_the_runner_that_cannot_be_is_told(flags: dict[str, str | None], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        read_settings(flags, {})


def test_a_child_reads_the_same_settings_from_its_variables() -> None:
    flags = {**LIMITS, "tokens": "t", "runner": "apart", "log-level": "warn", "store": "postgresql://u:p@h/d"}
    settings = read_settings(flags, {})

    assert read_settings({}, write_environ(settings, {"PENSTOCK_CONFIG": "file", "PENSTOCK_PORT": "9"})) == settings


def test_a_runner_with_a_setting_that_is_wrong_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PENSTOCK_RUNS_AT_ONCE", "many")

    assert process.main([str(tmp_path)]) == 78
    assert "runs-at-once: 'many' is not a whole number" in capsys.readouterr().err


@pytest.mark.parametrize(("flags", "warned"), [({}, 1), ({"tokens": "tokens"}, 0)])
def test_a_service_that_lets_tests_approve_gates_warns(
    caplog: pytest.LogCaptureFixture, flags: dict[str, str | None], warned: int
) -> None:
    warn_of_tests(read_settings({"runner-user": "nobody", **flags}, {}))

    assert caplog.text.count("a test could approve its own gate") == warned


@pytest.fixture
def kept_logging() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("penstock")
    handlers, levels = root.handlers, (root.level, ours.level)
    yield
    root.handlers = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


@pytest.mark.usefixtures("kept_logging")
def test_the_level_of_the_log_is_that_of_the_flag() -> None:
    settings = read_loadtester(read_go_flags(["-log-level=error"]) or {}, {})

    logs.set_up(LogFormat.TEXT, settings.log_level)

    enabled = [logging.getLogger("penstock.hooks").isEnabledFor(level) for level in (logging.INFO, logging.ERROR)]
    assert (settings.log_level, enabled) == (LogLevel.ERROR, [False, True])


def test_a_hook_of_another_namespace_is_not_served() -> None:
    settings, store = Settings(namespace_regexp="^team-"), MemoryStore()
    runs = RunService(store.runs, None, lambda: 1.0, 1)
    client = compose(HookService(store, CatalogFile(None), runs, settings), settings).test_client()

    answers = [client.post("/hooks/event", json={"name": "ad", "namespace": space}) for space in ("weather", "team-a")]

    assert [answer.status_code for answer in answers] == [403, 200]
    assert answers[0].text == "namespace 'weather' is not served here, as --namespace-regexp says\n"
