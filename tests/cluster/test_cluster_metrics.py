"""Checks and counters of a cluster's releases: MetricTemplates, their Secrets, Knative's revisions."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.cluster.api_server import ApiServer
from tests.metrics.metrics_server import MetricsServer, serve
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import METRIC_TEMPLATE, SECRET, Kind, Manifest
from workflows.errors import ConfigurationError, UnavailableError
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.cluster import ClusterMetrics, build_counter, read_revisions
from workflows.metrics.endpoint import Endpoint
from workflows.metrics.metric_template import PROVIDER
from workflows.metrics.providers import open_provider
from workflows.metrics.queries import Revisions
from workflows.rollout.plan import Analysis, Check, Limits, Reference, RolloutPlan, Service
from workflows.rollout.samples import Gap, Measurement

PLAN = RolloutPlan(
    name="ad",
    namespace="test",
    target=Reference("Deployment", "ad"),
    service=Service("ad", 80),
    analysis=Analysis(interval=timedelta(seconds=10), threshold=3),
)
TEMPLATE = Reference("MetricTemplate", "errors", "flagger.app/v1beta1", "test")
CHECK = Check("errors", Limits(maximum=1), template=TEMPLATE, variables={"reporter": "destination"})
SCALAR = {"status": "success", "data": {"resultType": "scalar", "result": [1, "0.5"]}}
KNATIVE = Kind("serving.knative.dev/v1", "Service", "services")


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    with serve() as running:
        yield running


def put_template(cluster: Cluster, query: str = "up", **provider: object) -> None:
    spec = {"provider": {"type": "prometheus", **provider}, "query": query}
    cluster.create(METRIC_TEMPLATE, _manifest(METRIC_TEMPLATE, "errors", spec=spec))


def put_foreign_template(cluster: Cluster, provider: str, **more: object) -> None:
    """Put a template of a provider that Flagger does not know."""
    made = _manifest(METRIC_TEMPLATE, "errors", spec={"provider": {"type": "prometheus", **more}, "query": "4"})
    made["metadata"]["annotations"] = {PROVIDER: provider}
    cluster.create(METRIC_TEMPLATE, made)


def put_secret(cluster: Cluster, data: dict[str, str]) -> Manifest:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    cluster.create(SECRET, _manifest(SECRET, "login", data=encoded))
    return {"name": "login"}


def _manifest(kind: Kind, name: str, **more: object) -> Manifest:
    metadata = {"name": name, "namespace": "test"}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **more}


def test_a_template_is_filled_in_and_asked_as_its_secret_says(cluster: Cluster, server: MetricsServer) -> None:
    server.answer(SCALAR)
    secret = put_secret(cluster, {"username": "ada", "password": "lovelace\n"})
    query = 'rate(x{r="{{ variables.reporter }}",n="{{ namespace }}"}[{{ interval }}])'
    put_template(cluster, query, address=server.url, secretRef=secret, headers={"X-Org": ["a", "b"]})

    measured = ClusterMetrics(cluster).measure(CHECK, PLAN)

    assert measured == Measurement(value=0.5)
    assert server.asked[0].fields == {"query": 'rate(x{r="destination",n="test"}[60s])'}
    assert server.asked[0].headers["authorization"] == "Basic YWRhOmxvdmVsYWNl"
    assert server.asked[0].headers["x-org"] == "a, b"


def test_an_inline_query_is_asked_of_the_metrics_server(cluster: Cluster, server: MetricsServer) -> None:
    server.answer(SCALAR)

    plan = replace(PLAN, metrics_server=server.url)
    measured = ClusterMetrics(cluster).measure(Check("errors", Limits(), query="up{{ target }}"), plan)

    assert measured.value == 0.5
    assert server.asked[0].fields == {"query": "upad"}


def test_a_template_of_the_file_alone_is_asked_of_the_metrics_server(cluster: Cluster, server: MetricsServer) -> None:
    server.answer(SCALAR)

    assert ClusterMetrics(cluster, server.url).measure(replace(CHECK, query="up"), PLAN).value == 0.5


@pytest.mark.parametrize(
    ("provider", "query", "words"),
    [
        ({"type": "datadog"}, "up", "provider datadog: its Secret needs 'datadog_api_key' and has nothing"),
        ({"secretRef": {"name": "gone"}}, "up", "MetricTemplate errors in test: Secret gone in test: not found"),
        ({}, "up", "prometheus: '' is not an address"),
        ({}, "  ", "MetricTemplate errors in test: spec.query is empty"),
        ({"address": "http://127.0.0.1:1"}, "{{ variables.x }}", "unknown placeholder {{ variables.x }}; known"),
        ({"address": "http://127.0.0.1:1"}, "{{ colour }}", "unknown placeholder {{ colour }}"),
    ],
)
def test_a_template_that_cannot_be_asked_is_refused_with_the_reason(
    cluster: Cluster, provider: Manifest, query: str, words: str
) -> None:
    put_template(cluster, query, **provider)

    measured = ClusterMetrics(cluster).measure(CHECK, PLAN)

    assert measured.gap is Gap.REFUSED
    assert words in measured.detail


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ({"type": "grafana"}, "unknown provider 'grafana'; known: cloudwatch"),
        ({"headers": {"X-Org": "a"}}, "spec.provider.headers.X-Org is not a list of strings"),
    ],
)
def test_a_template_that_only_a_loose_crd_admits_is_refused_with_the_reason(
    small_cluster: Cluster, provider: Manifest, words: str
) -> None:
    put_template(small_cluster, "up", **provider)

    measured = ClusterMetrics(small_cluster).measure(CHECK, PLAN)

    assert measured.gap is Gap.REFUSED
    assert words in measured.detail


def test_a_provider_that_flagger_does_not_know_is_named_by_an_annotation(
    cluster: Cluster, server: MetricsServer
) -> None:
    server.answer({"runs": []})
    put_foreign_template(cluster, "penstock", address=server.url)

    measured = ClusterMetrics(cluster).measure(CHECK, PLAN)

    assert measured == Measurement(gap=Gap.REFUSED, detail="'4' is not NAME.NAMESPACE TEST METRIC")


def test_a_provider_that_nobody_knows_is_refused(cluster: Cluster) -> None:
    put_foreign_template(cluster, "grafana")

    measured = ClusterMetrics(cluster).measure(CHECK, PLAN)

    assert measured.gap is Gap.REFUSED
    assert "unknown provider 'grafana'; known: cloudwatch" in measured.detail


def test_headers_that_are_no_lists_are_refused() -> None:
    odd = _manifest(METRIC_TEMPLATE, "errors", spec={"provider": {"headers": {"X-Org": "a"}}, "query": "up"})

    measured = ClusterMetrics(Holding(odd)).measure(CHECK, PLAN)

    assert "spec.provider.headers.X-Org is not a list of strings" in measured.detail


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (CHECK, "MetricTemplate errors in test: not found"),
        (Check("errors", Limits()), "it has neither a query nor a templateRef"),
    ],
)
def test_a_check_with_nothing_to_ask_is_refused(cluster: Cluster, check: Check, words: str) -> None:
    assert ClusterMetrics(cluster).measure(check, PLAN) == Measurement(gap=Gap.REFUSED, detail=words)


class Away(Cluster):
    """A cluster that has been away for longer than a call may take."""

    def __init__(self) -> None:
        super().__init__(None, "", dict)

    def get(self, *_: object) -> None:
        raise UnavailableError("the API server does not answer")


class Holding(Away):
    """A cluster that admits what Flagger's definitions would refuse."""

    def __init__(self, held: Manifest) -> None:
        super().__init__()
        self._held = held

    def get(self, *_: object) -> Manifest:
        return self._held


