"""Test the ad service from outside; the webhook service runs this suite against the canary.

PENSTOCK_TARGET is the URL of the service, PENSTOCK_TARGET_HOST the name it is asked under.
"""

import json
import os
import urllib.request

import pytest

_PATIENCE_S = 5.0


def fetch(path: str) -> tuple[int, dict[str, object]]:
    url = os.environ["PENSTOCK_TARGET"] + path
    headers = {"Host": os.environ.get("PENSTOCK_TARGET_HOST", "ad")}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the target is the operator's
    with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310 - as above
        return answer.status, json.load(answer)


def test_an_ad_comes_with_its_version() -> None:
    status, ad = fetch("/ad")

    assert status == 200
    assert isinstance(ad["version"], str)


def test_an_ad_has_a_text() -> None:
    _, ad = fetch("/ad")

    assert ad["ad"]


@pytest.mark.parametrize("attempt", range(3))
def test_ads_keep_coming(attempt: int) -> None:
    status, _ = fetch("/ad")

    assert status == 200, f"request {attempt}"


def test_the_service_says_it_is_healthy() -> None:
    with urllib.request.urlopen(os.environ["PENSTOCK_TARGET"] + "/health", timeout=_PATIENCE_S) as answer:  # noqa: S310 - as above
        assert answer.status == 200
