"""The chain of a journal: whatever is changed, taken out or put in is found."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.journal import journals
from workflows.errors import ConfigurationError
from workflows.journal import chain, reader
from workflows.journal.chain import Mark


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A journal of a release that was rolled back."""
    file = journals.bad(tmp_path_factory.mktemp("chain") / "ad.journal.jsonl")
    return file.path.read_bytes()


def sealed(*documents: dict[str, object]) -> list[bytes]:
    mark, lines = Mark(), list[bytes]()
    for document in documents:
        line, mark = chain.seal(document, mark)
        lines.append(line)
    return lines


def test_what_was_written_is_whole(written: bytes) -> None:
    found = chain.scan(written)

    assert found.fault is None
    assert found.mark.lines == len(found.lines) == written.count(b"\n")


@settings(deadline=None)
@given(data=st.data())
def test_a_change_of_any_byte_is_found(written: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(written) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != written[place]))
    spoiled = written[:place] + bytes([other]) + written[place + 1 :]

    fault = chain.scan(spoiled).fault

    assert fault is not None
    assert fault.number in {written[:place].count(b"\n") + 1, written[: place + 1].count(b"\n") + 1}


@settings(deadline=None)
@given(data=st.data())
def test_a_change_of_any_byte_does_not_make_another_file_of_it(
    written: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, min(400, len(written) - 1)))
    path = tmp_path_factory.mktemp("spoiled") / "ad.journal.jsonl"
    path.write_bytes(written[:place] + bytes([written[place] ^ 1]) + written[place + 1 :])

    assert reader.read(path).fault is not None


@settings(deadline=None)
@given(data=st.data())
def test_lines_that_are_taken_out_moved_or_doubled_are_found(written: bytes, data: st.DataObject) -> None:
    lines = written.splitlines(keepends=True)
    first, second = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    without = [*lines[:first], *lines[first + 1 :]]
    moved = [*without[:second], lines[first], *without[second:]]
    changed = data.draw(st.sampled_from([without, moved, [*lines, lines[first]]]))

    found = chain.scan(b"".join(changed))

    assert found.fault is not None or b"".join(changed) == written[: len(b"".join(changed))]


@settings(deadline=None)
@given(cut=st.integers(1, 3000))
def test_a_line_that_was_cut_is_told_from_one_that_was_changed(written: bytes, cut: int) -> None:
    fault = chain.scan(written[:-cut]).fault

    assert fault is None or fault.torn


WRONG = {
    "a line without a hash": (b"{}\n", "line 3: was not finished"),
    "a number of its own": (chain.seal({"line": 7}, Mark(2, "?"))[0], "line 3: does not follow line 2"),
    "no object": (b'[1,"hash":"' + b"0" * 64 + b'"}\n', "line 3: does not match its own hash"),
}


@pytest.mark.parametrize(("extra", "said"), WRONG.values(), ids=WRONG)
def test_a_strange_line_is_named(extra: bytes, said: str) -> None:
    lines = sealed({"kind": "a"}, {"kind": "b"}, {"kind": "c"})

    fault = chain.scan(b"".join([*lines[:2], extra, lines[2]])).fault

    assert fault is not None
    assert f"line {fault.number}: {fault.reason}".startswith(said)


@pytest.mark.parametrize(
    "body", [b"[1]}", b'"text"}', b"{1}", b"[" * 100_000 + b"}"], ids=["list", "text", "no JSON", "deep"]
)
def test_a_line_with_a_right_hash_must_still_be_json(body: bytes) -> None:
    digest = hashlib.sha256(body).hexdigest().encode()

    fault = chain.scan(body[:-1] + b',"hash":"' + digest + b'"}\n').fault

    assert fault is not None
    assert fault.reason.startswith("is not JSON")


def test_a_line_that_tells_another_number_is_named() -> None:
    document = {"kind": "a"}
    (first,) = sealed(document)
    mark = chain.scan(first).mark
    second, _ = chain.seal(document, Mark(5, mark.hash))

    fault = chain.scan(first + second).fault

    assert fault is not None
    assert (fault.number, fault.reason) == (2, "calls itself line 6")


def resumed(lines: list[bytes], *torn: bytes) -> bytes:
    mark = chain.scan(b"".join(lines)).mark
    told = [chain.Torn(len(line), hashlib.sha256(line).hexdigest()) for line in torn]
    document = {"kind": chain.RESUMED, "torn": list(chain.describe(told))}
    line, _ = chain.seal(document, Mark(mark.lines + len(torn), mark.hash))
    return line


def test_a_resumed_run_answers_for_the_lines_that_crashes_left() -> None:
    lines, torn = sealed({"kind": "a"}), (b'{"line":2,"pr', b"")
    data = b"".join([*lines, torn[0] + b"\n", torn[1] + b"\n", resumed(lines, *torn)])

    found = chain.scan(data)

    assert (found.fault, found.healed) == (None, (2, 3))


def test_an_unfinished_line_that_was_changed_later_is_found() -> None:
    lines = sealed({"kind": "a"})

    fault = chain.scan(b"".join([*lines, b"{1\n", resumed(lines, b"{2")])).fault

    assert fault is not None
    assert (fault.number, fault.torn) == (2, False)


def test_lines_without_hashes_are_not_taken_for_crashes_without_end() -> None:
    fault = chain.scan(b"".join(sealed({"kind": "a"})) + b"{}\n" * 1000).fault

    assert fault is not None
    assert (fault.number, fault.torn) == (2, False)


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("{}")

    with pytest.raises(ConfigurationError, match="not a journal"):
        reader.read(path)
