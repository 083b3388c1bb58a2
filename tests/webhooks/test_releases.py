"""What is known of releases: from the loop's reports in any order, else from hooks."""

import itertools

import pytest

from tests.webhooks.bench import AD, Bench
from webhooks.errors import RefusedError
from webhooks.protocol import HookType
from webhooks.releases import ReleaseService
from webhooks.store.records import CanaryName
from webhooks.store.releases import Ending, Release, ReleasePlan, ReleaseQuery, Report, ReportKind, Teller

PLAN = ReleasePlan(revision="r2")
DECIDED = ReportKind.DECISION


@pytest.fixture
def releases(bench: Bench) -> ReleaseService:
    return bench.service.releases


def begin(bench: Bench, name: str = "one", canary: CanaryName = AD) -> Release:
    return bench.service.releases.begin(canary, name, bench.time, PLAN)


def list_ids(bench: Bench) -> list[str]:
    return [one.id for one in bench.service.releases.page(ReleaseQuery())]


def newest(bench: Bench) -> Release:
    return bench.service.releases.page(ReleaseQuery(canary=AD, limit=1))[0]


def hear(bench: Bench, message: str, *, phase: str = "Progressing", checksum: str = "r2", kind: str = "Normal") -> None:
    bench.call(HookType.EVENT, phase=phase, checksum=checksum, eventMessage=message, eventType=kind)


REPORTS = (
    Report(3, 13.0, DECIDED, "advanced", phase="Progressing", weight=20, failed_checks=0),
    Report(5, 15.0, ReportKind.SAMPLE, weight=99),
    Report(7, 17.0, DECIDED, "halt", phase="Progressing", weight=40, failed_checks=1),
    Report(9, 19.0, DECIDED, "too slow", phase="Failed", weight=0, failed_checks=3, ending=Ending.ROLLED_BACK),
)


@pytest.mark.parametrize("order", list(itertools.permutations(REPORTS)))
def test_reports_in_any_order_and_twice_come_to_the_same(bench: Bench, order: tuple[Report, ...]) -> None:
    begin(bench)

    for report in (*order, *order):
        bench.service.releases.tell(AD, "one", [report])

    told = newest(bench)
    assert (told.phase, told.weight, told.failed_checks, told.reason) == ("Failed", 0, 3, "too slow")
    assert (told.ending, told.ended_at, told.sequence) == (Ending.ROLLED_BACK, 19.0, 9)


def test_a_report_that_came_before_changes_nothing(bench: Bench, releases: ReleaseService) -> None:
    begin(bench)
    releases.tell(AD, "one", REPORTS[:3], lost=2)

    told = releases.tell(AD, "one", REPORTS[:1])

    assert (told.weight, told.lost, told.under_way) == (40, 2, True)


def test_nothing_is_told_of_a_release_that_did_not_begin(releases: ReleaseService) -> None:
    with pytest.raises(RefusedError, match=r"release one of ad\.weather did not begin; begin it with PUT"):
        releases.tell(AD, "one", REPORTS)


def test_to_begin_twice_is_to_begin_once(bench: Bench, releases: ReleaseService) -> None:
    begin(bench)
    releases.tell(AD, "one", REPORTS[:1])

    again = releases.begin(AD, "one", 5.0, ReleasePlan("v1 -> v2", "r2"))

    assert (again.began_at, again.weight, again.plan.title) == (bench.time, 20, "v1 -> v2")
    assert list_ids(bench) == ["one"]


def test_a_release_ends_what_never_told_its_end(bench: Bench, releases: ReleaseService) -> None:
    begin(bench)
    begin(bench, "elsewhere", CanaryName("prod", "ad"))
    bench.time += 10

    begin(bench, "two")

    old = releases.find(AD, "one")
    assert old is not None
    assert (old.ending, old.ended_at) == (Ending.UNKNOWN, bench.time)
    assert list_ids(bench) == ["two", "elsewhere", "one"]


def test_an_end_that_comes_late_is_believed(bench: Bench, releases: ReleaseService) -> None:
    begin(bench)
    begin(bench, "two")

    assert releases.tell(AD, "one", REPORTS).ending is Ending.ROLLED_BACK


