import gzip
import random
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtester.engine.chunks import ChunkDecoder
from loadtester.engine.errors import ProtocolError
from loadtester.engine.recorder import OTHER, Recorder, fold_name
from loadtester.engine.response import MAX_HEAD, HeadCache, ResponseReader, decode_body, parse_head
from loadtester.engine.schedule import arrivals
from loadtester.plan import Limits, Segment, Spacing
from loadtester.report import Health, LoadReport, RecentReports, Timeline

ANSWERS = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", b"hello"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n", b"hello"),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
    (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    (b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", b""),
]


def reader_of(*, keeps: bool = True, headless: bool = False) -> ResponseReader:
    reader = ResponseReader(HeadCache())
    reader.start(keeps=keeps, headless=headless)
    return reader


@pytest.mark.parametrize(("raw", "body"), ANSWERS)
@given(seed=st.integers(0, 2**32))
def test_an_answer_is_the_same_however_it_is_cut(raw: bytes, body: bytes, seed: int) -> None:
    cuts = sorted(random.Random(seed).sample(range(1, len(raw)), 3))
    reader = reader_of()

    whole = [reader.feed(raw[start:end]) for start, end in pairwise([0, *cuts, len(raw)])]

    assert (whole, reader.body) == ([False, False, False, True], body)


@pytest.mark.parametrize(("raw", "body"), ANSWERS)
def test_a_whole_answer_is_read_at_once(raw: bytes, body: bytes) -> None:
    reader = reader_of()

    assert reader.feed(raw)
    assert reader.body == body


def test_a_body_without_length_ends_with_the_connection() -> None:
    reader = reader_of()

    assert not reader.feed(b"HTTP/1.1 200 OK\r\n\r\nhel")
    assert not reader.feed(b"lo")
    assert reader.end()
    assert reader.body == b"hello"


def test_a_body_with_length_does_not_end_with_the_connection() -> None:
    reader = reader_of()
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel")

    assert not reader.end()


@pytest.mark.parametrize("coding", [b"Content-Length: 5", b"Transfer-Encoding: chunked"])
def test_an_answer_to_head_has_no_body(coding: bytes) -> None:
    assert reader_of(headless=True).feed(b"HTTP/1.1 200 OK\r\n" + coding + b"\r\n\r\n")


def test_a_body_that_nobody_reads_is_not_kept() -> None:
    reader = reader_of(keeps=False)

    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
    reader.feed(b"llo")

    assert (reader.body, reader.size) == (b"", 43)


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ntoo long",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"a" * 5000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: bbbbbbbbbbbbb\r\n" * 5000,
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * (MAX_HEAD + 1),
    ],
)
def test_garbage_is_refused(raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        reader_of().feed(raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(ProtocolError):
        reader_of().feed(raw)


def test_heads_are_remembered_but_not_without_end() -> None:
    heads = HeadCache()

    first = heads.get(b"HTTP/1.1 200 OK\r\nA: 0\r\n\r\n")
    for number in range(200):
        heads.get(b"HTTP/1.1 200 OK\r\nA: %d\r\n\r\n" % number)

    assert heads.get(b"HTTP/1.1 200 OK\r\nA: 0\r\n\r\n") == first
    assert len(heads._heads) <= 64


def test_a_gzip_body_is_undone() -> None:
    head = parse_head(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")

    assert decode_body(head, gzip.compress(b"hello")) == b"hello"
    with pytest.raises(ProtocolError):
        decode_body(head, b"hello")


def test_chunks_of_ten_megabytes_are_not_held() -> None:
    decoder = ChunkDecoder()

    pieces = decoder.feed(b"a00000\r\n" + b"x" * 100)

    assert (pieces, decoder.done) == ([b"x" * 100], False)


def times_of(*segments: Segment, spacing: Spacing = Spacing.EVEN, **lanes: int) -> list[float]:
    return list(arrivals(segments, spacing, random.Random(1), **lanes))


def test_even_arrivals_keep_the_rate() -> None:
    assert times_of(Segment(4, 4, 1)) == [0, 0.25, 0.5, 0.75]


def test_a_ramp_speeds_up() -> None:
    times = times_of(Segment(0, 10, 2))

    assert len(times) == 10
    assert all(later - now > after - later for now, later, after in zip(times, times[1:], times[2:], strict=False))


def test_stages_join_without_a_gap_or_a_double() -> None:
    assert times_of(Segment(2, 2, 1), Segment(0, 0, 1), Segment(2, 2, 1)) == [0, 0.5, 2, 2.5]


def test_lanes_share_the_arrivals_between_them() -> None:
    lanes = [times_of(Segment(0, 50, 2), lane=lane, lanes=3) for lane in range(3)]

    assert sorted(sum(lanes, [])) == pytest.approx(times_of(Segment(0, 50, 2)))  # noqa: RUF017 - three short lists


def test_poisson_arrivals_keep_the_rate_on_average() -> None:
    assert len(times_of(Segment(1000, 1000, 10), spacing=Spacing.POISSON)) == pytest.approx(10_000, rel=0.05)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("/item/123", "/item/{n}"),
        ("/v1/item/123?page=4&id=7", "/v1/item/{n}?page={n}&id={n}"),
        ("/u/3f2b8c1e-1111-2222-3333-444455556666/x", "/u/{uuid}/x"),
        ("/h/0123456789abcdef0123", "/h/{hex}"),
        ("/ad", "/ad"),
    ],
)
def test_numbers_in_urls_are_folded(url: str, name: str) -> None:
    assert fold_name(url) == name


def test_a_recorder_stays_small_whatever_it_meets() -> None:
    recorder = Recorder(Limits(names=10, errors=5))

    for number in range(20_000):
        entry = recorder.folded_entry(f"/x{number}")
        entry.record(number, number, 200, 1)
        recorder.fail(entry, f"kind {number}", "why")

    report = recorder.snapshot(1.0, 0, Health())
    assert (report.requests, report.failures, len(report.names), len(report.errors)) == (20_000, 20_000, 11, 6)
    assert report.named(OTHER).requests == 19_990
    assert sum(error.count for error in report.errors) == 20_000
    assert len(recorder._known) <= 4096


def test_a_timeline_folds_when_it_is_full_and_loses_no_request() -> None:
    timeline, recorder = Timeline(max_slots=10), Recorder(Limits())
    for second in range(1, 100):
        recorder.entry("/").record(second * 1000, second * 1000, 200, 1)
        timeline.add(recorder.snapshot(float(second), 0, Health()))

    assert len(timeline.slots) < 10
    assert sum(slot.requests for slot in timeline.slots) == 99
    assert sum(slot.span_s for slot in timeline.slots) == pytest.approx(99)


def test_a_timeline_takes_no_report_twice() -> None:
    timeline = Timeline()

    timeline.add(LoadReport(elapsed_s=1.0))
    timeline.add(LoadReport(elapsed_s=1.0))

    assert [slot.p99_ms for slot in timeline.slots] == [None]


def test_recent_reports_give_the_last_seconds_from_few_reports() -> None:
    recent = RecentReports(10.0)
    for tick in range(10_000):
        recent.add(LoadReport(elapsed_s=tick / 100, scheduled=tick))

    assert recent.last(5.0).elapsed_s == pytest.approx(5, abs=0.2)
    assert len(recent._reports) < 220
