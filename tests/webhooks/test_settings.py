"""Where settings come from and what is wrong with bad ones."""

from pathlib import Path

import pytest

from webhooks.errors import SettingsError
from webhooks.settings import Settings, read_resolve, read_settings


def test_without_flags_and_variables_the_defaults_hold() -> None:
    assert read_settings({}, {}) == Settings()


def test_a_flag_goes_before_its_variable() -> None:
    read = read_settings({"port": "1", "host": None}, {"PENSTOCK_PORT": "2", "PENSTOCK_HOST": "::1"})

    assert (read.port, read.host) == (1, "::1")


def test_every_setting_has_a_variable() -> None:
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
    with pytest.raises(SettingsError, match="port: "):
        read_settings({"port": port}, {})


@pytest.mark.parametrize("text", ["a", "a:1", "a:1=b", "a=b:1", "a:1=b:99999", "a:1=b:1=c:1"])
def test_a_pair_that_is_none_is_told(text: str) -> None:
    with pytest.raises(SettingsError, match=r"resolve: .* is not HOST:PORT=HOST:PORT"):
        read_resolve(text)


@pytest.mark.parametrize(("workers", "threads"), [(0, 32), (2, 3)])
def test_too_few_to_answer_is_refused(workers: int, threads: int) -> None:
    with pytest.raises(SettingsError, match="workers: "):
        Settings(workers=workers, threads=threads)


def test_hooks_that_wait_leave_threads_for_gates() -> None:
    assert Settings(threads=32).waiting_limit == 24
