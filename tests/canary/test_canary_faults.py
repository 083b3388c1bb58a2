"""One fault, one error: its path, its value and the way out."""

import pytest
import yaml
from canary_files import GONE, ITERATIONS, errors, only, read_analysis, read_spec, read_with, warnings

from workflows.canary import Level, read
from workflows.canary.schema.resource import SUCCESSORS

REF = {"apiVersion": "v1", "kind": "X", "name": "x"}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"stepWeight": 0}, "spec.analysis.stepWeight: 0 is out of range; allowed: a whole number from 1 to 100"),
        ({"stepWeight": 101}, "spec.analysis.stepWeight: 101 is out of range; allowed: a whole number from 1 to 100"),
        (
            {"stepWeight": 2.5},
            "spec.analysis.stepWeight: 2.5 is not a whole number; allowed: a whole number from 1 to 100",
        ),
        ({"stepWeight": "20"}, 'spec.analysis.stepWeight: "20" is a string, not a number; write it without quotes'),
        ({"stepWeight": True}, "spec.analysis.stepWeight: true is true or false, not a number"),
        ({"stepWeight": float("inf")}, "spec.analysis.stepWeight: .inf is not a finite number"),
        ({"maxWeight": -1}, "spec.analysis.maxWeight: -1 is out of range; allowed: a whole number from 0 to 100"),
        (
            {"threshold": 1.5},
            "spec.analysis.threshold: 1.5 is not a whole number; allowed: a whole number from -2147483648 up",
        ),
        ({"interval": GONE}, "spec.analysis.interval: is required and missing"),
        ({"threshold": GONE}, "spec.analysis.threshold: is required and missing"),
        ({"interval": None}, "spec.analysis.interval: is required and missing"),
        ({"interval": 40}, 'spec.analysis.interval: 40 is a number, not a string; write it in quotes: "40"'),
        ({"interval": "0s"}, 'spec.analysis.interval: "0s" is not above zero; give a duration such as 30s'),
        ({"mirror": "yes"}, 'spec.analysis.mirror: "yes" is a string, not true or false'),
        (
            {"stepWeightPromotion": 200},
            "spec.analysis.stepWeightPromotion: 200 is out of range; allowed: a whole number from 0 to 100",
        ),
        (
            {"canaryReadyThreshold": 101},
            "spec.analysis.canaryReadyThreshold: 101 is out of range; allowed: a whole number from 0 to 100",
        ),
        ({"metrics": {}}, "spec.analysis.metrics: {} is a mapping, not a list"),
        ({"metrics": [5]}, "spec.analysis.metrics[0]: 5 is a number, not a mapping"),
        ({"webhooks": [None]}, "spec.analysis.webhooks[0]: is empty; remove the entry or fill it in"),
        (
            {"stepWeight": GONE},
            (
                "spec.analysis: names no way to move traffic, so Flagger would try for ever; "
                "give exactly one of stepWeight, stepWeights or iterations"
            ),
        ),
        (
            {"iterations": 5},
            "spec.analysis: has stepWeight and iterations; give exactly one of stepWeight, stepWeights or iterations",
        ),
        (
            {"stepWeights": [1, 2]},
            "spec.analysis: has stepWeight and stepWeights; give exactly one of stepWeight, stepWeights or iterations",
        ),
        (
            {"stepWeight": GONE, "iterations": 0},
            "spec.analysis.iterations: 0 is no iteration at all; give at least 1, or a stepWeight instead",
        ),
        (
            {"stepWeight": GONE, "iterations": -1},
            "spec.analysis.iterations: -1 is out of range; allowed: a whole number from 0 up",
        ),
        (
            {"stepWeight": GONE, "stepWeights": [10, 5]},
            "spec.analysis.stepWeights: [10, 5] does not rise at every step; list each weight once, in order",
        ),
        (
            {"stepWeight": GONE, "stepWeights": []},
            "spec.analysis.stepWeights: is empty; list the weights, such as [5, 20, 50]",
        ),
        (
            {"stepWeight": GONE, "stepWeights": [50, 200]},
            "spec.analysis.stepWeights[1]: 200 is out of range; allowed: a whole number from 1 to 100",
        ),
        (
            {"stepWeight": GONE, "stepWeights": 5},
            "spec.analysis.stepWeights: 5 is a number, not a list",
        ),
    ],
)
def test_a_fault_of_the_analysis_is_one_error(changes: dict[str, object], line: str) -> None:
    reading = read_analysis(**changes)

    assert errors(reading) == [line]
    assert reading.plan is None


