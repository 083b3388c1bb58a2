"""Where settings come from and what is wrong with bad ones."""

from dataclasses import fields
from pathlib import Path

import pytest

from tests.documents import ROOT
from webhooks.errors import SettingsError
from webhooks.settings import CONFIG, SETTINGS, AuthMode, Setting, Settings, VerifyMode, read_settings, show_settings


def test_without_flags_and_variables_the_defaults_hold() -> None:
    assert read_settings({}, {}) == Settings()


def test_an_empty_variable_is_none() -> None:
    assert read_settings({}, {"PENSTOCK_CATALOG": "", "PENSTOCK_PORT": ""}) == Settings()


def test_a_flag_goes_before_its_variable() -> None:
    read = read_settings({"port": "1", "host": None}, {"PENSTOCK_PORT": "2", "PENSTOCK_HOST": "::1"})

    assert (read.port, read.host) == (1, "::1")


def test_settings_are_read_from_variables() -> None:
    environ = {
        "PENSTOCK_HOST": "0.0.0.0",  # noqa: S104 - nobody listens
        "PENSTOCK_PORT": "9",
        "PENSTOCK_DATA_DIR": "/data",
        "PENSTOCK_CATALOG": "c.yaml",
        "PENSTOCK_RESOLVE": "A.b:80=127.0.0.1:1, c:443=[::1]:2",
    }

    read = read_settings({}, environ)

    assert (read.host, read.port, read.data_dir, read.catalog) == ("0.0.0.0", 9, Path("/data"), Path("c.yaml"))  # noqa: S104 - as above
    assert dict(read.resolve) == {"a.b:80": "127.0.0.1:1", "c:443": "[::1]:2"}


def test_the_variable_that_kubernetes_sets_for_a_service_is_passed_over() -> None:
    assert read_settings({}, {"PENSTOCK_PORT": "tcp://10.0.0.7:80"}).port == 8080


@pytest.mark.parametrize("port", ["", "http", "65536", "-1", "8O80", "٣"])
def test_a_port_that_is_none_is_told(port: str) -> None:
    with pytest.raises(SettingsError, match=r"port: .* give it with --port, PENSTOCK_PORT or in the file"):
        read_settings({"port": port}, {})


@pytest.mark.parametrize("text", ["a", "a:1", "a:1=b", "a=b:1", "a:1=b:99999", "a:1=b:1=c:1"])
def test_a_pair_that_is_none_is_told(text: str) -> None:
    with pytest.raises(SettingsError, match=r"resolve: .* is not HOST:PORT=HOST:PORT"):
        read_settings({"resolve": text}, {})


BAD_VALUES = [
    ("host", " ", "is empty"),
    ("wait", "soon", "is not a duration above 0"),
    ("wait", "0s", "is not a duration above 0"),
    ("workers", "two", "is not a whole number"),
    ("auth", "no", "is unknown; known: loopback, tokens, kubernetes, open"),
    ("auth", "tokens", "auth: tokens needs --tokens FILE"),
    ("allow-from", "10.0.0.1/8", "is not a list of networks"),
    ("allow-targets", "http://ad", "is no HOST, HOST:PORT"),
    ("verify-hooks", "yes", "known: off, warn, enforce"),
]


@pytest.mark.parametrize(("name", "text", "told"), BAD_VALUES)
def test_a_value_that_cannot_be_is_told(name: str, text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        read_settings({name: text}, {})


def test_a_secret_is_not_told_even_when_it_is_wrong() -> None:
    with pytest.raises(SettingsError, match=r"path-prefix: \*\*\* is not one step") as told:
        read_settings({"path-prefix": "hush/hush"}, {})

    assert "hush" not in str(told.value)


def test_a_variable_goes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("port: 1\nhost: ::1\nthreads: 64\nallow-from: [10.0.0.0/8, 192.168.0.0/16]\ncatalog:\n")

    read = read_settings({"config": str(file), "threads": "16"}, {"PENSTOCK_PORT": "2"})

    assert (read.port, read.host, read.threads, len(read.allow_from), read.catalog) == (2, "::1", 16, 2, None)


BAD_FILES = ["prot: 1", "- port", "port: {a: 1}", "port: [1, {}]", "a: b: c", "port: yes", "[" * 5000]


@pytest.mark.parametrize("text", BAD_FILES, ids=range(len(BAD_FILES)))
def test_a_file_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.yaml").write_text(text)

    with pytest.raises(SettingsError, match=r"^(config|port): "):
        read_settings({}, {"PENSTOCK_CONFIG": str(tmp_path / "settings.yaml")})


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(SettingsError, match=r"config: gone.yaml cannot be read"):
        read_settings({"config": "gone.yaml"}, {})


EXAMPLES = {
    "host": "0.0.0.0",  # noqa: S104 - nobody listens
    "resolve": "a.b:80=127.0.0.1:1",
    "wait": "500ms",
    "tokens": "tokens",
    "verify-hooks": "warn",
    "allow-from": "10.0.0.0/8,fd00::/8",
    "allow-targets": "*.weather,ad:80,10.0.0.0/8",
    "log-format": "json",
}


def test_what_is_shown_can_be_read_again(tmp_path: Path) -> None:
    settings = read_settings(EXAMPLES, {})
    (tmp_path / "shown.yaml").write_text(show_settings(settings))

    assert read_settings({"config": str(tmp_path / "shown.yaml")}, {}) == settings
    assert (settings.auth, settings.verify_hooks) == (AuthMode.TOKENS, VerifyMode.WARN)


def test_a_secret_is_not_shown() -> None:
    assert "hush" not in show_settings(Settings(path_prefix="/hush"))


@pytest.mark.parametrize("setting", [CONFIG, *SETTINGS], ids=lambda setting: setting.name)
def test_every_setting_is_in_its_page(setting: Setting) -> None:
    default = "" if setting is CONFIG else setting.show(Settings())
    row = f"| `{setting.flag}` | `{setting.variable}` | {default or 'none'} | {setting.meaning} |"

    assert row in (ROOT / "docs" / "settings.md").read_text().splitlines()


def test_every_field_has_a_setting() -> None:
    assert {field.name for field in fields(Settings)} == {setting.attribute for setting in SETTINGS}


@pytest.mark.parametrize(("workers", "threads"), [(0, 32), (2, 3)])
def test_too_few_to_answer_is_refused(workers: int, threads: int) -> None:
    with pytest.raises(SettingsError, match="workers: "):
        Settings(workers=workers, threads=threads)


def test_hooks_that_wait_leave_threads_for_gates() -> None:
    assert Settings(threads=32).waiting_limit == 24
