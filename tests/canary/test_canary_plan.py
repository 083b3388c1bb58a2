"""What a sound file asks for is in the plan, with every default filled in."""

from datetime import timedelta

import pytest
import yaml
from canary_files import GONE, ITERATIONS, only, plan_of, read_analysis, read_spec, read_with, vary, warnings

from webhooks.protocol import HookType
from workflows.canary import read
from workflows.rollout.plan import (
    Alerting,
    Analysis,
    Autoscaler,
    Hook,
    Judge,
    NoDataPolicy,
    Reference,
    RequestMatch,
    Service,
    SessionAffinity,
    Severity,
    Strategy,
    StringMatch,
)

MATCH = [{"headers": {"x-tester": {"exact": "yes"}}}]


def test_a_small_file_gets_every_default() -> None:
    plan = plan_of(read_spec())

    assert plan.key == "ad.weather"
    assert plan.target == Reference("Deployment", "ad", "apps/v1", "weather")
    assert plan.service == Service("ad", 3003, 3003, "http")
    assert plan.analysis == Analysis(timedelta(seconds=40), threshold=3, weights=(20, 40, 60, 80, 100))
    assert plan.strategy is Strategy.CANARY
    assert plan.progress_deadline == timedelta(minutes=10)
    assert plan.approval_deadline == timedelta(days=1)
    assert plan.no_data is NoDataPolicy.FAIL


def test_a_file_without_a_namespace_is_in_default() -> None:
    plan = plan_of(read_with("metadata", {"namespace": GONE}))

    assert plan.key == "ad.default"


@pytest.mark.parametrize(
    ("analysis", "weights"),
    [
        ({"stepWeight": 20, "maxWeight": 50}, (20, 40, 50)),
        ({"stepWeight": 20, "maxWeight": 60}, (20, 40, 60)),
        ({"stepWeight": 30}, (30, 60, 90, 100)),
        ({"stepWeight": 100}, (100,)),
        ({"stepWeight": 1, "maxWeight": 3}, (1, 2, 3)),
        ({"stepWeight": 20.0, "maxWeight": None}, (20, 40, 60, 80, 100)),
        ({"stepWeight": GONE, "stepWeights": [1, 2, 10, 80]}, (1, 2, 10, 80)),
    ],
)
def test_the_ladder_ends_at_the_highest_weight_and_never_beyond(
    analysis: dict[str, object], weights: tuple[int, ...]
) -> None:
    plan = plan_of(read_analysis(**analysis))

    assert plan.analysis.weights == weights


@pytest.mark.parametrize(
    ("analysis", "strategy"),
    [
        ({}, Strategy.CANARY),
        (ITERATIONS, Strategy.BLUE_GREEN),
        (ITERATIONS | {"match": MATCH}, Strategy.AB_TESTING),
        (ITERATIONS | {"match": []}, Strategy.BLUE_GREEN),
        ({"match": MATCH}, Strategy.CANARY),
    ],
)
def test_the_strategy_follows_flaggers_rule(analysis: dict[str, object], strategy: Strategy) -> None:
    plan = plan_of(read_analysis(**analysis))

    assert plan.strategy is strategy
    assert bool(plan.analysis.weights) is (strategy is Strategy.CANARY)
    assert bool(plan.analysis.match) is (strategy is Strategy.AB_TESTING)


def test_a_match_is_read_in_full() -> None:
    match = [
        {
            "headers": {"a": {"suffix": "x"}, "b": {"regex": "y.*"}},
            "queryParams": {"q": {"prefix": "z"}, "present": {}},
            "sourceLabels": {"app": "web"},
        }
    ]

    plan = plan_of(read_analysis(**ITERATIONS, match=match))

    assert plan.analysis.match == (
        RequestMatch(
            {"a": StringMatch("suffix", "x"), "b": StringMatch("regex", "y.*")},
            {"q": StringMatch("prefix", "z"), "present": StringMatch("regex", ".*")},
            {"app": "web"},
        ),
    )


@pytest.mark.parametrize(
    "way", [{"stepWeight": 20}, {"stepWeight": GONE, "stepWeights": [5, 50]}, {**ITERATIONS, "iterations": 0}]
)
def test_provider_kubernetes_turns_weights_into_ten_iterations(way: dict[str, object]) -> None:
    sound = vary("spec.analysis", way) | {}
    sound["spec"]["provider"] = "kubernetes"

    reading = read(yaml.safe_dump(sound))

    assert "Flagger makes it 10 iterations" in only(reading).message
    assert plan_of(reading).strategy is Strategy.BLUE_GREEN
    assert plan_of(reading).analysis.iterations == 10
    assert plan_of(reading).analysis.weights == ()


def test_provider_kubernetes_drops_the_match() -> None:
    sound = vary("spec.analysis", {**ITERATIONS, "match": MATCH})
    sound["spec"]["provider"] = "kubernetes"

    reading = read(yaml.safe_dump(sound))

    assert only(reading).path == "spec.analysis.match"
    assert plan_of(reading).strategy is Strategy.BLUE_GREEN


