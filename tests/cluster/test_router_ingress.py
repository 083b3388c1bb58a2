"""What is written for the controllers of Ingress objects, annotation for annotation."""

import json
from typing import Any

import pytest

from tests.cluster import router_drafts, routing
from tests.cluster.router_drafts import write
from workflows.cluster.kinds import Manifest
from workflows.errors import ConfigurationError
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes.table import DIALECTS

NGINX = "nginx.ingress.kubernetes.io/"
PREDICATE = "zalando.org/skipper-predicate"
WEIGHTS = "zalando.org/backend-weights"


def by_header(**texts: Any) -> dict[str, Any]:
    return {"iterations": 1, "match": [{"headers": {name: text}} for name, text in texts.items()]}


def said(written: Manifest, prefix: str) -> dict[str, str]:
    annotations = written["metadata"]["annotations"]
    return {name.removeprefix(prefix): text for name, text in annotations.items() if name.startswith(prefix)}


def led_to(written: Manifest) -> list[str]:
    return [path["backend"]["service"]["name"] for path in written["spec"]["rules"][0]["http"]["paths"]]


def test_nginx_has_a_copy_of_the_ingress_that_leads_to_the_canary() -> None:
    source = routing.ingress(**{"note": "x", f"{NGINX}canary-by-header": "old"})

    written = write(routing.site("nginx"), Route(20), source=source)

    assert written["metadata"]["name"] == "ad-canary"
    assert written["metadata"]["labels"] == {"team": "weather"}
    assert written["metadata"]["annotations"]["note"] == "x"
    assert said(written, NGINX) == {"canary": "true", "canary-weight": "20"}
    assert led_to(written) == ["ad-canary"]
    assert written["spec"]["ingressClassName"] == "main"


@pytest.mark.parametrize(
    ("match", "annotations"),
    [
        (by_header(**{"x-canary": {"exact": "always"}}), {"header": "x-canary", "header-value": "always"}),
        (by_header(**{"x-canary": {"regex": "a.*"}}), {"header": "x-canary", "header-pattern": "a.*"}),
        (by_header(cookie={"exact": "insider"}), {"cookie": "insider"}),
        (
            by_header(x={"exact": "1"}, cookie={"exact": "insider"}),
            {"header": "x", "header-value": "1", "cookie": "insider"},
        ),
    ],
)
def test_nginx_picks_by_a_header_or_a_cookie(match: dict[str, Any], annotations: dict[str, str]) -> None:
    site = routing.site("nginx", match)

    written = write(site, Route(), Route(100, matched=True), source=routing.ingress())

    picked = {f"canary-by-{name}": text for name, text in annotations.items()}
    assert said(written, NGINX) == {"canary": "true", "canary-weight": "0", **picked}
    assert said(write(site, Route(), source=routing.ingress(), found=written), NGINX) == {
        "canary": "true",
        "canary-weight": "0",
    }


@pytest.mark.parametrize(
    ("match", "complaint"),
    [
        (by_header(x={"exact": "1"}, y={"exact": "2"}), "at most one header and one cookie"),
        (by_header(x={"prefix": "1"}), "match[0].headers.x: prefix cannot be told"),
        (by_header(cookie={"regex": "1"}), "match[0].headers.cookie: regex cannot be told"),
        ({"iterations": 1, "match": [{"queryParams": {"q": {"exact": "1"}}}]}, "match[0]: nginx is told one header"),
        (
            {"iterations": 1, "match": [{"headers": {"x": {"exact": "1"}, "y": {"exact": "2"}}}]},
            "match[0]: nginx is told one header",
        ),
    ],
)
def test_nginx_refuses_what_would_pick_others(match: dict[str, Any], complaint: str) -> None:
    assert complaint in DIALECTS["nginx"].refusal(routing.plan("nginx", match))


@pytest.mark.parametrize(("text", "route"), [("150", Route(100)), ("many", Route()), ("7", Route(7))])
def test_a_weight_that_somebody_typed_is_read(text: str, route: Route) -> None:
    manifest = {"metadata": {"annotations": {f"{NGINX}canary-weight": text}}}

    assert router_drafts.read(routing.site("nginx"), manifest) == route


def test_skipper_has_a_copy_with_a_path_to_each_arm() -> None:
    source = routing.ingress(**{PREDICATE: 'Host("x") && Weight(100)'})

    written = write(routing.site("skipper"), Route(20), source=source)

    assert led_to(written) == ["ad-primary", "ad-canary"]
    annotations = written["metadata"]["annotations"]
    assert annotations[WEIGHTS] == '{"ad-canary":20,"ad-primary":80}'
    assert annotations[PREDICATE] == 'Weight(100) && Host("x")'


def test_skipper_steps_aside_at_home() -> None:
    site = routing.site("skipper")

    written = write(site, Route(20), Route(), source=routing.ingress())

    assert written["metadata"]["annotations"][PREDICATE] == "False()"
    assert json.loads(written["metadata"]["annotations"][WEIGHTS]) == {"ad-canary": 0, "ad-primary": 100}


@pytest.mark.parametrize("text", ["no json", "[]", '{"ad-canary": "x"}', '{"ad-canary": null}'])
def test_weights_that_are_none_are_read_as_home(text: str) -> None:
    manifest = {"metadata": {"annotations": {WEIGHTS: text}}}

    assert router_drafts.read(routing.site("skipper"), manifest) == Route()


@pytest.mark.parametrize("provider", ["nginx", "skipper"])
def test_an_ingress_that_does_not_lead_to_the_service_is_refused(provider: str) -> None:
    with pytest.raises(ConfigurationError, match=r"Ingress ad in test: no path leads to service ad"):
        write(routing.site(provider), Route(), source=routing.ingress("other"))


def test_an_ingress_without_rules_is_refused() -> None:
    source = {**routing.ingress(), "spec": {"defaultBackend": {"service": {"name": "ad"}}}}

    with pytest.raises(ConfigurationError, match="no path leads"):
        write(routing.site("nginx"), Route(), source=source)


def test_marks_that_bind_the_original_to_a_tool_are_not_copied() -> None:
    source = routing.ingress(
        **{"argocd.argoproj.io/tracking-id": "x", "kubectl.kubernetes.io/last-applied-config": "{"}
    )
    source["metadata"]["labels"]["app.kubernetes.io/instance"] = "x"

    metadata = write(routing.site("nginx"), Route(), source=source)["metadata"]

    assert "argocd.argoproj.io/tracking-id" not in metadata["annotations"]
    assert metadata["labels"] == {"team": "weather"}
