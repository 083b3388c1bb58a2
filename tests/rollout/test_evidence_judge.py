"""Releases judged by evidence: the ladder, the verdicts, what holds, what ends, and what is said."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.journal.journals import Recording
from tests.rollout_story import Script, Story, ab_test, analysis, asking, blue_green, no, plan
from webhooks.protocol import HookType
from workflows import loop, stages
from workflows.errors import ConfigurationError, ExitCode
from workflows.journal.replay import replay
from workflows.rollout import trial
from workflows.rollout.decision import CountTraffic, Tick
from workflows.rollout.phase import Phase
from workflows.rollout.plan import Check, Judge, Limits, NoDataPolicy, RolloutPlan
from workflows.rollout.samples import Measurement
from workflows.rollout.state import Cause, HookRound, RolloutState, Verdict
from workflows.rollout.terms import Mode
from workflows.rollout.tick import deliberate
from workflows.rollout.traffic import Arm
from workflows.states import record

EVIDENCE = [Judge.EVIDENCE, Judge.EVIDENCE_STRICT]
FELL_BACK = "judging by threshold instead of evidence: "


def judged(of: RolloutPlan | None = None, judge: Judge = Judge.EVIDENCE, script: Script | None = None) -> Story:
    return Story(replace(of or plan(), judge=judge), script)


def failing(percent: int, of: RolloutPlan | None = None) -> Story:
    story = judged(of)
    story.traffic.errors_percent[Arm.CANARY] = percent
    return story


def unchecked(**settings: object) -> RolloutPlan:
    return plan(analysis(checks=(), **settings))


def reasons(story: Story) -> list[str]:
    return [each.decision.reason for each in story.records]


def test_a_canary_that_fails_a_quarter_is_rolled_back_at_the_first_rungs() -> None:
    story = failing(25)

    state = story.run()

    assert (state.cause, max(story.weights), story.weights[-1]) == (Cause.CHECKS, 1, 0)
    assert state.reason.startswith("5xx: canary 2 of 10 ")
    assert loop.exit_code(state) is ExitCode.ROLLED_BACK


def test_evidence_does_not_wait_for_the_threshold_of_failed_checks() -> None:
    state = failing(25, unchecked(threshold=1000)).run()

    assert (state.cause, state.failed_checks) == (Cause.CHECKS, 0)


def test_what_ended_the_release_is_said_to_people() -> None:
    story = failing(25)

    story.run()

    assert any("Rolling back ad.weather" in message and "20 rolls back" in message for _, message in story.alerts)


@pytest.mark.parametrize("judge", EVIDENCE)
def test_a_good_version_climbs_from_one_percent_and_is_promoted(judge: Judge) -> None:
    story = judged(judge=judge)

    state = story.run()

    assert state.cause is Cause.PROMOTED
    assert story.weights == [0, 1, 5, 20, 40, 60, 80, 100, 0]


def test_a_promotion_waits_until_enough_was_seen() -> None:
    story = judged(unchecked(weights=(50,)))

    story.run()

    assert any("s of analysis before promotion have been seen" in reason for reason in reasons(story))


def test_the_weight_is_kept_until_the_canary_has_shown_that_it_is_well() -> None:
    story = judged().at_weight(5)

    tick = story.tick()

    assert (tick.decision.verdict, tick.decision.actions, story.state.failed_checks) == (Verdict.INCONCLUSIVE, (), 0)
    assert story.messages[-1].startswith("Evidence holds ad.weather canary weight 5: 5xx: canary 0 of 60 ")
    assert story.state.halt == tick.decision.reason


def test_a_step_says_what_it_was_taken_for() -> None:
    story = judged().at_weight(1)

    tick = story.tick()

    assert tick.decision.reason.endswith("weight 1 passed")
    assert story.messages[-2:] == [
        f"Evidence admits ad.weather canary weight 1: {tick.decision.reason}",
        "Advance ad.weather canary weight 5",
    ]


def test_a_version_as_slow_as_a_failing_one_is_bad_is_found_by_its_latency() -> None:
    story = judged(unchecked()).at_weight(20)
    story.traffic.latency_ms[Arm.CANARY] = 2000.0

    state = story.run()

    assert state.cause is Cause.CHECKS
    assert state.reason.startswith("slower than ")


def test_a_failed_check_of_the_file_holds_the_weight_and_counts() -> None:
    story = judged(plan(analysis(checks=(Check("latency", Limits(maximum=1), query="q"),)))).at_weight(1)
    story.metrics.answer("latency", [Measurement(5.0)] * 3)

    tick = story.tick()

    assert (tick.decision.verdict, story.state.weight, story.state.failed_checks) == (Verdict.FAILED, 1, 1)
    assert story.state.case is not None


def test_the_threshold_of_failed_checks_stops_hard_also_beside_evidence() -> None:
    story = judged(plan(analysis(checks=(Check("latency", Limits(maximum=1), query="q"),))))
    story.metrics.answer("latency", [Measurement(5.0)] * 3)

    state = story.run()

    assert (state.cause, state.failed_checks) == (Cause.CHECKS, 3)
    assert state.reason.startswith("3 of 3 checks failed")


def test_a_failed_hook_asks_for_no_evidence() -> None:
    story = judged(asking(HookType.ROLLOUT), script={HookType.ROLLOUT: [no()]}).at_weight(1)

    tick = story.tick()

    assert [type(each.question).__name__ for each in tick.evidence.exchanges] == ["CallHooks"]
    assert story.state.failed_checks == 1


def test_an_incident_that_both_arms_share_holds_and_does_not_roll_back() -> None:
    story = judged().at_weight(20)
    story.traffic.errors_percent = dict.fromkeys(Arm, 4)

    story.tick(10)

    assert (story.state.phase, story.state.weight, story.state.failed_checks) == (Phase.PROGRESSING, 20, 0)
    assert {each.decision.verdict for each in story.records[-10:]} == {Verdict.INCONCLUSIVE}


def test_a_release_goes_on_when_the_shared_incident_is_over() -> None:
    story = judged().at_weight(20)
    story.traffic.errors_percent = dict.fromkeys(Arm, 4)
    story.tick(3)
    story.traffic.errors_percent = dict.fromkeys(Arm, 0)

    assert story.run().cause is Cause.PROMOTED


@pytest.mark.parametrize("judge", EVIDENCE)
@pytest.mark.parametrize("of", [plan(), unchecked(), plan(no_data=NoDataPolicy.HOLD)], ids=["fail", "none", "hold"])
def test_a_release_without_traffic_ends_inconclusive(of: RolloutPlan, judge: Judge) -> None:
    story = judged(of, judge)
    story.traffic.silent = True

    state = story.run()

    assert loop.exit_code(state) is ExitCode.INCONCLUSIVE
    assert story.weights[-1] == 0


def test_strict_does_not_promote_what_it_has_hardly_seen() -> None:
    story = judged(unchecked(weights=(50,)), Judge.EVIDENCE_STRICT)
    story.traffic.per_second = 1

    state = story.run()

    assert loop.exit_code(state) is ExitCode.INCONCLUSIVE
    assert "waiting alone will not help" in state.reason
    assert state.case is not None
    assert 600 <= state.case.rung_s <= 620


def test_where_traffic_is_thin_the_low_rungs_are_left_although_their_checks_are_blind() -> None:
    story = judged()
    story.traffic.per_second = 5

    state = story.run()

    assert (state.cause, state.failed_checks) == (Cause.PROMOTED, 0)
    assert story.weights[:3] == [0, 1, 20]


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (ab_test(), "an A/B match sends other users"),
        (blue_green(), "blue/green gives the canary no user traffic"),
        (plan(analysis(mirror_percent=100)), "mirrored requests reach both arms"),
    ],
    ids=["a/b", "blue/green", "mirroring"],
)
def test_without_its_premise_thresholds_judge_and_it_is_said_once(of: RolloutPlan, why: str) -> None:
    story = judged(of)

    state = story.run()

    assert (state.cause, state.case) == (Cause.PROMOTED, None)
    assert [why in message for message in story.messages if message.startswith(FELL_BACK)] == [True]


def test_another_revision_keeps_only_what_was_learned_of_the_primary() -> None:
    story = judged().at_weight(20)
    learned = story.state.case
    story.workload.deploy("v3")

    story.tick()

    assert learned is not None
    assert story.state.case == learned.reopened()


def test_another_revision_before_any_look_has_no_case() -> None:
    story = judged().at_weight(1)
    story.workload.deploy("v3")

    story.tick()

    assert story.state.case is None


def test_the_next_release_begins_without_the_case_of_the_one_before() -> None:
    story = judged()
    story.run()
    story.workload.deploy("v3")

    story.until(Phase.PROGRESSING)

    assert story.state.case is None


def test_a_wait_for_approval_does_not_use_up_the_judges_patience() -> None:
    waits = {HookType.CONFIRM_PROMOTION: [no()]}
    of = replace(asking(HookType.CONFIRM_PROMOTION, of=analysis(checks=())), approval_deadline=timedelta(days=1))
    story = judged(of, script=waits)
    story.until(Phase.WAITING_PROMOTION)
    story.tick(50)
    story.traffic.silent = True

    story.tick(5)

    assert story.state.phase is Phase.WAITING_PROMOTION


def test_a_gate_of_a_pipeline_returns_when_the_evidence_admits_the_weight() -> None:
    story = judged()
    stages.start(story.release)
    stages.gate(story.release)
    stages.set_weight(story.release, 20)

    state = stages.gate(story.release)

    assert (state.phase, state.weight) == (Phase.PROGRESSING, 20)
    assert state.case is not None
    assert state.case.seen_s > 0


def test_a_gate_of_a_pipeline_rolls_back_by_evidence() -> None:
    story = failing(25)
    stages.start(story.release)
    stages.set_weight(story.release, 20)

    assert stages.gate(story.release).cause is Cause.CHECKS


def test_the_state_of_a_whole_release_stays_small_and_reads_back_equal() -> None:
    story = judged(plan(analysis(weights=tuple(range(10, 101, 10)))))

    state = story.run()

    text = json.dumps(record.encode(state))
    assert len(text) < 10_000
    assert record.decode(json.loads(text)) == state


def test_a_record_from_before_the_judge_still_reads() -> None:
    document = record.encode(RolloutState())
    del document["case"]

    assert record.decode(document) == RolloutState()


def test_a_record_with_a_damaged_case_is_refused_with_its_field() -> None:
    document = record.encode(judged().at_weight(5).state)
    document["case"]["case"]["rung_s"] = "long"  # type: ignore[index] # a document is nested

    with pytest.raises(ConfigurationError, match=r"case\.rung_s: 'long' is not a finite number"):
        record.decode(document)


@pytest.mark.parametrize(("percent", "judge"), [(0, "evidence"), (25, "evidence"), (0, "evidence-strict")])
def test_a_journal_of_a_release_by_evidence_is_decided_again_without_a_difference(
    tmp_path: Path, percent: int, judge: str
) -> None:
    story = failing(percent)
    story.change(judge=Judge(judge))

    file = Recording(tmp_path / "ad.jsonl", story).run()

    again = replay(file)
    assert (again.differences, file.origins[0].rule.name) == ((), judge)
    assert again.judged > 0


def test_the_terms_are_those_of_the_file() -> None:
    terms = trial.write_terms(plan(judge=Judge.EVIDENCE_STRICT))

    assert terms is not None
    assert (terms.mode, terms.weights, terms.interval_s) == (Mode.STRICT, (20, 40, 60, 80, 100), 10)
    assert (round(terms.allowed_errors, 6), terms.slow_limit_ms) == (0.05, 500)


def test_a_file_without_limits_allows_no_errors_and_knows_no_slow_requests() -> None:
    bare = trial.write_terms(replace(unchecked(), judge=Judge.EVIDENCE))
    loose = plan(analysis(checks=(Check("request-success-rate", Limits(maximum=100)),)), judge=Judge.EVIDENCE)

    assert bare is not None
    assert (bare.allowed_errors, bare.slow_limit_ms) == (0.0, None)
    assert trial.write_terms(loose) == bare


def test_an_answer_that_is_no_count_is_a_bug() -> None:
    story = judged(unchecked()).at_weight(1)
    world = replace(story.records[-1].world, route=story.state.route)
    deliberation = deliberate(Tick(story.release.plan, story.state, world))

    assert next(deliberation) == CountTraffic()
    with pytest.raises(TypeError, match="counts were asked, HookRound was answered"):
        deliberation.send(HookRound(passed=True))