@pytest.mark.parametrize(
    ("analysis", "percent"),
    [
        ({}, 0),
        ({"mirror": False}, 0),
        ({"mirror": True}, 100),
        ({"mirror": True, "mirrorWeight": 0}, 100),
        ({"mirror": True, "mirrorWeight": 30}, 30),
        (ITERATIONS | {"mirror": True}, 100),
        (ITERATIONS | {"mirror": True, "match": MATCH}, 0),
    ],
)
def test_a_mirror_copies_everything_unless_told_how_much(analysis: dict[str, object], percent: int) -> None:
    plan = plan_of(read_analysis(**analysis))

    assert plan.analysis.mirror_percent == percent


def test_thresholds_of_readiness_and_promotion_are_kept() -> None:
    plan = plan_of(read_analysis(primaryReadyThreshold=50, canaryReadyThreshold=0, stepWeightPromotion=25))

    assert plan.analysis.primary_ready_percent == 50
    assert plan.analysis.canary_ready_percent == 0
    assert plan.analysis.promotion_step == 25


@pytest.mark.parametrize("threshold", [-1, 0, 1])
def test_a_threshold_below_one_is_one(threshold: int) -> None:
    plan = plan_of(read_analysis(threshold=threshold))

    assert plan.analysis.threshold == 1


def test_a_short_interval_is_kept() -> None:
    plan = plan_of(read_analysis(interval="500ms"))

    assert plan.analysis.interval == timedelta(milliseconds=500)


def test_hooks_are_read_in_full_and_in_order() -> None:
    plan = plan_of(
        read_analysis(
            webhooks=[
                {"name": "load", "url": "http://t.test/"},
                {
                    "name": "gate",
                    "url": "https://t.test:8443/g?x=1",
                    "type": "confirm-promotion",
                    "timeout": "1m30s",
                    "retries": 2,
                    "disableTLS": True,
                    "muteAlert": True,
                    "metadata": {"gate": "promotion"},
                },
            ]
        )
    )

    assert plan.analysis.hooks == (
        Hook("load", "http://t.test/"),
        Hook(
            name="gate",
            url="https://t.test:8443/g?x=1",
            type=HookType.CONFIRM_PROMOTION,
            timeout=timedelta(seconds=90),
            retries=2,
            verify_tls=False,
            mute_alert=True,
            metadata={"gate": "promotion"},
        ),
    )


@pytest.mark.parametrize("kind", ["", *HookType])
def test_every_hook_type_is_read_and_an_empty_one_is_rollout(kind: HookType | str) -> None:
    name = kind.value if isinstance(kind, HookType) else kind

    plan = plan_of(read_analysis(webhooks=[{"name": "a", "url": "http://t.test/", "type": name}]))

    assert plan.analysis.hooks[0].type is (kind or HookType.ROLLOUT)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "t.test/hook",
        "ftp://t.test/",
        "http://",
        "http://t.test:0/",
        "http://t.test:99999/",
        "http://[::1",
        "http://t.test/a b",
    ],
)
def test_a_hook_needs_an_http_address(url: str) -> None:
    finding = only(read_analysis(webhooks=[{"name": "a", "url": url}]))

    assert finding.path == "spec.analysis.webhooks[0].url"
    assert "is not an http or https address" in finding.message


def test_an_unknown_hook_type_lists_the_known_ones_and_suggests_one() -> None:
    finding = only(read_analysis(webhooks=[{"name": "a", "url": "http://t.test/", "type": "prerollout"}]))

    assert finding.hint == 'did you mean "pre-rollout"?'


def test_hooks_of_one_name_are_a_warning_each() -> None:
    hook = {"name": "a", "url": "http://t.test/"}

    reading = read_analysis(webhooks=[hook, hook])

    assert [finding.path for finding in reading.findings] == [f"spec.analysis.webhooks[{i}].name" for i in range(2)]


def test_a_traffic_increase_hook_without_weights_is_a_warning() -> None:
    hook = {"name": "a", "url": "http://t.test/", "type": "confirm-traffic-increase"}

    reading = read_analysis(**ITERATIONS, webhooks=[hook])

    assert "is never called with the strategy blue-green" in only(reading).message


@pytest.mark.parametrize(
    ("severity", "read_as"),
    [
        (None, Severity.INFO),
        ("", Severity.INFO),
        ("info", Severity.INFO),
        ("warn", Severity.WARN),
        ("error", Severity.ERROR),
    ],
)
def test_an_alert_without_a_severity_is_info(severity: str | None, read_as: Severity) -> None:
    alert = {"name": "on-call", "severity": severity, "providerRef": {"name": "slack"}}

    plan = plan_of(read_analysis(alerts=[alert]))

    provider = Reference("AlertProvider", "slack", "flagger.app/v1beta1", "weather")
    assert plan.analysis.alerts == (Alerting("on-call", provider, read_as),)