def test_old_releases_are_forgotten_when_one_begins(bench: Bench) -> None:
    begin(bench)
    bench.time += 8 * 24 * 3600

    begin(bench, "two")

    assert list_ids(bench) == ["two"]


def test_a_long_silence_is_known(bench: Bench, releases: ReleaseService) -> None:
    release = begin(bench)
    silent = [releases.is_silent(release)]
    bench.time += 3601

    assert [*silent, releases.is_silent(release)] == [False, True]


def test_hooks_alone_make_a_release_known(bench: Bench) -> None:
    bench.call(HookType.PRE_ROLLOUT, test="suite", wait="1ms")
    for message in ("Advance ad.weather canary weight 20", "Advance ad.weather canary weight 40"):
        hear(bench, message)

    told = newest(bench)
    assert (told.teller, told.phase, told.weight, told.under_way) == (Teller.HOOKS, "Progressing", 40, True)
    assert (told.plan.revision, told.failed_checks, len(list_ids(bench))) == ("r2", None, 1)


@pytest.mark.parametrize(("phase", "ending"), [("Succeeded", Ending.PROMOTED), ("Failed", Ending.ROLLED_BACK)])
def test_hooks_alone_tell_the_end(bench: Bench, phase: str, ending: Ending) -> None:
    hear(bench, "New revision detected! Scaling up ad.weather")
    hear(bench, "Halt ad.weather advancement success rate 51.00% < 95%", kind="Warning")

    bench.call(HookType.POST_ROLLOUT, phase=phase)

    told = newest(bench)
    assert (told.ending, told.reason) == (ending, "Halt ad.weather advancement success rate 51.00% < 95%")


def test_an_event_of_a_canary_at_rest_begins_nothing(bench: Bench) -> None:
    hear(bench, "Initialization done! ad.weather", phase="Initialized")
    hear(bench, "Promotion completed!", phase="Succeeded")

    assert list_ids(bench) == []


def test_another_revision_is_another_release(bench: Bench) -> None:
    hear(bench, "New revision detected! Scaling up ad.weather")
    bench.time += 60

    hear(bench, "New revision detected! Restarting analysis for ad.weather", checksum="r3")

    old = bench.service.releases.page(ReleaseQuery())[1]
    assert (newest(bench).plan.revision, old.ending) == ("r3", Ending.UNKNOWN)


def test_the_loops_word_takes_the_place_of_what_hooks_told(bench: Bench) -> None:
    hear(bench, "New revision detected! Scaling up ad.weather")
    begin(bench)

    hear(bench, "Advance ad.weather canary weight 20")
    bench.call(HookType.POST_ROLLOUT, phase="Succeeded")

    assert list_ids(bench) == ["one"]
    assert (newest(bench).weight, newest(bench).under_way) == (None, True)


def test_hooks_are_believed_again_once_the_loop_is_silent(bench: Bench) -> None:
    begin(bench)
    bench.time += 3601

    hear(bench, "New revision detected! Scaling up ad.weather")

    assert (newest(bench).teller, len(list_ids(bench))) == (Teller.HOOKS, 2)


def test_a_canary_that_says_its_release_is_over_ends_it_without_a_verdict(bench: Bench) -> None:
    hear(bench, "New revision detected! Scaling up ad.weather")

    bench.service.end_release(AD, bench.time)

    assert (newest(bench).ending, newest(bench).reason) == (
        Ending.UNKNOWN,
        "its Canary says that the release is over",
    )


def test_a_hook_and_the_loop_that_begin_in_the_same_moment_leave_the_loops_word(bench: Bench) -> None:
    store = bench.store.releases
    look, looks = store.page, itertools.count()

    def page(query: ReleaseQuery) -> tuple[Release, ...]:
        found = look(query)
        if next(looks) == 0:  # the loop begins after the hook has looked
            begin(bench)
        return found

    store.page = page  # type: ignore[method-assign] # a race that is lost on purpose
    hear(bench, "New revision detected! Scaling up ad.weather")

    assert [(one.id, one.under_way) for one in look(ReleaseQuery())] == [("one", True)]