class Strange(Away):
    """A cluster in which we may read nothing."""

    def read(self, path: str) -> Manifest:
        raise ConfigurationError(f"read {path}: forbidden; docs/rbac.md lists the rights that are needed")


def test_a_cluster_that_does_not_answer_leaves_a_gap() -> None:
    measured = ClusterMetrics(Away()).measure(CHECK, PLAN)

    assert measured == Measurement(gap=Gap.UNREACHABLE, detail="the API server does not answer")


def test_a_cluster_without_the_kind_says_what_to_install(api: ApiServer, cluster: Cluster) -> None:
    with api.without(METRIC_TEMPLATE):
        measured = ClusterMetrics(cluster).measure(CHECK, PLAN)

    assert measured.gap is Gap.REFUSED
    assert "install its CRDs" in measured.detail


def test_a_template_of_the_file_is_asked_where_the_cluster_does_not_know_templates(
    api: ApiServer, cluster: Cluster, server: MetricsServer
) -> None:
    server.answer(SCALAR)
    with api.without(METRIC_TEMPLATE):
        measured = ClusterMetrics(cluster, server.url).measure(replace(CHECK, query="up"), PLAN)
    assert (measured, server.asked[0].fields) == (Measurement(value=0.5), {"query": "up"})


def test_a_secret_stands_in_no_message(cluster: Cluster, server: MetricsServer) -> None:
    server.answer("no such token: tok-123", status=401)
    put_template(cluster, address=server.url, secretRef=put_secret(cluster, {"token": "tok-123"}))

    detail = ClusterMetrics(cluster).measure(CHECK, PLAN).detail

    assert "no such token: ***" in detail


