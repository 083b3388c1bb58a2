"""How providers get their credentials and values where one question is not enough."""

import base64
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from loadtester.report import Histogram, LoadReport, NameReport
from tests.metrics.metrics_server import MetricsServer
from workflows.errors import ConfigurationError
from workflows.local import ports
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.endpoint import Endpoint
from workflows.metrics.providers import ENTRY_POINTS, open_provider
from workflows.metrics.providers.external import read_quantity
from workflows.rollout.samples import Gap

POINT = {"timeSeriesData": [{"pointData": [{"values": [{"int64Value": "7"}]}]}]}

ACCOUNT = '{"client_email": "x", "token_uri": "http://127.0.0.1:1/t", "private_key": "y"}'


def decode(part: str) -> dict[str, object]:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_an_access_token_is_asked_of_the_metadata_server(server: MetricsServer) -> None:
    server.answer({"access_token": "ya29.host", "expires_in": 3599, "token_type": "Bearer"}, POINT)
    secrets = {"project": "p-1", "metadataServer": server.url}

    number = open_provider(server.at("stackdriver", secrets=secrets), None).ask("fetch x")

    token, query = server.asked
    assert number == 7
    assert token.path == "/computeMetadata/v1/instance/service-accounts/default/token"
    assert (token.headers["metadata-flavor"], query.headers["authorization"]) == ("Google", "Bearer ya29.host")


def test_a_service_accounts_key_signs_for_its_token(server: MetricsServer) -> None:
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa", reason="cryptography is not installed")
    padding = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.padding")
    hashes = pytest.importorskip("cryptography.hazmat.primitives.hashes")
    forms = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()).decode()
    account = {"client_email": "ad@p-1.iam", "private_key": pem, "token_uri": f"{server.url}/token"}
    server.answer({"access_token": "ya29.key"}, POINT)

    where = server.at("stackdriver", secrets={"project": "p-1", "serviceAccountKey": json.dumps(account)})
    assert open_provider(where, None).ask("fetch x") == 7

    asked = json.loads(server.asked[0].body)
    head, claims, signature = asked["assertion"].split(".")
    signed, mark = f"{head}.{claims}".encode(), base64.urlsafe_b64decode(f"{signature}==")
    key.public_key().verify(mark, signed, padding.PKCS1v15(), hashes.SHA256())
    assert asked["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert decode(claims).items() >= {"iss": "ad@p-1.iam", "aud": f"{server.url}/token"}.items()
    assert server.asked[1].headers["authorization"] == "Bearer ya29.key"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("hello", "is no key of a service account"),
        ('{"client_email": "x"}', "is no key of a service account"),
        (ACCOUNT, "is no key in PEM"),
    ],
)
def test_a_key_that_is_none_is_a_configuration_error_that_does_not_show_it(key: str, words: str) -> None:
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    where = Endpoint("stackdriver", "http://127.0.0.1:1", secrets={"project": "p", "serviceAccountKey": key})

    with pytest.raises(ConfigurationError, match=words):
        open_provider(where, None).ask("fetch x")


@pytest.mark.parametrize(
    ("package", "provider", "secrets"),
    [
        ("boto3", "cloudwatch", {}),
        ("cryptography.hazmat.primitives.hashes", "stackdriver", {"project": "p", "serviceAccountKey": ACCOUNT}),
    ],
)
def test_a_package_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, package: str, provider: str, secrets: dict[str, str]
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    where = Endpoint(provider, "http://127.0.0.1:1", region="eu-west-1", secrets=secrets)

    with pytest.raises(ConfigurationError, match=rf"pip install penstock\[{provider}\]"):
        open_provider(where, None).ask("fetch x")


QUERIES = json.dumps(
    [{"Id": "e1", "MetricStat": {"Metric": {"Namespace": "AWS/ELB", "MetricName": "5XX"}, "Period": 60, "Stat": "Sum"}}]
)
KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "wJalrXUtnFEMI"}


@pytest.fixture
def cloudwatch(server: MetricsServer) -> Callable[[str], float]:
    """CloudWatch played by the server, in the protocol that boto3 speaks with it."""
    pytest.importorskip("boto3", reason="boto3 is not installed: pip install penstock[cloudwatch]")
    return open_provider(server.at("cloudwatch", region="eu-west-1", secrets=KEYS), None).ask


def results(*found: dict[str, object]) -> dict[str, object]:
    return {"MetricDataResults": [{"Id": "e1", "Label": "5XX", **each} for each in found]}


def test_cloudwatch_gives_the_newest_value(server: MetricsServer, cloudwatch: Callable[[str], float]) -> None:
    server.answer(results({"StatusCode": "Complete", "Values": [3.5, 9.0]}))

    assert cloudwatch(QUERIES) == 3.5

    asked = server.asked[0]
    assert asked.headers["x-amz-target"] == "GraniteServiceVersion20100801.GetMetricData"
    assert "Credential=AKIDEXAMPLE/" in asked.headers["authorization"]
    assert b"5XX" in asked.body
    assert b"TimestampDescending" in asked.body


@pytest.mark.parametrize(
    ("answer", "gap", "words"),
    [
        ({}, Gap.NO_DATA, "no results"),
        (results({"Values": []}), Gap.NO_DATA, "no value"),
        (results({}, {}), Gap.SEVERAL_SERIES, "2 results"),
        (results({"StatusCode": "Forbidden"}), Gap.REFUSED, "may not read metric 5XX"),
    ],
)
def test_cloudwatch_without_one_number_is_a_gap(
    server: MetricsServer, cloudwatch: Callable[[str], float], answer: object, gap: Gap, words: str
) -> None:
    server.answer(answer)

    with pytest.raises(NoAnswerError, match=words) as none:
        cloudwatch(QUERIES)

    assert none.value.gap is gap


