"""Providers against the real servers of Debian, where these are installed."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from tests.local_traffic import eventually
from workflows.local import ports
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.endpoint import Endpoint
from workflows.metrics.providers import open_provider
from workflows.rollout.samples import Gap

GRAPHITE = """
SECRET_KEY = "of-a-test"
STORAGE_DIR = CONF_DIR = LOG_DIR = "{folder}"
WHISPER_DIR = "{folder}/whisper"
STANDARD_DIRS = [WHISPER_DIR]
CARBONLINK_HOSTS = []
TAGDB = ""
ALLOWED_HOSTS = ["*"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "{folder}/db"}}}}
"""
INFLUXDB = """
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
"""


@contextmanager
def running(command: list[str], folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=dict(environment)) as process,
    ):
        try:
            yield
        finally:
            process.kill()


def answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False, timeout=5).status < 300
    except urllib3.exceptions.HTTPError:
        return False


def gap(provider: str, address: str, query: str) -> Gap:
    with pytest.raises(NoAnswerError) as none:
        open_provider(Endpoint(provider, address), None).ask(query)
    return none.value.gap


@pytest.mark.skipif(shutil.which("influxd") is None, reason="no influxd on the PATH: apt-get install influxdb")
def test_influxdb_answers_influxql(tmp_path: Path) -> None:
    port = ports.free()
    address = f"http://127.0.0.1:{port}"
    (tmp_path / "influxdb.conf").write_text(INFLUXDB.format(folder=tmp_path, port=port))
    command = ["influxd", "run", "-config", str(tmp_path / "influxdb.conf")]

    with running(command, tmp_path, {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}):
        eventually(lambda: answers(f"{address}/ping"))
        urllib3.request("POST", f"{address}/query", fields={"q": "CREATE DATABASE weather"})
        urllib3.request("POST", f"{address}/write?db=weather", body="errors,arm=a value=3\nerrors,arm=b value=5")
        select = 'SELECT mean(value) FROM "{}"."autogen"."errors"'.format

        assert open_provider(Endpoint("influxdb", address), None).ask(select("weather")) == 4
        assert gap("influxdb", address, f"{select('weather')} GROUP BY arm") is Gap.SEVERAL_SERIES
        assert gap("influxdb", address, f"{select('weather')} WHERE arm = 'c'") is Gap.NO_DATA
        assert gap("influxdb", address, select("nowhere")) is Gap.REFUSED
        assert gap("influxdb", address, "SELECT what") is Gap.REFUSED


@pytest.mark.skipif(
    shutil.which("graphite-manage") is None, reason="no graphite-manage on the PATH: apt-get install graphite-web"
)
def test_graphite_answers_targets(tmp_path: Path) -> None:
    address = f"127.0.0.1:{ports.free()}"
    (tmp_path / "graphite_of_a_test.py").write_text(GRAPHITE.format(folder=tmp_path))
    series = tmp_path / "whisper" / "ad" / "errors.wsp"
    series.parent.mkdir(parents=True)
    subprocess.run(["whisper-create", series, "1s:10m"], check=True, capture_output=True)
    now = int(time.time())
    subprocess.run(["whisper-update", series, f"{now - 20}:1", f"{now - 10}:4"], check=True, capture_output=True)
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(tmp_path),
        "GRAPHITE_SETTINGS_MODULE": "graphite_of_a_test",
    }

    with running(["graphite-manage", "runserver", address, "--noreload"], tmp_path, environment):
        url = f"http://{address}"
        eventually(lambda: answers(f"{url}/render?format=json"))
        ask = open_provider(Endpoint("graphite", url), None).ask

        assert ask("target=ad.errors&from=-1min") == 4
        assert ask("target=summarize(ad.errors, '5min',\n 'sum', true)&from=-5min") == 5
        assert gap("graphite", url, "target=ad.errors&target=ad.errors&from=-1min") is Gap.SEVERAL_SERIES
        assert gap("graphite", url, "target=ad.nothing") is Gap.NO_DATA
