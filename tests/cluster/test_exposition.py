"""Where releases stand, as Prometheus is told under Flagger's names."""

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


def test_the_watchdog_serves_the_page(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    port, seen = free_port(), []

    class Once(SystemClock):
        def sleep(self, _: object) -> None:
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                seen.append(answer.read().decode())
            raise KeyboardInterrupt

    monkeypatch.setattr(watchdog_command, "SystemClock", Once)
    assert main(["watchdog", *stage.where(), "--metrics-port", str(port)]) == 0
    assert "flagger_canary_status" in seen[0]


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