def test_cloudwatch_that_knows_no_such_key_refuses(server: MetricsServer, cloudwatch: Callable[[str], float]) -> None:
    server.answer({"__type": "AccessDenied", "message": "not yours"}, status=403)

    with pytest.raises(NoAnswerError, match=r"AccessDenied.*not yours") as none:
        cloudwatch(QUERIES)

    assert none.value.gap is Gap.REFUSED


def test_cloudwatch_that_is_not_there_is_unreachable() -> None:
    pytest.importorskip("boto3", reason="boto3 is not installed: pip install penstock[cloudwatch]")
    where = Endpoint("cloudwatch", f"http://127.0.0.1:{ports.free()}", region="eu-west-1", secrets=KEYS)

    with pytest.raises(NoAnswerError) as none:
        open_provider(where, None).ask(QUERIES)

    assert none.value.gap is Gap.UNREACHABLE


@pytest.mark.parametrize(
    ("query", "words"), [("up", "is no JSON list"), ("{}", "no list of metric data queries"), ("[{}]", "CloudWatch: ")]
)
def test_a_query_that_cloudwatch_cannot_read_is_refused(
    cloudwatch: Callable[[str], float], query: str, words: str
) -> None:
    with pytest.raises(NoAnswerError, match=words) as none:
        cloudwatch(query)

    assert none.value.gap is Gap.REFUSED


def test_cloudwatch_needs_a_region() -> None:
    with pytest.raises(ConfigurationError, match=r"spec\.provider\.region is missing"):
        open_provider(Endpoint("cloudwatch", ""), None)


def report(*durations_ms: int, failures: int = 0) -> dict[str, object]:
    histogram = Histogram.of(1000 * each for each in durations_ms)
    counts = NameReport(response=histogram, service=histogram, failures=failures)
    return LoadReport(elapsed_s=1.0, names={"/ad": counts}).to_dict()


@pytest.mark.parametrize(
    ("metric", "number"),
    [
        ("http_req_failed: rate", 0.25),
        ("http_reqs: count", 4),
        ("http_req_duration: p(50)", pytest.approx(20, rel=0.05)),
        ("http_req_duration{name=/ad}: max", pytest.approx(40, rel=0.05)),
    ],
)
def test_a_load_report_gives_what_thresholds_can_name(server: MetricsServer, metric: str, number: float) -> None:
    server.answer(
        {"runs": [{"id": "run-1"}], "next": None}, {"run": {}, "log": "", "report": report(10, 20, 30, 40, failures=1)}
    )

    assert open_provider(server.at("penstock"), None).ask(f"ad.weather load {metric}") == number

    assert server.asked[0].fields == {"canary": "ad.weather", "test": "load", "limit": "1"}
    assert server.asked[1].path == "/api/v1/runs/run-1/report"


@pytest.mark.parametrize(
    ("metric", "of", "gap", "words"),
    [
        ("http_req_failed: rate", None, Gap.NO_DATA, "no load report yet"),
        ("http_req_failed: rate", report(), Gap.NO_DATA, "0 samples"),
        ("http_req_failed", report(1), Gap.REFUSED, "is not a metric such as"),
        ("speed: p(9)", report(1), Gap.REFUSED, "unknown metric 'speed'"),
        ("http_req_failed: p(9)", report(1), Gap.REFUSED, "http_req_failed has no 'p'"),
        ("http_req_duration{name=/x}: max", report(1), Gap.REFUSED, "/x"),
        ("http_req_failed: rate", {"schema": "other"}, Gap.REFUSED, "is not a load report"),
    ],
)
def test_a_load_report_without_the_number_is_a_gap(
    server: MetricsServer, metric: str, of: object, gap: Gap, words: str
) -> None:
    server.answer({"runs": [{"id": "run-1"}]}, {"report": of})

    with pytest.raises(NoAnswerError) as none:
        open_provider(server.at("penstock"), None).ask(f"ad.weather load {metric}")

    assert none.value.gap is gap
    assert words in none.value.detail


def test_a_load_that_ended_long_ago_was_of_another_release(server: MetricsServer) -> None:
    ask = open_provider(server.at("penstock"), None).ask
    now = time.time()

    server.answer(*({"runs": [{"id": "run-1", "endedAt": now - ago}]} for ago in (60, 0, 400)))
    server.answers[1] = (200, json.dumps({"report": report(1)}).encode())

    assert ask("ad.weather load http_reqs: count") == 1
    with pytest.raises(NoAnswerError, match=r"the last run ended 40\d s ago, longer than ten intervals"):
        ask("ad.weather load http_reqs: count")


@pytest.mark.parametrize(
    ("text", "number"), [("5", 5), ("420m", 0.42), ("1.5k", 1500), ("2Ki", 2048), ("-3e2", -300), ("7u", 7e-6)]
)
def test_a_quantity_is_read_as_kubernetes_writes_it(text: str, number: float) -> None:
    assert read_quantity(text) == pytest.approx(number)


@pytest.mark.parametrize("text", ["", "m", "5x", "5 k", None])
def test_a_quantity_that_is_none_is_no_number(text: object) -> None:
    with pytest.raises(NoAnswerError, match="is not a quantity"):
        read_quantity(text)


def test_another_package_names_a_provider_by_an_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "dice-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Name: dice\nVersion: 1\n")
    (installed / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\ndice = dice_of_a_test:Dice\n")
    (tmp_path / "dice_of_a_test.py").write_text(DICE)
    monkeypatch.syspath_prepend(tmp_path)

    assert open_provider(Endpoint("dice", "http://127.0.0.1"), None).ask("4") == 4


DICE = """
class Dice:
    def __init__(self, where):
        self.where = where

    def ask(self, query):
        return float(query)
"""
