"""The story where people look: as Events of the Canary, or of its target, and to the providers it names."""

import base64
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cluster.api_server import ApiServer
from tests.cluster.manifests import canary, deployment
from tests.rollout_story import plan
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import ALERT_PROVIDER, CANARY, DEPLOYMENT, EVENT, SECRET, Manifest
from workflows.errors import ConfigurationError
from workflows.notifiers.alert_provider import read_provider
from workflows.notifiers.fanout import EventFanout
from workflows.notifiers.kubernetes import KubernetesEvents
from workflows.notifiers.memory import MemoryEvents
from workflows.rollout.plan import Alerting, Reference
from workflows.rollout.state import Event

PLAN = plan(namespace="test")
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HALT = Event("Halt ad.test advancement success rate 93.20% < 99%", warning=True)
ALERT = Alerting("on-call", Reference("AlertProvider", "on-call"))


def shown(cluster: Cluster) -> list[Manifest]:
    return cluster.list(EVENT, "test")


def test_an_event_is_shown_on_its_canary(cluster: Cluster) -> None:
    uid = cluster.create(CANARY, canary())["metadata"]["uid"]
    KubernetesEvents(cluster, DEPLOYMENT).emit(PLAN, HALT, NOON)
    (event,) = shown(cluster)
    assert (event["type"], event["reason"], event["message"]) == ("Warning", "Synced", HALT.message)
    assert event["involvedObject"]["kind"] == "Canary"
    assert event["involvedObject"]["uid"] == uid


def test_without_a_canary_the_target_shows_the_event(cluster: Cluster, api: ApiServer) -> None:
    cluster.create(DEPLOYMENT, deployment())
    with api.without(CANARY):
        KubernetesEvents(cluster, DEPLOYMENT).emit(PLAN, Event("Promotion completed!"), NOON)
    (event,) = shown(cluster)
    assert (event["type"], event["involvedObject"]["kind"]) == ("Normal", "Deployment")


def test_a_repeated_event_is_counted(cluster: Cluster) -> None:
    events = KubernetesEvents(cluster, DEPLOYMENT)
    for second in range(3):
        events.emit(PLAN, HALT, NOON + timedelta(seconds=second))
    events.emit(PLAN, Event("Promotion completed!"), NOON)
    first, other = sorted(shown(cluster), key=lambda event: str(event["type"]), reverse=True)
    assert (first["count"], first["lastTimestamp"]) == (3, "2026-05-04T12:00:02Z")
    assert other["count"] == 1


def test_a_long_event_is_cut(cluster: Cluster) -> None:
    KubernetesEvents(cluster, DEPLOYMENT).emit(PLAN, Event("x" * 5000), NOON)
    (event,) = shown(cluster)
    assert (len(event["message"]), event["message"][-4:]) == (1024, "x...")


def test_a_cluster_that_takes_no_events_fails_no_release(
    cluster: Cluster, api: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    api.refuse("POST", status=403)
    with caplog.at_level(logging.WARNING):
        KubernetesEvents(cluster, DEPLOYMENT).emit(PLAN, HALT, NOON)
    assert "is not in the cluster" in caplog.text


def test_an_event_can_be_shown_in_several_places() -> None:
    here, there = MemoryEvents(), MemoryEvents()
    EventFanout(here, there).emit(PLAN, HALT, NOON)
    assert here.messages == there.messages == [HALT.message]


def provide(cluster: Cluster, secret: dict[str, str] | None = None, **spec: Any) -> None:
    cluster.create(ALERT_PROVIDER, {"metadata": {"name": "on-call", "namespace": "test"}, "spec": spec})
    if secret is not None:
        data = {key: base64.b64encode(value.encode()).decode() for key, value in secret.items()}
        cluster.create(SECRET, {"metadata": {"name": "hook", "namespace": "test"}, "data": data})


def test_a_provider_is_read_with_its_secret(cluster: Cluster) -> None:
    secret = {"address": "https://chat.test/hook", "token": "t0ken"}
    provide(cluster, secret, type="slack", channel="releases", secretRef={"name": "hook"})
    provider = read_provider(cluster, "test", ALERT)
    assert (provider.type, provider.channel, provider.address) == ("slack", "releases", "https://chat.test/hook")
    assert provider.token == "t0ken"  # noqa: S105 - no secret


def test_a_provider_may_name_its_address_itself(cluster: Cluster) -> None:
    provide(cluster, type="msteams", address="https://chat.test/teams")
    assert read_provider(cluster, "test", ALERT).address == "https://chat.test/teams"


def test_a_provider_without_an_address_or_with_a_secret_that_is_not_there_is_refused(cluster: Cluster) -> None:
    with pytest.raises(ConfigurationError, match="AlertProvider on-call in test: not found"):
        read_provider(cluster, "test", ALERT)
    provide(cluster, type="slack", secretRef={"name": "hook"})
    with pytest.raises(ConfigurationError, match="Secret hook in test: not found"):
        read_provider(cluster, "test", ALERT)
    provide_secret = {"metadata": {"name": "hook", "namespace": "test"}, "data": {"token": ""}}
    cluster.create(SECRET, provide_secret)
    with pytest.raises(ConfigurationError, match=r"spec\.address is missing"):
        read_provider(cluster, "test", ALERT)


def test_a_secret_that_is_no_text_is_refused(cluster: Cluster) -> None:
    provide(cluster, type="slack", secretRef={"name": "hook"})
    data = {"address": base64.b64encode(b"\xff\xfe").decode()}
    cluster.create(SECRET, {"metadata": {"name": "hook", "namespace": "test"}, "data": data})
    with pytest.raises(ConfigurationError, match="is not base64 text"):
        read_provider(cluster, "test", ALERT)
