"""Where tests may go."""

import socket
import subprocess
import sys
from collections.abc import Callable
from ipaddress import ip_address

import pytest

from tests.webhooks.bench import AdService, Bench
from webhooks import checks
from webhooks.catalog import Kind, read_definition
from webhooks.checks import addresses
from webhooks.checks.addresses import ForbiddenAddressError, find_addresses, is_forbidden, open_connection
from webhooks.checks.job import Target
from webhooks.hooks.targets import TargetPolicy
from webhooks.protocol import HookType
from webhooks.store.records import CanaryName

AD = CanaryName("weather", "ad")
POLICY = TargetPolicy({"greeter.town:80": "127.0.0.1:1"}, ("*.shop", "tea.kitchen:81", "10.0.0.0/8", "[fd00::7]:80"))

URLS = [
    ("http://ad-canary.weather:3003", True),
    ("http://ad.weather", True),
    ("https://ad-primary.weather.svc.cluster.local", True),
    ("http://ad-canary.weather.svc.:80", True),
    ("http://ad-canary.town", False),
    ("http://shop-canary.weather", False),
    ("http://ad-canary", False),
    ("http://ad-canary.weather.evil.test", False),
    ("http://greeter.town", True),
    ("http://greeter.town:81", False),
    ("http://a.shop", True),
    ("http://shop", False),
    ("http://tea.kitchen:81", True),
    ("http://tea.kitchen", False),
    ("http://10.1.2.3", True),
    ("http://11.1.2.3", False),
    ("http://[fd00::7]", True),
    ("http://127.0.0.1:8080", False),
    ("http://169.254.169.254", False),
    ("http://[::ffff:169.254.169.254]", False),
]


@pytest.mark.parametrize(("url", "allowed"), URLS)
def test_a_test_goes_to_its_canary_and_to_what_is_allowed(url: str, allowed: object) -> None:
    assert (POLICY.find_fault(url, AD) == "") is allowed


def test_not_even_the_operator_allows_metadata() -> None:
    fault = TargetPolicy(allowed=("169.254.0.0/16",)).find_fault("http://169.254.169.254", AD)

    assert fault == "169.254.169.254 is an address of the machine's own network, where no test may go"


def test_a_hook_whose_test_goes_elsewhere_is_refused(bench: Bench) -> None:
    bench.catalog.write_text(
        "tests: {out: {kind: http, target: 'http://elsewhere.test', requests: [{}]}}",
    )
    outcome = bench.call(HookType.PRE_ROLLOUT, test="out")

    assert (outcome.status, bench.under_way()) == (422, ())
    assert outcome.reason == (
        "out: elsewhere.test is no service of ad.weather; allow it with --allow-targets elsewhere.test"
    )


@pytest.mark.parametrize(
    "text",
    ["169.254.1.1", "fe80::1", "fd00:ec2::254", "::ffff:169.254.169.254", "0.0.0.0", "::", "100.100.100.200"],  # noqa: S104 - nobody listens
)
def test_addresses_of_the_machines_own_network_are_forbidden(text: str) -> None:
    assert is_forbidden(ip_address(text))


@pytest.mark.parametrize("text", ["10.0.0.1", "127.0.0.1", "fd00::1", "203.0.113.7"])
def test_other_addresses_are_not(text: str) -> None:
    assert not is_forbidden(ip_address(text))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have names mean addresses, as a name server would."""

    def mean(*found: str) -> None:
        answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 80)) for text in found]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)

    return mean


@pytest.mark.parametrize("found", [("169.254.169.254",), ("203.0.113.7", "169.254.169.254"), ("127.0.0.1",)])
def test_a_name_that_leads_there_is_refused(names: Callable[..., None], found: tuple[str, ...]) -> None:
    names(*found)

    with pytest.raises(ForbiddenAddressError, match=r"ad-canary.weather is .*, where no test may go"):
        open_connection("ad-canary.weather", 80, 1.0)


def test_a_name_without_an_address_is_a_fault(names: Callable[..., None]) -> None:
    names()

    with pytest.raises(OSError, match="means no address"):
        open_connection("ad-canary.weather", 80, 1.0)


def test_loopback_is_reached_by_its_own_name(ad: AdService) -> None:
    port = int(ad.address.rpartition(":")[2])

    with open_connection("localhost", port, 5.0) as connected:
        assert connected.getpeername()[1] == port
    assert "127.0.0.1" in find_addresses("127.0.0.1", port)


def guard(host: str) -> subprocess.CompletedProcess[str]:
    asked = [sys.executable, "-S", addresses.__file__, host, "80", "--", sys.executable, "-c", "print('ran')"]
    return subprocess.run(asked, check=False, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize(("host", "status", "output"), [("169.254.169.254", 77, ""), ("127.0.0.1", 0, "ran\n")])
def test_a_suite_is_started_only_for_a_target_that_may_be_gone_to(host: str, status: int, output: str) -> None:
    done = guard(host)

    assert (done.returncode, done.stdout) == (status, output)


def test_a_name_that_means_nothing_is_left_to_the_test() -> None:
    assert guard("no.such.name.invalid").stdout == "ran\n"


def test_where_the_operator_names_the_address_nothing_is_judged() -> None:
    definition = '{"kind": "load", "plan": {"rate": 1}, "target": "http://ad-canary.weather"}'
    load = read_definition("load", definition)
    plain = checks.prepare(load, Target("http://ad-canary.weather", "127.0.0.1:1"), {})
    judged = checks.prepare(load, Target("http://ad-canary.weather"), {})

    assert load.kind is Kind.LOAD
    assert judged.argv[1:6] == ("-S", addresses.__file__, "ad-canary.weather", "80", "--")
    assert judged.argv[6:] == plain.argv
