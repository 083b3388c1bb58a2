"""Journals as they are written: one for each release, gone on with after a crash, never in a release's way."""

import hashlib
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import rollout_story
from tests.journal import journals
from tests.journal.journals import Recording
from tests.rollout_story import Story, analysis, hook
from webhooks.protocol import HookType
from workflows import loop, stages
from workflows.errors import ConfigurationError
from workflows.journal import chain, place, writer
from workflows.journal.entries import ENDING, End, Full, Head, PlanChange, Resumed, TickEntry
from workflows.journal.ledger import Ledger
from workflows.rollout.phase import Phase
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.state import Cause, Verdict


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journals" / "ad.journal.jsonl"


def test_a_release_is_kept_from_its_first_tick_to_its_end(path: Path) -> None:
    file = journals.good(path)

    first, *ticks, last = (note.entry for note in file.notes)
    assert isinstance(first, Head)
    assert all(isinstance(tick, TickEntry) for tick in ticks)
    assert isinstance(last, End)
    assert (file.fault, last.state.cause, first.origin.file_sha256) == (None, Cause.PROMOTED, "0" * 64)


def test_a_tick_holds_counts_of_both_arms_and_the_answers(path: Path) -> None:
    file = journals.bad(path)

    tick = next(each.tick for each in file.ticks() if each.tick.decision.verdict is Verdict.FAILED)
    window = tick.evidence.window
    assert (window.canary.total, window.canary.errors, window.primary.total) == (200, 20, 800)
    assert tick.evidence.reading is not None
    assert tick.evidence.reading.since(tick.before.counts) == window
    assert [type(each.question).__name__ for each in tick.evidence.exchanges] == ["JudgeMetrics"]


def test_a_tick_is_on_disk_before_its_decision_is_in_force(path: Path) -> None:
    recording = Recording(path)
    router = recording.story.router
    kept: list[int] = []

    class Watching:
        read = router.read

        def shift(self, route: object) -> None:
            kept.append(recording.read().notes[-1].entry.decision.state.route == route)
            router.shift(route)

    recording.story.plug(router=Watching())
    recording.run()

    assert len(kept) > 5
    assert all(kept)


def test_a_run_with_nothing_to_release_leaves_no_journal(path: Path) -> None:
    recording = Recording(path, Story(deploy=""))
    recording.story.run()

    recording.journal.close(recording.story.release.state)

    assert not path.exists()


def test_a_resumed_run_goes_on_in_the_same_journal(path: Path) -> None:
    first = Recording(path)
    first.tick(4).close()

    file = Recording(path, first.story).run()

    kinds = [type(note.entry) for note in file.notes]
    assert (kinds.count(Head), kinds.count(Resumed), kinds[-1], file.fault) == (1, 1, End, None)
    assert len(file.origins) == 2


@pytest.mark.parametrize("rest", [b'{"line":6,"prev":"3f', b"{}\n", b"\n\n"], ids=["torn", "torn and ended", "empty"])
def test_what_a_crash_left_unfinished_is_answered_for(path: Path, rest: bytes) -> None:
    first = Recording(path)
    lines = len(first.tick(4).close().notes)
    with path.open("ab") as file:
        file.write(rest)

    resumed = Recording(path, first.story).run()

    assert resumed.fault is None
    assert resumed.healed[0] == lines + 1
    entry = resumed.notes[lines].entry
    assert isinstance(entry, Resumed)
    assert entry.torn[0].sha256 == hashlib.sha256(rest.split(b"\n")[0]).hexdigest()


def test_a_crash_that_only_kept_the_end_of_a_line_loses_nothing(path: Path) -> None:
    first = Recording(path)
    lines = len(first.tick(4).close().notes)
    os.truncate(path, path.stat().st_size - 1)

    resumed = Recording(path, first.story).run()

    assert (resumed.fault, resumed.healed) == (None, ())
    assert isinstance(resumed.notes[lines].entry, Resumed)


def test_a_new_release_puts_the_old_journal_aside(path: Path) -> None:
    story = Story()
    releases = []
    for version in ("v3", "v4", "v5"):
        releases.append(Recording(path, story).run())
        story.workload.deploy(version)

    assert sorted(file.name for file in path.parent.iterdir()) == [
        "ad.1.journal.jsonl",
        "ad.2.journal.jsonl",
        "ad.journal.jsonl",
    ]
    assert path.with_name("ad.1.journal.jsonl").stat().st_size > 0
    assert all(release.fault is None for release in releases)


def test_a_release_that_another_ended_is_not_gone_on_with(path: Path) -> None:
    first = Recording(path)
    first.tick(4).close()
    stages.rollback(first.story.release, Cause.ABORTED, "the watchdog ended it")
    first.story.workload.deploy("v3")

    file = Recording(path, first.story).run()

    assert len(file.origins) == 1
    assert path.with_name("ad.1.journal.jsonl").exists()


def test_a_journal_that_was_changed_is_put_aside_not_gone_on_with(path: Path) -> None:
    first = Recording(path)
    first.tick(4).close()
    path.write_bytes(path.read_bytes().replace(b'"weight":0', b'"weight":9'))

    file = Recording(path, first.story).run()

    assert (len(file.origins), file.fault) == (1, None)


def test_a_run_that_is_stopped_keeps_the_plan_it_hurried_by_and_the_order(path: Path) -> None:
    recording = Recording(path)
    recording.tick(4)
    loop.stages.finish(recording.story.release, Cause.ABORTED, "somebody stopped it")

    file = recording.close()

    last = list(file.ticks())[-1]
    assert any(isinstance(note.entry, PlanChange) for note in file.notes)
    assert (last.tick.decider.name, last.tick.decider.cause) == (ENDING, Cause.ABORTED)
    assert last.plan.analysis.interval < recording.story.release.plan.analysis.interval


