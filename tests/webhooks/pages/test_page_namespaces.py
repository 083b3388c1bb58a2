"""What somebody sees who has a right of the cluster in one namespace alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webhooks.bench import Bench
from tests.webhooks.cluster import Cluster
from tests.webhooks.pages.conftest import Open
from tests.webhooks.pages.desk import GATE, Desk
from webhooks.releases import Heard
from webhooks.routes.paths import find_filter
from webhooks.settings import AuthMode
from webhooks.store.records import CanaryName, GateState

KUBECONFIG = "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"  # read from the environment at import
ANN = "system:serviceaccount:weather:ann"
ELSEWHERE = CanaryName("weather-two", "ad")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    with Cluster() as made:
        monkeypatch.setattr(KUBECONFIG, made.write_config(tmp_path / "kubeconfig"))
        made.users["sa-token"] = ANN
        made.rights.update({(ANN, "get", "runs", "weather"), (ANN, "create", "runs", "weather")})
        yield made


@pytest.fixture
def ann(open_desk: Open, cluster: Cluster, bench: Bench) -> Desk:
    """Pages before somebody who may look at the namespace weather, where there is another one."""
    assert cluster.users
    desk = open_desk(auth=AuthMode.KUBERNETES)
    desk.post("/ui/login", {"token": "sa-token"})
    desk.ask_gate()
    bench.service.gates.put(ELSEWHERE, "confirm-promotion", GateState.OPEN)
    bench.service.releases.hear(Heard(ELSEWHERE, bench.time, "abc", "Progressing", begins=True))
    return desk


ALLOWED = [
    "/ui/?namespace=weather",
    "/ui/releases?namespace=weather",
    "/ui/gates?canary=ad.weather",
    "/ui/gates?canary=.weather",
    "/ui/runs?canary=ad.weather",
    "/ui/live/start?namespace=weather",
    "/ui/live/gates?canary=ad.weather",
    "/ui/live/runs?canary=ad.weather",
    "/ui/live/releases/weather",
    GATE,
]
REFUSED = [
    "/ui/",
    "/ui/releases",
    "/ui/gates",
    "/ui/runs",
    "/ui/catalog",
    "/ui/?namespace=weather-two",
    "/ui/gates?canary=ad",
    "/ui/gates?canary=weather",
    "/ui/runs?canary=ad.weather-two",
    "/ui/runs/00000000000000000000000000000000",
    "/ui/catalog?canary=ad.weather",
    "/ui/live/start",
    "/ui/live/runs",
]


@pytest.mark.parametrize("path", ALLOWED)
def test_a_right_in_one_namespace_opens_what_is_in_it(ann: Desk, path: str) -> None:
    assert ann.get(path).status_code == 200


@pytest.mark.parametrize("path", REFUSED)
def test_a_right_in_one_namespace_opens_nothing_else_and_the_page_says_which_is_missing(ann: Desk, path: str) -> None:
    answer = ann.get(path)

    assert answer.status_code == 403
    assert "get runs.penstock.dev" in answer.text
    assert 'name="namespace"' in answer.text
    assert "To the first page" not in answer.text


@pytest.mark.parametrize(
    "path", ["/ui/?namespace=weather", "/ui/gates?canary=.weather", "/ui/releases?namespace=weather"]
)
def test_lists_of_one_namespace_hold_nothing_of_another(ann: Desk, path: str) -> None:
    said = ann.text(path)

    assert "ad.weather" in said
    assert "weather-two" not in said


def test_a_run_is_opened_and_ended_by_a_right_in_its_namespace(ann: Desk) -> None:
    run = ann.start_run()
    opened = [ann.get(f"/ui/{place}/{run}").status_code for place in ("runs", "live/runs")]

    assert (opened, ann.post(f"/ui/runs/{run}/cancel").status_code) == ([200, 200], 303)


def test_a_first_page_of_one_namespace_leads_to_its_lists(ann: Desk) -> None:
    text = ann.get("/ui/?namespace=weather").text

    assert 'href="/ui/releases?namespace=weather"' in text
    assert 'href="/ui/gates?canary=.weather"' in text
    assert 'placeholder="NAME.weather"' in text


def test_who_may_not_decide_is_told_which_right_that_takes(ann: Desk) -> None:
    answer = ann.post(f"{GATE}/approve")

    assert (answer.status_code, "approve gates.penstock.dev" in answer.text) == (403, True)
    assert "in namespace weather" in answer.text


def test_a_namespace_that_nothing_can_have_is_refused(desk: Desk) -> None:
    assert desk.get("/ui/?namespace=We_ather").status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/runs?canary=ad.weather", 200),
        ("/api/v1/releases?namespace=weather", 200),
        ("/api/v1/runs", 403),
        ("/api/v1/releases?canary=ad.weather", 403),
        ("/api/v1/runs?canary=ad.weather-two", 403),
        ("/api/v1/catalog?canary=ad.weather", 403),
    ],
)
def test_the_api_goes_by_the_namespace_of_a_filter_too(ann: Desk, path: str, status: int) -> None:
    assert ann.get(path, Authorization="Bearer sa-token").status_code == status


def test_the_api_gives_a_run_to_who_may_look_at_its_namespace(ann: Desk) -> None:
    run = ann.start_run()

    assert ann.get(f"/api/v1/runs/{run}", Authorization="Bearer sa-token").status_code == 200
    assert ann.get("/api/v1/runs/nothing", Authorization="Bearer sa-token").status_code == 403


def test_a_token_that_may_not_look_is_told_so_and_led_nowhere(secured: Desk, tmp_path: Path) -> None:
    secured.log_in("read")
    file = tmp_path / "tokens"
    file.write_text(file.read_text().replace("who-read read", "who-read runner"))
    answer = secured.get("/ui/")

    assert (answer.status_code, "who-read has no scope read" in answer.text) == (403, True)
    assert "To the first page" not in answer.text
    assert 'name="namespace"' not in answer.text


@pytest.mark.parametrize(
    ("path", "query", "namespace"),
    [
        ("/ui/runs", {"canary": "a.b.c"}, "c"),
        ("/ui/runs", {"namespace": "c"}, ""),
        ("/ui/releases", {"namespace": " c "}, "c"),
        ("/api/v1/verdict", {"canary": "a.c"}, ""),
    ],
)
def test_the_namespace_of_a_filter_is_told_for_lists_alone(path: str, query: dict[str, str], namespace: str) -> None:
    assert find_filter(path, query) == namespace
