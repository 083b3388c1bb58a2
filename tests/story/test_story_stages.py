"""A release stage by stage on the local platform, as a pipeline runs it."""

import json
from pathlib import Path

import pytest

from tests.local_traffic import deployment, eventually, versions
from tests.story.conftest import Theatre
from workflows.journal import reader
from workflows.journal.replay import replay
from workflows.rollout.phase import Phase
from workflows.rollout.state import Cause


def test_the_stages_of_a_pipeline_promote_a_good_version(theatre: Theatre) -> None:
    theatre.write(stepWeight=50)
    theatre.platform.apply(deployment("v2"))
    stages = ["acquire", "initialise", "start", "gate", "set-weight 50", "gate", "set-weight 100", "gate"]
    stages += ["promote", "shift-back", "finalise", "finish", "release"]

    codes = [theatre.stage(*stage.split()).code for stage in stages]

    assert codes == [0] * len(stages)
    assert theatre.state.phase is Phase.SUCCEEDED
    assert versions(theatre.platform.addresses.apex, 20) == {"v2": 20}
    assert theatre.users.snapshot().failures == 0


def test_a_gate_that_says_halt_sends_the_traffic_home_itself(theatre: Theatre) -> None:
    theatre.platform.apply(deployment("v3"))
    for stage in ("start", "gate", "set-weight 50"):
        theatre.stage(*stage.split())

    ended = theatre.stage("gate")

    assert ended.code == 10
    assert json.loads(ended.out)["phase"] == "Failed"
    assert versions(theatre.platform.addresses.apex, 20) == {"v1": 20}
    assert theatre.stage("set-weight", "70").code == 10


def test_a_gate_stops_a_bad_version_by_evidence_and_all_stages_share_a_journal(
    theatre: Theatre, tmp_path: Path
) -> None:
    journal = tmp_path / "ad.journal.jsonl"
    options = ("--judge", "evidence", "--journal", str(journal))
    theatre.platform.apply(deployment("v3"))
    for stage in ("start", "set-weight 20"):
        theatre.stage(*stage.split(), *options)

    ended = theatre.stage("gate", *options)

    assert (ended.code, theatre.state.cause) == (10, Cause.EVIDENCE)
    assert theatre.state.case is not None
    assert replay(reader.read(journal)).differences == ()


def test_a_pipeline_that_dies_between_two_stages_leaves_the_traffic_at_home(theatre: Theatre) -> None:
    theatre.platform.apply(deployment("v2"))
    theatre.stage("start", "--lease", "3s")

    theatre.stage("set-weight", "40", "--lease", "3s")
    eventually(lambda: theatre.state.phase is Phase.FAILED, within_s=30)

    assert versions(theatre.platform.addresses.apex, 20) == {"v1": 20}


def test_finish_ends_safe_what_a_pipeline_left_open(theatre: Theatre) -> None:
    theatre.platform.apply(deployment("v2"))
    for stage in ("start", "set-weight 40"):
        theatre.stage(*stage.split())

    ended = theatre.stage("finish")

    assert ended.code == 10
    assert theatre.stage("finish").code == 10
    assert versions(theatre.platform.addresses.apex, 20) == {"v1": 20}


def test_status_tells_where_a_release_stands(theatre: Theatre) -> None:
    theatre.platform.apply(deployment("v2"))
    theatre.stage("start")

    ended = theatre.stage("status")

    assert json.loads(ended.out)["phase"] == "Progressing"
    assert theatre.stage("rollback").code == 10


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["set-weight", "101"], "'101' is not a whole percent from 0 to 100"),
        (["set-weight"], "needs a value"),
        (["gate", "now"], "'now' is not a whole percent from 0 to 100"),
        (["start", "now"], "needs no value"),
        (["mirror", "maybe"], "'maybe' is not on or off"),
        (["hook", "post-rolout"], "unknown type 'post-rolout'; known: confirm-rollout"),
        (["gate"], "stage 'gate' cannot run in phase Initialized; it needs Progressing or WaitingPromotion"),
        (["gate", "--lease", "long"], "--lease: 'long' is not a duration"),
        (["acquire", "--hold", "soon"], "--hold: 'soon' is not a duration"),
        (["gate", "--lease", "1ms"], "--lease: 1ms is less than a second"),
    ],
)
def test_a_stage_out_of_order_or_with_a_bad_value_is_one_line(
    still_house: Theatre, words: list[str], said: str
) -> None:
    ended = still_house.stage(*words)

    assert (ended.code, ended.err.count("\n")) == (78, 1)
    assert said in ended.err