@pytest.mark.parametrize(
    ("path", "changes", "line"),
    [
        ("metadata", {"name": GONE}, "metadata.name: is required and missing"),
        ("metadata", {"name": "Ad"}, 'metadata.name: "Ad" is not a name of at most 253 characters (a-z, 0-9, -, .)'),
        (
            "metadata",
            {"namespace": "a.b"},
            'metadata.namespace: "a.b" is not a name of at most 63 characters (a-z, 0-9, -)',
        ),
        ("metadata", {"labels": {"a": 1}}, 'metadata.labels.a: 1 is a number, not a string; write it in quotes: "1"'),
        ("", {"metadata": GONE}, "metadata: is required and missing"),
        ("", {"spec": GONE}, "spec: is required and missing"),
        ("", {"spec": []}, "spec: [] is a list, not a mapping"),
        ("", {"apiVersion": GONE}, "apiVersion: is required and missing"),
        ("", {"kind": GONE}, "kind: is required and missing"),
        ("spec", {"targetRef": GONE}, "spec.targetRef: is required and missing"),
        ("spec", {"analysis": GONE}, "spec.analysis: is required and missing"),
        ("spec", {"analysis": 5}, "spec.analysis: 5 is a number, not a mapping"),
        ("spec", {"service": GONE}, "spec.service: is required and missing; give at least service.port"),
        ("spec.service", {"port": GONE}, "spec.service.port: is required and missing"),
        (
            "spec.service",
            {"port": 65536},
            "spec.service.port: 65536 is out of range; allowed: a whole number from 1 to 65535",
        ),
        (
            "spec.service",
            {"targetPort": "80"},
            (
                'spec.service.targetPort: "80" is not a port; give a number without quotes, '
                "or a port's name (a-z, 0-9, -; at most 15)"
            ),
        ),
        (
            "spec.service",
            {"gatewayRefs": [{"name": "x"}] * 33},
            (
                'spec.service.gatewayRefs: [{"name": "x"}, {"name": "x"}, {"name": "x"}, {"name": "x... has 33 '
                "entries; at most 32 are allowed"
            ),
        ),
        (
            "spec.service",
            {"match": [{"uri": {"exact": "/", "prefix": "/"}}]},
            "spec.service.match[0].uri: has exact and prefix; give only one of exact, prefix, regex",
        ),
        (
            "spec.service",
            {"trafficPolicy": {"loadBalancer": {}}},
            "spec.service.trafficPolicy.loadBalancer: has none of simple, consistentHash; give one",
        ),
        (
            "spec.service",
            {"delegation": True, "hosts": ["a.test"], "gateways": ["g"]},
            "spec.service.delegation: true excludes hosts and gateways; the delegating VirtualService has them",
        ),
        (
            "spec.service",
            {"timeout": "-1s"},
            'spec.service.timeout: "-1s" is not above zero; give a duration such as 30s',
        ),
        (
            "spec",
            {"progressDeadlineSeconds": 0},
            "spec.progressDeadlineSeconds: 0 is out of range; allowed: a whole number from 1 up",
        ),
        ("spec", {"skipAnalysis": 1}, "spec.skipAnalysis: 1 is a number, not true or false"),
        ("spec.targetRef", {"name": GONE}, "spec.targetRef.name: is required and missing"),
        (
            "spec.targetRef",
            {"kind": "deployment"},
            (
                'spec.targetRef.kind: "deployment" is not known; allowed: Deployment, DaemonSet, Service; '
                'did you mean "Deployment"?'
            ),
        ),
        (
            "spec.targetRef",
            {"name": "1ad"},
            (
                'spec.targetRef.name: "1ad" cannot name the services; give service.name '
                "(a letter, then a-z, 0-9, -; at most 55 characters)"
            ),
        ),
    ],
)
def test_a_fault_anywhere_else_is_one_error(path: str, changes: dict[str, object], line: str) -> None:
    reading = read_with(path, changes)

    assert errors(reading) == [line]
    assert reading.plan is None