def test_a_secret_that_is_no_text_is_named(cluster: Cluster) -> None:
    data = {"token": base64.b64encode(b"\xff\xfe").decode()}
    cluster.create(SECRET, _manifest(SECRET, "login", data=data))
    put_template(cluster, secretRef={"name": "login"})

    assert "Secret login in test: token is not text in base64" in ClusterMetrics(cluster).measure(CHECK, PLAN).detail


def test_an_answer_of_an_unknown_shape_is_no_number(cluster: Cluster, server: MetricsServer) -> None:
    server.answer([{"datapoints": [7]}])
    put_template(cluster, "target=x", type="graphite", address=server.url)

    measured = ClusterMetrics(cluster).measure(CHECK, PLAN)

    assert measured.gap is Gap.NOT_A_NUMBER
    assert "an answer of an unknown shape (TypeError" in measured.detail


def test_external_metrics_are_asked_of_the_cluster_itself(cluster: Cluster) -> None:
    put_template(cluster, "test/queue_depth?labelSelector=app%3Dad", type="externalmetrics")

    measured = ClusterMetrics(cluster).measure(CHECK, PLAN)

    assert measured.gap is Gap.UNREACHABLE
    assert "/apis/external.metrics.k8s.io/v1beta1/namespaces/test/queue_depth" in measured.detail


def test_external_metrics_that_may_not_be_read_are_refused() -> None:
    with pytest.raises(NoAnswerError, match=r"docs/rbac\.md") as none:
        open_provider(Endpoint("externalmetrics", ""), Strange()).ask("test/queue_depth")

    assert none.value.gap is Gap.REFUSED


@pytest.mark.parametrize(
    ("query", "path", "selector"),
    [
        ("queue", "default/queue", None),
        ("/queue", "default/queue", None),
        ("shop/queue?labelSelector=app%3Dad", "shop/queue", "app=ad"),
    ],
)
def test_an_external_metric_is_asked_of_another_server(
    cluster: Cluster, server: MetricsServer, query: str, path: str, selector: str | None
) -> None:
    server.answer({"kind": "ExternalMetricValueList", "items": [{"metricName": "queue", "value": "420m"}]})
    secret = put_secret(cluster, {"token": "tok-123"})
    put_template(cluster, query, type="externalmetrics", address=server.url, secretRef=secret)

    measured = ClusterMetrics(cluster).measure(CHECK, PLAN)

    assert measured == Measurement(value=0.42)
    assert server.asked[0].path == f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{path}"
    assert server.asked[0].fields.get("labelSelector") == selector
    assert server.asked[0].headers["authorization"] == "Bearer tok-123"


@pytest.mark.parametrize("query", ["a/b/c", "a/", ""])
def test_an_external_metric_that_names_none_is_refused(cluster: Cluster, query: str) -> None:
    put_template(cluster, query or "?labelSelector=a", type="externalmetrics", address="http://127.0.0.1:1")

    measured = ClusterMetrics(cluster).measure(CHECK, PLAN)

    assert measured.gap is Gap.REFUSED
    assert "is not NAMESPACE/METRIC" in measured.detail


def test_requests_are_counted_by_the_plans_own_prometheus(cluster: Cluster, server: MetricsServer) -> None:
    server.answer({"status": "success", "data": {"resultType": "vector", "result": []}})

    build_counter(cluster, replace(PLAN, metrics_server="http://127.0.0.1:1"), server.url).read()

    assert 'destination_workload=~"ad|ad-primary"' in server.asked[0].fields["query"]


def test_a_knative_service_is_counted_by_its_revisions(cluster: Cluster, server: MetricsServer) -> None:
    server.answer({"status": "success", "data": {"resultType": "vector", "result": []}})
    plan = replace(PLAN, provider="knative", metrics_server=server.url)
    found = _manifest(KNATIVE, "ad", spec={"template": {}})
    found["metadata"]["annotations"] = {"flagger.app/primary-revision": "ad-00001"}
    found = cluster.create(KNATIVE, found)
    cluster.replace(KNATIVE, {**found, "status": {"latestCreatedRevisionName": "ad-00002"}}, "status")

    build_counter(cluster, plan).read()

    assert 'envoy_cluster_name=~"test/ad-00002|test/ad-00001"' in server.asked[0].fields["query"]


def test_a_knative_service_that_is_not_there_has_no_revisions(cluster: Cluster) -> None:
    assert read_revisions(cluster, PLAN) == Revisions()


def test_a_cluster_that_is_away_leaves_the_counters_unavailable() -> None:
    with pytest.raises(UnavailableError):
        build_counter(Away(), replace(PLAN, provider="knative")).read()
