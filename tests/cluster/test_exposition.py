"""Where releases stand, as Prometheus is told under Flagger's names."""

import errno
import socket
from collections.abc import Callable
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from tests.cluster.api_server import ApiServer
from tests.cluster.releases import Stage
from tests.ports.hook_server import free_port
from workflows.cli import main
from workflows.cli import watchdog as watchdog_command
from workflows.clocks import SystemClock
from workflows.cluster.kinds import CONFIG_MAP
from workflows.exposition import ReleaseCollector


def page(collector: ReleaseCollector) -> list[str]:
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry).decode().splitlines()


def test_a_release_under_way_shows_its_weight_and_phase(stage: Stage) -> None:
    stage.set_image("v2")
    for words in (["start"], ["gate"], ["set-weight", "30"]):
        assert stage.stage(*words) == 0
    lines = page(ReleaseCollector(stage.cluster))
    assert 'flagger_canary_status{name="ad",namespace="test"} 0.0' in lines
    assert 'flagger_canary_weight{namespace="test",workload="ad"} 30.0' in lines
    assert 'flagger_canary_weight{namespace="test",workload="ad-primary"} 70.0' in lines
    assert 'flagger_canary_total{namespace="test"} 1.0' in lines
    assert 'penstock_release_phase{name="ad",namespace="test",phase="Progressing"} 1.0' in lines


def test_a_release_judged_by_evidence_shows_what_was_found(stage: Stage) -> None:
    stage.set_image("v3")
    for words in (["start"], ["gate"], ["set-weight", "30"], ["gate"]):
        stage.stage(*words, "--judge", "evidence")
    lines = page(ReleaseCollector(stage.cluster))
    found = dict(line.rsplit(" ", 1) for line in lines if line.startswith("penstock_release_"))
    ad = 'name="ad",namespace="test"'
    limit = float(found[f"penstock_release_evidence_limit{{{ad}}}"])
    assert float(found[f'penstock_release_evidence{{kind="total",{ad}}}']) > limit == 20
    requests, errors = (
        float(found[f'penstock_release_{what}{{arm="canary",{ad}}}']) for what in ("requests", "errors")
    )
    assert 0 < errors < requests


def test_ends_are_counted_as_they_are_seen(stage: Stage) -> None:
    collector = ReleaseCollector(stage.cluster, ("test",))
    labels = 'analysis_status="completed",deployment_strategy="canary",name="ad",namespace="test"'
    page(collector)
    for version in ("v2", "v3"):
        stage.set_image(version)
        stage.run()
        lines = page(collector)
    assert f"flagger_canary_successes_total{{{labels}}} 1.0" in lines
    assert f"flagger_canary_failures_total{{{labels}}} 1.0" in lines
    assert 'flagger_canary_status{name="ad",namespace="test"} 2.0' in lines
    assert page(collector) == lines


def test_a_record_that_cannot_be_read_hides_no_other(stage: Stage) -> None:
    for name, data in {"penstock-odd": {"state.json": "{"}, "penstock-bare": {}}.items():
        metadata = {"name": name, "namespace": "test", "labels": {"app.kubernetes.io/managed-by": "penstock"}}
        stage.cluster.create(CONFIG_MAP, {"metadata": metadata, "data": data})
    assert 'flagger_canary_status{name="ad",namespace="test"} 1.0' in page(ReleaseCollector(stage.cluster))


def test_a_record_whose_canary_cannot_be_read_is_passed_over(stage: Stage) -> None:
    stage.cluster.patch(CONFIG_MAP, "test", "penstock-ad", {"data": {"canary.yaml": "kind: Canary"}})
    assert not [line for line in page(ReleaseCollector(stage.cluster)) if line.startswith("flagger_canary_status{")]


def test_a_cluster_that_does_not_answer_is_shown_as_that(stage: Stage, api: ApiServer) -> None:
    api.refuse("configmaps", status=403)
    assert page(ReleaseCollector(stage.cluster))[-1] == "penstock_releases_readable 0.0"


@pytest.fixture
def read_page(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Start the watchdog and read its page once at an address."""
    port, seen, asked = free_port(), [], []

    class Once(SystemClock):
        def sleep(self, _: object) -> None:
            with urlopen(f"http://{asked[0]}:{port}/metrics", timeout=10) as answer:
                seen.append(answer.read().decode())
            raise KeyboardInterrupt

    def read(address: str) -> str:
        asked.append(address)
        assert main(["watchdog", *stage.where(), "--metrics-port", str(port)]) == 0
        return seen[0]

    monkeypatch.setattr(watchdog_command, "SystemClock", Once)
    return read


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]"])
def test_the_watchdog_serves_the_page_by_both_families(address: str, read_page: Callable[[str], str]) -> None:
    if "::" in address and not has_ipv6():
        pytest.skip("this machine has no IPv6")

    assert "flagger_canary_status" in read_page(address)


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return socket.has_dualstack_ipv6()


@pytest.mark.parametrize("known", [False, True], ids=["not known", "switched off"])
def test_where_there_is_no_ipv6_the_page_is_served_by_ipv4(
    *, known: bool, read_page: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.socket.bind

    def bind(self: socket.socket, address: tuple[str, int]) -> None:
        if self.family is socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        real(self, address)

    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: known)
    monkeypatch.setattr(socket.socket, "bind", bind)

    assert "flagger_canary_status" in read_page("127.0.0.1")


@pytest.mark.parametrize("port", ["70000", "taken"])
def test_a_port_that_cannot_be_had_is_named(stage: Stage, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    taken = stage.prometheus.rpartition(":")[2] if port == "taken" else port
    assert main(["watchdog", *stage.where(), "--metrics-port", taken]) == 78
    assert f"--metrics-port: {taken}: " in capsys.readouterr().err


def test_a_watchdog_that_may_not_look_says_so_and_ends(
    stage: Stage, api: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    api.refuse("/leases", status=403)

    assert main(["watchdog", *stage.where()]) == 78

    assert "docs/rbac.md lists the rights that are needed" in capsys.readouterr().err