def test_an_unknown_provider_lists_the_known_ones_and_suggests_one() -> None:
    finding = only(read_spec(provider="istoi"))

    assert "istio, knative, kubernetes" in finding.message
    assert finding.hint == 'did you mean "istio"?'


def test_an_unknown_api_version_lists_the_known_ones() -> None:
    reading = read_with("", {"apiVersion": "flagger.app/v1"})

    assert errors(reading) == [
        (
            'apiVersion: "flagger.app/v1" is not known; allowed: flagger.app/v1beta1, flagger.app/v1alpha3; '
            'did you mean "flagger.app/v1beta1"?'
        )
    ]


@pytest.mark.parametrize(
    ("path", "field", "hint"),
    [
        ("spec.analysis", "maxweight", 'did you mean "maxWeight"?'),
        ("spec.analysis", "max_weight", 'did you mean "maxWeight"?'),
        ("spec.analysis", "webhook", 'did you mean "webhooks"?'),
        ("spec", "maxWeight", "did you mean spec.analysis.maxWeight?"),
        ("spec.service", "zzz", ""),
        ("", "spce", 'did you mean "spec"?'),
        ("", "zzz", ""),
    ],
)
def test_an_unknown_field_is_a_warning_that_suggests_the_right_one(path: str, field: str, hint: str) -> None:
    reading = read_with(path, {field: 5})

    assert only(reading).severity is Level.WARNING
    assert only(reading).message == "is not a field here and is ignored"
    assert only(reading).hint == hint
    assert reading.plan


def test_a_misspelt_required_field_is_both_unknown_and_missing() -> None:
    reading = read_spec(targetRef=GONE, targetref={"kind": "Deployment"})

    assert errors(reading) == ["spec.targetRef: is required and missing"]
    assert warnings(reading) == ['spec.targetref: is not a field here and is ignored; did you mean "targetRef"?']


def test_every_fault_of_a_file_is_told_in_the_order_of_its_lines() -> None:
    reading = read_analysis(stepWeight=0, maxWeight=101, interval="1h", threshold=-0.5)

    assert [finding.line for finding in reading.findings] == [8, 9, 10, 11]
    assert len(errors(reading)) == 4


def test_a_fault_knows_its_line() -> None:
    reading = read("apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata:\n  name: ad\nspec:\n  provider: 5\n")

    assert [(finding.path, finding.line) for finding in reading.findings] == [
        ("spec.targetRef", 5),
        ("spec.analysis", 5),
        ("spec.service", 5),
        ("spec.provider", 6),
    ]


def test_a_path_with_an_unusual_key_is_quoted() -> None:
    reading = read_with("metadata.annotations", {"a/b": 1})

    assert only(reading).path == 'metadata.annotations["a/b"]'


@pytest.mark.parametrize(
    ("target", "spec", "line"),
    [
        ("serving.knative.dev/v1", {"provider": "istio"}, "cannot move the traffic of a Knative service; give knative"),
        ("serving.knative.dev/v1", {"provider": "knative", "autoscalerRef": {}}, "cannot be used with Knative"),
        ("core/v1", {"provider": "knative"}, "needs a targetRef of kind Service and apiVersion serving.knative.dev/v1"),
    ],
)
def test_knative_goes_with_knative_alone(target: str, spec: dict[str, object], line: str) -> None:
    reference = {"apiVersion": target, "kind": "Service", "name": "ad"}

    reading = read_spec(targetRef=reference, **spec)

    assert any(line in error for error in errors(reading))


def test_a_knative_target_without_a_provider_is_a_warning() -> None:
    reference = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "ad"}

    reading = read_spec(targetRef=reference, service=GONE)

    assert "a Knative service needs knative" in only(reading).message
    assert reading.plan


