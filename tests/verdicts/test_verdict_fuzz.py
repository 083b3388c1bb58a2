"""Whatever is asked, the answer is a verdict or one line that says what is wrong with the question."""

import json
from typing import Any

from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.verdicts.test_verdict_metrics import SPEC
from workflows.verdicts.question import FIELDS

PATH = "/api/v1/verdict"
TEXTS = st.text(st.characters(), max_size=12) | st.just("\ud800")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
FUZZED = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(client: FlaskClient, body: object) -> None:
    answer = client.post(PATH, data=json.dumps(body), content_type="application/json")
    assert answer.status_code in {200, 400}, answer.text
    assert "\n" not in (answer.json.get("detail") or "")


@FUZZED
@given(fields=st.dictionaries(st.sampled_from(sorted(FIELDS)) | TEXTS, VALUES, max_size=5))
def test_no_field_is_too_strange(client: FlaskClient, fields: dict[str, Any]) -> None:
    check(client, {"canary": "ad.weather", "window": "1m", "spec": SPEC, **fields})


@FUZZED
@given(path=st.sampled_from([(), ("targetRef",), ("analysis",), ("service",)]), name=TEXTS, value=VALUES)
def test_no_spec_is_too_strange(client: FlaskClient, path: tuple[str, ...], name: str, value: Any) -> None:
    spec: dict[str, Any] = json.loads(json.dumps(SPEC))
    place = spec[path[0]] if path else spec
    place[name if len(name) > 4 else sorted(place)[len(name) % len(place)]] = value

    check(client, {"canary": "ad.weather", "window": "1m", "spec": spec})