def test_an_alert_provider_of_another_namespace_is_a_warning() -> None:
    alert = {"name": "on-call", "providerRef": {"name": "slack", "namespace": "other"}}

    reading = read_analysis(alerts=[alert])

    assert only(reading).path == "spec.analysis.alerts[0].providerRef.namespace"
    assert plan_of(reading).analysis.alerts[0].provider.namespace == "other"


def test_session_affinity_is_read_in_full() -> None:
    cookie = {
        "cookieName": "a",
        "primaryCookieName": "b",
        "maxAge": 60,
        "domain": "shop.test",
        "path": "/",
        "sameSite": "None",
        "secure": True,
        "httpOnly": True,
        "partitioned": False,
    }

    plan = plan_of(read_analysis(sessionAffinity=cookie))

    attributes = {"domain": "shop.test", "path": "/", "sameSite": "None", "secure": "true", "httpOnly": "true"}
    assert plan.analysis.affinity == SessionAffinity("a", "b", timedelta(seconds=60), attributes)


def test_session_affinity_lasts_a_day_unless_told_otherwise() -> None:
    plan = plan_of(read_analysis(sessionAffinity={"cookieName": "a"}))

    assert plan.analysis.affinity == SessionAffinity("a", max_age=timedelta(days=1))


@pytest.mark.parametrize(
    ("cookie", "field"),
    [
        ({"cookieName": "a", "primaryCookieName": "a"}, "primaryCookieName"),
        ({"cookieName": "a b"}, "cookieName"),
        ({"primaryCookieName": "a"}, "cookieName"),
        ({"cookieName": "a", "domain": "x;y"}, "domain"),
        ({"cookieName": "a", "sameSite": "lax"}, "sameSite"),
        ({"cookieName": "a", "maxAge": -1}, "maxAge"),
        ({"cookieName": "a", "maxAge": 0}, "maxAge"),
        ({"cookieName": "a", "sameSite": "None"}, "sameSite"),
        ({"cookieName": "a", "partitioned": True}, "partitioned"),
    ],
)
def test_a_cookie_that_could_not_work_is_noted(cookie: dict[str, object], field: str) -> None:
    finding = only(read_analysis(sessionAffinity=cookie))

    assert finding.path == f"spec.analysis.sessionAffinity.{field}"


def test_the_service_keeps_what_only_routers_use() -> None:
    settings = {"hosts": ["a.test"], "retries": {"attempts": 3}, "appProtocol": "http", "timeout": "15s"}
    own = {"name": "web", "port": 80, "targetPort": "http", "portName": "web"}

    reading = read_spec(service=own | settings | {"hots": ["b.test"]})

    assert plan_of(reading).service == Service("web", 80, "http", "web", settings)
    assert warnings(reading) == ['spec.service.hots: is not a field here and is ignored; did you mean "hosts"?']


def test_references_and_switches_are_kept() -> None:
    ingress = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "web"}
    scaler = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "web"}
    other = {"primaryScalerReplicas": {"minReplicas": 2}, "primaryScalerQueries": {"rps": "sum(x)"}}

    plan = plan_of(
        read_spec(
            provider="nginx",
            metricsServer="http://prometheus:9090",
            ingressRef=ingress,
            autoscalerRef={**scaler, **other},
            progressDeadlineSeconds=60,
            skipAnalysis=True,
            suspend=True,
            revertOnDeletion=True,
        )
    )

    assert plan.references == {"ingressRef": Reference("Ingress", "web", "networking.k8s.io/v1", "weather")}
    assert plan.autoscaler == Autoscaler("ScaledObject", "web", "keda.sh/v1alpha1", 2, queries={"rps": "sum(x)"})
    assert (plan.provider, plan.metrics_server) == ("nginx", "http://prometheus:9090")
    assert plan.progress_deadline == timedelta(minutes=1)
    assert plan.skip_analysis
    assert plan.suspend
    assert plan.revert_on_deletion


def test_our_annotations_are_read_and_others_kept() -> None:
    ours = {
        "penstock.dev/no-data": "hold",
        "penstock.dev/approval-timeout": "1h30m",
        "penstock.dev/judge": "evidence",
    }

    plan = plan_of(read_with("metadata", {"annotations": ours | {"a": "b"}}))

    assert plan.no_data is NoDataPolicy.HOLD
    assert plan.judge is Judge.EVIDENCE
    assert plan.approval_deadline == timedelta(minutes=90)
    assert plan.annotations == ours | {"a": "b"}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("no-data", "holt", '"holt" is not known; allowed: fail, hold; did you mean "hold"?'),
        ("judge", "evidense", '"evidense" is not known; allowed: threshold, evidence, evidence-strict; did you mean'),
        ("approval-timeout", "1d", '"1d" is not a duration'),
        ("approval-timeout", "0s", '"0s" is not above zero'),
        ("no-dta", "hold", 'did you mean "penstock.dev/no-data"?'),
    ],
)
def test_a_fault_in_our_annotations_is_noted(name: str, value: str, text: str) -> None:
    finding = only(read_with("metadata", {"annotations": {f"penstock.dev/{name}": value}}))

    assert finding.path == f'metadata.annotations["penstock.dev/{name}"]'
    assert text in str(finding)
