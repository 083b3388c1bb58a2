"""The wire between a canary controller and a hook, as Flagger's client and server speak it."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.protocol import (
    MAX_REASON_BYTES,
    HookOutcome,
    HookPayload,
    HookVerdict,
    PayloadError,
    answer_is_temporary,
    answer_passes,
    answer_text,
    one_line,
    parse_payload,
)

FLAGGER = (
    b'{"name":"podinfo","namespace":"test","phase":"Progressing","checksum":"85d557f47b",'
    b'"metadata":{"cmd":"hey -z 1m \\u0026\\u0026 true"}}'
)
texts = st.text()


def test_a_call_of_flaggers_is_read_whole() -> None:
    payload = parse_payload(FLAGGER)

    assert payload == HookPayload("podinfo", "test", "Progressing", "85d557f47b", {"cmd": "hey -z 1m && true"})


def test_a_payload_has_exactly_flaggers_keys_in_their_order() -> None:
    body = json.loads(HookPayload("ad", "weather", "Waiting", "abc", {"team": "a"}).encode())

    assert list(body) == ["name", "namespace", "phase", "checksum", "metadata"]


def test_empty_metadata_is_left_out() -> None:
    assert "metadata" not in json.loads(HookPayload("ad", "weather").encode())


@given(st.builds(HookPayload, texts, texts, texts, texts, st.dictionaries(texts, texts)))
def test_every_payload_survives_the_wire(payload: HookPayload) -> None:
    assert parse_payload(payload.encode()) == payload


@pytest.mark.parametrize(
    "body", [b"null", b"{}", b'{"name":null,"metadata":null}', b'{"unknown":[1,2],"other":{"a":1}}']
)
def test_what_is_absent_is_empty(body: bytes) -> None:
    assert parse_payload(body) == HookPayload("", "")


def test_keys_are_read_in_any_case() -> None:
    assert parse_payload(b'{"NAME":"ad","Namespace":"weather","MetaData":{"A":"b"}}') == HookPayload(
        "ad", "weather", metadata={"A": "b"}
    )


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "body: not JSON"),
        (b"{} x", "body: not JSON"),
        (b"\xff", "body: not JSON"),
        (b"[" * 100_000, "body: not JSON"),
        (b"[]", "body: a JSON list; send an object"),
        (b'"ad"', "body: a JSON str; send an object"),
        (b'{"name":1}', "name: 1 is not a string"),
        (b'{"phase":["a"]}', 'phase: ["a"] is not a string'),
        (b'{"metadata":[]}', "metadata: [] is not an object of strings"),
        (b'{"metadata":{"a":1}}', "metadata.a: 1 is not a string"),
    ],
    ids=["empty", "trailing", "bytes", "deep", "list", "string", "number", "phase", "metadata", "value"],
)
def test_a_body_that_is_no_call_says_what_is_wrong(body: bytes, complaint: str) -> None:
    with pytest.raises(PayloadError) as raised:
        parse_payload(body)

    assert str(raised.value).startswith(complaint)


@given(st.binary() | st.recursive(st.none() | st.integers() | texts, st.lists).map(json.dumps).map(str.encode))
def test_no_body_ends_in_anything_but_a_payload_or_a_complaint(body: bytes) -> None:
    with contextlib.suppress(PayloadError):
        assert isinstance(parse_payload(body), HookPayload)


@pytest.mark.parametrize(
    ("verdict", "status", "headers"),
    [
        (HookVerdict.PASSED, 200, {}),
        (HookVerdict.FAILED, 422, {}),
        (HookVerdict.WAITING, 403, {}),
        (HookVerdict.BUSY, 503, {"Retry-After": "2"}),
    ],
)
def test_each_verdict_has_the_status_that_makes_flagger_act_on_it(
    verdict: HookVerdict, status: int, headers: dict[str, str]
) -> None:
    outcome = HookOutcome(verdict, "why")

    assert (outcome.status, dict(outcome.headers)) == (status, headers)


@pytest.mark.parametrize("verdict", [HookVerdict.FAILED, HookVerdict.WAITING])
def test_flagger_shows_the_reason_of_a_no(verdict: HookVerdict) -> None:
    outcome = HookOutcome(verdict, "2 of 9 tests failed")

    assert not answer_passes(outcome.status)
    assert answer_text(outcome.status, outcome.reason, "http://hooks.test/", 1) == "2 of 9 tests failed"


@given(st.integers(100, 599))
def test_200_201_and_202_alone_pass(status: int) -> None:
    assert answer_passes(status) is (status in {200, 201, 202})


@given(st.integers(100, 599))
def test_429_and_server_errors_but_501_are_worth_another_attempt(status: int) -> None:
    assert answer_is_temporary(status) is (status == 429 or (status >= 500 and status != 501))


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, "Forbidden\n", "Forbidden"),
        (501, "not yet", "not yet"),
        (204, "", "POST http://hooks.test/ answered 204 with no text"),
        (500, "secret", "POST http://hooks.test/ answered 500, giving up after 3 attempt(s)"),
        (429, "slow", "POST http://hooks.test/ answered 429, giving up after 3 attempt(s)"),
    ],
)
def test_an_answer_that_failed_is_told_as_flagger_would(status: int, body: str, said: str) -> None:
    assert answer_text(status, body, "http://hooks.test/", 3) == said


@given(st.text(), st.integers(4, 600))
def test_a_reason_is_one_line_within_its_bytes(text: str, limit: int) -> None:
    line = one_line(text, limit)

    assert len(line.encode()) <= limit
    assert line.splitlines() in ([line], [])


def test_a_long_reason_shows_that_it_was_cut() -> None:
    reason = HookOutcome(HookVerdict.FAILED, "ü" * 1000).reason

    assert reason.endswith("...")
    assert MAX_REASON_BYTES - 1 <= len(reason.encode()) <= MAX_REASON_BYTES
