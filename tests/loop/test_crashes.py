"""A process that dies at any write: whoever resumes comes to the same end, or to a safe one."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.rollout_story import YES, Story, ab_test, analysis, asking, blue_green, no, plan
from webhooks.protocol import HookType
from workflows import loop
from workflows.ports import HookAnswer, Lease
from workflows.release import LEASE, advance, pace_of
from workflows.rollout.phase import Phase
from workflows.rollout.plan import Judge
from workflows.rollout.state import Cause, RolloutState
from workflows.rollout.traffic import Arm, Route

WRITES = {"router": ("shift",), "workload": ("initialise", "scale", "promote"), "states": ("save",)}


class KilledError(BaseException):
    """Nothing of this process runs any more."""


class Axe:
    """Kill at the n-th write, before it takes effect or after."""

    def __init__(self, at: int, *, after: bool) -> None:
        self.left, self.after = at, after

    def guard(self, write: Callable[..., object]) -> Callable[..., object]:
        def guarded(*args: object, **options: object) -> object:
            self.left -= 1
            if self.left == 0 and not self.after:
                raise KilledError
            result = write(*args, **options)
            if self.left == 0:
                raise KilledError
            return result

        return guarded


class Guarded:
    """Stand before a port with an axe."""

    def __init__(self, port: object, writes: tuple[str, ...], axe: Axe) -> None:
        self._port, self._writes, self._axe = port, writes, axe

    def __getattr__(self, name: str) -> object:
        method = getattr(self._port, name)
        return self._axe.guard(method) if name in self._writes else method


def good() -> Story:
    return Story()


def stepwise() -> Story:
    return Story(plan(analysis(weights=(50, 100), promotion_step=40, mirror_percent=100)))


def bad() -> Story:
    story = Story()
    story.traffic.errors_percent[Arm.CANARY] = 25
    return story


def good_by_evidence() -> Story:
    return Story(plan(analysis(weights=(50,)), judge=Judge.EVIDENCE))


def bad_by_evidence() -> Story:
    story = good_by_evidence()
    story.traffic.errors_percent[Arm.CANARY] = 25
    return story


def refused() -> Story:
    return Story(asking(HookType.CONFIRM_ROLLOUT), {HookType.CONFIRM_ROLLOUT: [no()]})


def unpromotable() -> Story:
    story = Story(plan(analysis(weights=(50,))))
    promote = story.workload.promote

    def break_it(revision: str) -> None:
        promote(revision)
        story.workload.stall(Arm.PRIMARY, "crash loop")

    story.workload.promote = break_it  # type: ignore[method-assign] # the new version breaks the primary
    return story


def first() -> Story:
    return Story(deploy="")


STORIES = [
    good_by_evidence,
    bad_by_evidence,
    good,
    stepwise,
    bad,
    refused,
    unpromotable,
    first,
    lambda: Story(ab_test()),
    lambda: Story(blue_green()),
]
NAMES = [
    "good by evidence",
    "bad by evidence",
    "good",
    "stepwise",
    "bad",
    "refused",
    "unpromotable",
    "first",
    "ab",
    "blue-green",
]


def run_until_killed(story: Story, axe: Axe) -> bool:
    """Tick as the loop does; tell whether the axe fell."""
    ports = {name: Guarded(getattr(story, name), writes, axe) for name, writes in WRITES.items()}
    doomed = replace(story.release, platform=replace(story.release.platform, **ports))  # type: ignore[arg-type] # stand-ins
    try:
        for _ in range(500):
            record = advance(doomed)
            if record.decision.pace is record.decision.pace.DONE:
                return False
            story.clock.sleep(pace_of(record.decision, story.release.plan.analysis.interval))
    except KilledError:
        return True
    raise AssertionError("no end")


def resume(story: Story) -> RolloutState:
    story.clock.sleep(LEASE)
    return loop.run(replace(story.release, owner="run-2"))


def essence(story: Story, state: RolloutState) -> tuple[object, ...]:
    canary = story.workload.readiness(Arm.CANARY)
    return state.phase, state.cause, state.promoted_revision, story.router.read(), canary.serving


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("tell", STORIES, ids=NAMES)
def test_a_run_killed_at_any_write_is_resumed_to_the_same_end(tell: Callable[[], Story], after: bool) -> None:  # noqa: FBT001 - a table's column
    whole = tell()
    wanted = essence(whole, loop.run(whole.release))
    writes = 0

    while True:
        story = tell()
        if not run_until_killed(story, Axe(writes + 1, after=after)):
            break
        assert essence(story, resume(story)) == wanted, f"killed at write {writes + 1}"
        writes += 1

    assert writes >= 3


def test_a_release_once_condemned_is_rolled_back_however_well_it_does_later() -> None:
    story = bad()
    save = story.states.save

    def die_once_condemned(state: RolloutState, lease: Lease) -> None:
        save(state, lease)
        if state.condemned:
            raise KilledError

    story.states.save = die_once_condemned  # type: ignore[method-assign] # a kill right after the decision was kept
    with pytest.raises(KilledError):
        story.tick(10)
    del story.states.save  # type: ignore[misc] # the method of the class again
    story.traffic.errors_percent[Arm.CANARY] = 0

    assert (story.state.phase, story.router.read()) == (Phase.PROGRESSING, Route(20))
    state = resume(story)
    assert (state.cause, state.failed_checks, story.router.read()) == (Cause.CHECKS, 3, Route())
    assert state.reason.startswith("3 of 3 checks failed")


def test_the_end_is_kept_before_anybody_is_told() -> None:
    story = Story(asking(HookType.POST_ROLLOUT))
    story.until(Phase.FINALISING)
    seen: list[Phase] = []

    class Witness:
        def call(self, *_: object) -> HookAnswer:
            seen.append(story.state.phase)
            return YES

    story.plug(hooks=Witness())
    story.tick()

    assert seen == [Phase.SUCCEEDED]
