"""The schema takes of each setting what the service's own reader takes."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.chart.charts import CHART
from webhooks.errors import SettingsError
from webhooks.settings import SETTINGS, read_settings, texts

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
READ: list[tuple[str, list[Any]]] = [
    ("workers", [0, 1, "0", "1", "012", "-1", "1.5", "", "a"]),
    ("threads", [3, 4, "3", "4", "10"]),
    ("body-limit", [0, 1048576, "0", -1]),
    ("wait", [0, 8, 0.5, "8", "8s", "1.5m", "0.01h", "500ms", "0s", "0.0", "", "1d", "1h30m", "s"]),
    ("log-level", ["info", "warn", "warning", "", "INFO"]),
    ("log-format", ["text", "json", "xml"]),
    ("allow-commands", [True, False]),
    ("runner-user", [70000, 0, "nobody", "70000-70015", "0", "Root", "70000-", ""]),
    ("proxy-user-header", ["X-Forwarded-User", "x user", "", "9"]),
    ("proxy-scopes", ["read", "read,approve", ["read", "run admin"], ["god"], "", "reader"]),
    (
        "allow-from",
        ["10.0.0.0/8", ["10.0.0.0/8", "fd00::/8"], "10.0.0.1, ::1", "abc", "10.0.0.0/33", "256.0.0.1", "", [], "fd00"],
    ),
    ("allow-targets", ["*.weather.svc", ["api.example:443", "10.0.0.0/8", "[::1]:80"], "http://a", "a:b", ""]),
    ("resolve", ["a:80=b:81", ["a:80=[::1]:81"], "a=b", "a:80", ""]),
]


GIVEN = [{name: value} for name, values in READ for value in values]


@pytest.mark.parametrize("given", GIVEN, ids=str)
def test_the_schema_takes_of_a_setting_what_the_service_takes(given: dict[str, Any], tmp_path: Path) -> None:
    proxies = {"proxy-from": "10.0.0.1"}
    (tmp_path / "settings.yaml").write_text(json.dumps(given | proxies))
    try:
        read_settings({"config": str(tmp_path / "settings.yaml")}, {})
    except SettingsError:
        taken = False
    else:
        taken = True

    validator = Draft202012Validator({"$ref": "#/$defs/settings", "$defs": SCHEMA["$defs"]})
    assert validator.is_valid(given) == taken


def test_every_reader_of_settings_is_held_against_the_schema() -> None:
    readers = {setting.read for setting in SETTINGS if setting.name in SCHEMA["$defs"]["settings"]["properties"]}

    assert readers - {setting.read for setting in SETTINGS if setting.name in dict(READ)} == {texts.read_pattern}