def test_a_release_that_was_withdrawn_has_an_end_without_a_cause(path: Path) -> None:
    story = Story(rollout_story.asking(HookType.CONFIRM_ROLLOUT), {HookType.CONFIRM_ROLLOUT: [rollout_story.no()]})
    recording = Recording(path, story)
    story.until(Phase.WAITING)
    story.workload.deploy("v1")

    file = recording.tick().close()

    assert file.end is not None
    assert file.end.state.cause is None


def test_a_journal_that_is_full_says_so_and_still_has_an_end(path: Path) -> None:
    recording = Recording(path, limit_bytes=12_000)
    file = recording.run()

    kinds = [type(note.entry) for note in file.notes]
    assert kinds[-2:] == [Full, End]
    assert file.end is not None
    assert file.end.unrecorded > 3
    assert recording.warnings == [f"journal {path}: has reached 12000 bytes; further ticks are not kept"]


def test_a_journal_that_another_process_writes_is_left_alone(path: Path) -> None:
    recording = Recording(path)
    other = Ledger(path)
    state = recording.story.run()
    recording.journal.close(recording.story.release.state)
    other.close()

    assert state.cause is Cause.PROMOTED
    assert path.read_bytes() == b""
    assert recording.warnings == [f"journal {path}: another process writes it; the release goes on without it"]


def test_a_folder_that_goes_away_does_not_stop_the_release(path: Path) -> None:
    recording = Recording(path)
    path.parent.rmdir()

    state = recording.story.run()
    recording.journal.close(recording.story.release.state)

    assert state.cause is Cause.PROMOTED
    assert recording.warnings == [f"journal {path}: No such file or directory; the release goes on without it"]


def test_a_release_whose_last_state_cannot_be_read_has_no_end(path: Path) -> None:
    def fail() -> object:
        raise ConfigurationError("the state is gone")

    recording = Recording(path)
    recording.story.run()
    recording.journal.close(fail)

    assert recording.read().end is None
    assert recording.warnings == [f"journal {path}: the state is gone; the release goes on without it"]


def occupy(path: Path) -> None:
    path.mkdir(parents=True)


def block(path: Path) -> None:
    path.parent.touch()


def scribble(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("my diary\n")


REFUSED = {
    "a folder": (occupy, "is not a file"),
    "a file for a folder": (block, "File exists"),
    "another file": (scribble, "not a journal"),
}


@pytest.mark.parametrize(("prepare", "said"), REFUSED.values(), ids=REFUSED)
def test_a_place_that_cannot_be_used_is_refused_before_anything_moves(
    path: Path, prepare: Callable[[Path], None], said: str
) -> None:
    prepare(path)

    with pytest.raises(ConfigurationError, match=said):
        Recording(path)


def test_the_journal_of_another_canary_is_refused(path: Path) -> None:
    journals.good(path)

    with pytest.raises(ConfigurationError, match=r"belongs to ad\.weather; name another file with --journal"):
        Recording(path, Story(rollout_story.plan(name="shop")))


def test_an_empty_file_is_as_good_as_none(path: Path) -> None:
    path.parent.mkdir()
    path.touch()

    assert journals.good(path).fault is None


def test_a_canary_file_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        writer.read_source(tmp_path / "canary.yaml")


def secretive() -> RolloutPlan:
    metadata = {"api-token": "s3cret", "test": "load", "dbPassword": "s3cret"}
    of = hook(HookType.ROLLOUT)
    url = "https://me:s3cret@hooks.test/run?access_token=s3cret&x=1"
    hooks = (type(of)(of.name, url, of.type, metadata=metadata),)
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": '{"token": "s3cret"}', "note": "kept"}
    return rollout_story.plan(analysis(hooks=hooks), annotations=annotations)


def test_secrets_stay_out_of_the_journal(path: Path) -> None:
    refusal = rollout_story.no("POST https://me:s3cret@hooks.test/?token=s3cret answered 500")
    story = Story(secretive(), {HookType.ROLLOUT: [refusal]})
    recording = Recording(path, story)

    file = recording.run()

    assert b"s3cret" not in path.read_bytes()
    (kept,) = file.origins[0].plan.analysis.hooks
    assert (kept.url, dict(kept.metadata)) == (
        "https://***@hooks.test/run?access_token=***&x=1",
        {"api-token": "***", "test": "load", "dbPassword": "***"},
    )
    assert file.origins[0].plan.annotations["note"] == "kept"


def test_a_folder_with_too_many_old_journals_does_not_stop_the_release(path: Path) -> None:
    recording = Recording(path)
    path.write_bytes(b"{}\n")
    for number in range(1, place.MOST_ASIDE + 1):
        path.with_name(f"ad.{number}.journal.jsonl").touch()

    state = recording.story.run()

    assert state.cause is Cause.PROMOTED
    assert "999 older journals stand beside it; move some of them away" in recording.warnings[0]


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """Let writing to a file fail beyond a size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_line_that_did_not_fit_is_taken_back(path: Path) -> None:
    path.parent.mkdir()
    ledger = Ledger(path)
    ledger.append({"kind": "a"})

    with no_file_beyond(ledger.size + 10), pytest.raises(OSError, match="File too large"):
        ledger.append({"kind": "b"})

    ledger.append({"kind": "c"})
    found = chain.scan(path.read_bytes())
    assert (found.fault, [line.document["kind"] for line in found.lines]) == (None, ["a", "c"])