@pytest.mark.parametrize(
    ("spec", "analysis", "line"),
    [
        ({}, {"threshold": 0}, "spec.analysis.threshold: 0 is read as 1"),
        ({}, {"threshold": -5}, "spec.analysis.threshold: -5 is read as 1"),
        ({}, {"interval": "2s"}, 'spec.analysis.interval: "2s" is below Flagger\'s least; Flagger would use 10s'),
        ({}, {"maxWeight": 0}, "spec.analysis.maxWeight: 0 is read as 100"),
        ({}, {"maxWeight": 10}, "spec.analysis.stepWeight: 20 is above maxWeight, so the only step goes to 10"),
        ({}, {"mirrorWeight": 10}, "spec.analysis.mirrorWeight: 10 is ignored without mirror: true"),
        ({}, {"match": [{"headers": {"a": {"exact": "b"}}}]}, "spec.analysis.match: is ignored"),
        ({}, {"stepWeight": GONE, "stepWeights": [5], "maxWeight": 9}, "spec.analysis.maxWeight: 9 is ignored"),
        ({}, ITERATIONS | {"maxWeight": 50}, "spec.analysis.maxWeight: 50 is ignored"),
        (
            {},
            ITERATIONS | {"match": [{"headers": {"a": {"exact": "b"}}}], "mirror": True},
            "spec.analysis.mirror: true is ignored",
        ),
        ({}, ITERATIONS | {"match": [{}]}, "spec.analysis.match[0]: names no condition"),
        (
            {},
            ITERATIONS | {"match": [{"headers": {"a": {"regex": "("}}}]},
            'spec.analysis.match[0].headers.a.regex: "(" is probably not',
        ),
        ({}, ITERATIONS | {"sessionAffinity": {"cookieName": "a"}}, "spec.analysis.sessionAffinity: is ignored"),
        ({"provider": "nginx"}, {}, "spec.ingressRef: is missing; provider nginx needs the object"),
        ({"provider": "apisix"}, {}, "spec.routeRef: is missing; provider apisix needs the object"),
        ({"provider": "gatewayapi:v1"}, {}, "spec.service.gatewayRefs: is missing; provider gatewayapi:v1 needs"),
        ({"provider": "traefik"}, {"mirror": True}, "spec.analysis.mirror: true is beyond provider traefik"),
        ({"provider": "gloo"}, {"mirror": True}, "spec.analysis.mirror: true is beyond provider gloo"),
        (
            {"provider": "kuma"},
            ITERATIONS | {"match": [{"headers": {"a": {"exact": "b"}}}]},
            "spec.analysis.match: is beyond provider kuma",
        ),
        (
            {"provider": "linkerd"},
            ITERATIONS | {"match": [{"headers": {"a": {"exact": "b"}}}]},
            "spec.analysis.match: is beyond",
        ),
        ({"provider": "linkerd"}, {"sessionAffinity": {"cookieName": "a"}}, "spec.analysis.sessionAffinity: is beyond"),
        (
            {"provider": "gatewayapi:v1", "service": {"port": 80, "gatewayRefs": [{"name": "g"}]}},
            {"mirror": True},
            "spec.analysis.mirror: true is applied by Penstock, not by Flagger's gatewayapi:v1",
        ),
        (
            {"upstreamRef": {"apiVersion": "gloo.solo.io/v1", "kind": "Upstream", "name": "u", "namespace": "other"}},
            {},
            'spec.upstreamRef.namespace: "other" is not the canary\'s own (weather)',
        ),
    ],
)
def test_what_is_probably_not_meant_is_one_warning(
    spec: dict[str, object], analysis: dict[str, object], line: str
) -> None:
    base = {"interval": "40s", "threshold": 3, "stepWeight": 20} | analysis
    sound = {name: value for name, value in base.items() if value is not GONE}

    reading = read_spec(analysis=sound, **spec)

    assert str(only(reading)).startswith(line)
    assert reading.plan


def test_a_value_that_is_too_long_to_read_is_cut() -> None:
    finding = only(read_spec(provider="x" * 500))

    assert len(str(finding).split(" is not known")[0]) < 80


def test_a_text_in_place_of_a_whole_file_is_an_error() -> None:
    (error,) = errors(read(yaml.safe_dump([1, 2])))

    assert error == "[1, 2] is not a mapping; a resource begins with apiVersion and kind"


@pytest.mark.parametrize(
    ("provider", "line"),
    [
        ("smi", 'spec.provider: "smi" is not known; allowed: apisix'),
        ("smi:v1alpha1", 'spec.provider: "smi:v1alpha1" is no more; '),
        ("osm", 'spec.provider: "osm" is no more; '),
    ],
)
def test_a_provider_that_is_no_more_says_what_to_move_to(provider: str, line: str) -> None:
    finding = str(only(read_spec(provider=provider)))

    assert finding.startswith(line)
    assert SUCCESSORS[provider.partition(":")[0]] in finding
