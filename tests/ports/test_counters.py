"""What every TrafficCounter counts, and what Envoy's must leave out."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.local_traffic import eventually, get, replies
from workflows.clocks import SystemClock
from workflows.errors import UnavailableError
from workflows.local import ports
from workflows.local.platform import LocalPlatform
from workflows.metrics.envoy import EnvoyCounter, parse
from workflows.metrics.memory import MemoryCounter
from workflows.rollout.plan import Analysis
from workflows.rollout.samples import ArmCounts
from workflows.rollout.traffic import Arm, Route
from workflows.routers.envoy import EnvoyRouter
from workflows.workloads.processes import ProcessWorkload


class Pump:
    """Make an arm answer, whatever counts it."""

    def __init__(self, platform: LocalPlatform | None) -> None:
        self.platform = platform
        self.counter = EnvoyCounter(platform.directory) if platform else MemoryCounter()

    def send(self, arm: Arm, requests: int, path: str = "/ad") -> None:
        if isinstance(self.counter, MemoryCounter):
            self.counter.record(arm, "2xx" if path == "/ad" else "4xx", requests=requests)
        else:
            EnvoyRouter(self.platform.directory).shift(Route(100 if arm is Arm.CANARY else 0))
            replies(self.platform.addresses.apex, requests, path)


@pytest.fixture(params=["memory", "envoy"])
def pump(request: pytest.FixtureRequest) -> Pump:
    return Pump(request.getfixturevalue("pair") if request.param == "envoy" else None)


@pytest.mark.parametrize("arm", Arm)
def test_each_arm_counts_its_own_requests(pump: Pump, arm: Arm) -> None:
    before = pump.counter.read()

    pump.send(arm, 12)

    window = pump.counter.read().since(before)
    assert window.of(arm).responses == {"2xx": 12} | dict.fromkeys(window.of(arm).responses.keys() - {"2xx"}, 0)
    assert sum(window.of(each).total for each in Arm) == 12


def test_requests_are_counted_by_their_class(pump: Pump) -> None:
    before = pump.counter.read()

    pump.send(Arm.CANARY, 3, "/nowhere")

    assert pump.counter.read().since(before).canary.responses["4xx"] == 3


def test_latency_is_counted_in_rising_cumulative_buckets(pump: Pump) -> None:
    before = pump.counter.read()

    pump.send(Arm.CANARY, 10)

    latency = pump.counter.read().since(before).canary.latency
    assert [count for _, count in latency] == sorted(count for _, count in latency)
    assert latency[-1] == (float("inf"), 10)


def test_a_p99_can_be_read_from_the_buckets(pump: Pump) -> None:
    pump.send(Arm.PRIMARY, 50)

    assert 0 < pump.counter.read().primary.quantile_ms(0.99) < 2000


def test_memory_counters_begin_anew_after_a_reset() -> None:
    counter = MemoryCounter()
    counter.record(Arm.CANARY, "2xx", requests=5)
    before = counter.read()

    counter.reset()
    counter.record(Arm.CANARY, "5xx", requests=2)

    assert counter.read().since(before).canary.responses == {"5xx": 2}


def test_tests_and_loads_of_one_arm_are_no_user_traffic(pair: LocalPlatform) -> None:
    before = EnvoyCounter(pair.directory).read()

    replies(pair.addresses.canary, 20)
    replies(pair.addresses.primary, 20)

    window = EnvoyCounter(pair.directory).read().since(before)
    assert (window.primary.total, window.canary.total) == (0, 0)


def test_copies_of_mirrored_requests_can_be_left_out(pair: LocalPlatform) -> None:
    users, copies = EnvoyCounter(pair.directory, mirrored=False), EnvoyCounter(pair.directory)
    before = users.read(), copies.read()
    analysis = Analysis(interval=timedelta(seconds=1), threshold=1, mirror_percent=100)
    EnvoyRouter(pair.directory, analysis).shift(Route(0, mirrored=True))

    replies(pair.addresses.apex, 30)

    eventually(lambda: copies.read().since(before[1]).canary.total == 30)
    assert users.read().since(before[0]).canary.total == 0


def test_an_arm_without_endpoints_is_charged_with_the_failures(platform: LocalPlatform) -> None:
    ProcessWorkload(platform.directory, SystemClock()).initialise()
    EnvoyRouter(platform.directory).shift(Route(100))

    status = get(platform.addresses.apex).status

    assert (status, EnvoyCounter(platform.directory).read().canary.responses) == (503, {"5xx": 1})


def test_without_a_platform_the_way_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="penstock local up"):
        EnvoyCounter(tmp_path).read()


def test_an_envoy_that_stays_away_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    (tmp_path / "envoy").mkdir()
    (tmp_path / "envoy" / "admin.address").write_text(f"127.0.0.1:{ports.free()}")

    with pytest.raises(UnavailableError, match="cannot be read"):
        EnvoyCounter(tmp_path, patience_s=0.1).read()


# As Envoy 1.40 wrote it, shortened.
PAGE = """# TYPE envoy_cluster_upstream_rq_xx counter
envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="canary"} 500
envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="canary"} 3

# TYPE envoy_cluster_upstream_rq_time histogram
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="canary",le="0.5"} 120
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="canary",le="500"} 501
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="canary",le="+Inf"} 503
envoy_cluster_upstream_rq_time_sum{envoy_cluster_name="canary"} 1200.5
envoy_cluster_upstream_rq_time_count{envoy_cluster_name="canary"} 503
"""


def test_the_page_of_envoy_is_read_by_cluster() -> None:
    latency = ((0.5, 120), (500.0, 501), (float("inf"), 503))

    assert parse(PAGE) == {"canary": ArmCounts({"2xx": 500, "5xx": 3}, latency)}
