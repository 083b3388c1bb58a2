"""What is written is what Flagger writes, object for object.

`flagger_objects/recorded.json` is what the routers of Flagger 1.44.0 wrote for the Canaries of `cases.json`: first when
they were seen, then at every split. `flagger_objects/main.go` records it anew.
"""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import router_drafts
from workflows.canary import read
from workflows.cluster.kinds import Manifest
from workflows.cluster.ownership import Claim
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes import manifests
from workflows.routers.kubernetes.site import Site
from workflows.routers.kubernetes.table import DIALECTS

FOLDER = Path(__file__).parent / "flagger_objects"
CASES: Mapping[str, Any] = json.loads((FOLDER / "cases.json").read_text())
RECORDED: Mapping[str, list[dict[str, Manifest]]] = json.loads((FOLDER / "recorded.json").read_text())
OURS_ALONE = {"penstock.dev/canary", *manifests.KEEP_OUT}
# Skipper's copy begins as it looks after a release; Flagger's begins with a predicate of its own.
BEGINS_OTHERWISE = {"skipper-weights"}


def site_of(name: str) -> Site:
    document = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", **CASES[name]["canary"]}
    reading = read(yaml.safe_dump(document))
    assert reading.plan, reading.findings
    return Site(reading.plan)


def route_of(site: Site, split: Mapping[str, Any]) -> Route:
    under_way = split["canary"] > 0
    return Route(
        split["canary"],
        mirrored=split["mirrored"],
        matched=under_way and bool(site.analysis.match),
        sticky=under_way and site.analysis.affinity is not None,
    )


def ours(name: str) -> Iterator[dict[str, Manifest]]:
    """Everything that is there when the canary was seen, and after every split."""
    site, source = site_of(name), CASES[name].get("ingress") or CASES[name].get("route")
    dialect, tokens, found = DIALECTS[site.plan.provider], count(), None
    for route in [Route(), *(route_of(site, split) for split in CASES[name]["splits"])]:
        draft = router_drafts.draft(
            site, route, source=source, found=found, token=lambda: "abcdefghij"[next(tokens) :].ljust(10, "z")
        )
        claim = draft.claim if dialect.namespaced else Claim("ad")
        found = manifests.assemble(dialect.name(site), found, dialect.write(draft), claim)
        companions = {f"{each.kind.kind}/{each.name}": each.build(None) for each in dialect.companions(draft)}
        yield {**companions, f"{dialect.kind.kind}/{dialect.name(site)}": found}


def plain(value: Any) -> Any:
    """Leave out what says nothing: what is empty, a weight of nothing, the weight of who is alone, our own marks."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    said = {name: plain(item) for name, item in value.items() if name not in {*OURS_ALONE, "namespace"}}
    if len(said.get("route", ())) == 1:
        said["route"][0].pop("weight", None)
    return {
        name: item for name, item in said.items() if item not in (None, "", {}, []) and (name, item) != ("weight", 0)
    }


def comparable(manifest: Manifest) -> str:
    """An object as text, with its cookies numbered."""
    text = json.dumps(plain(manifest), sort_keys=True, indent=1)
    values = dict.fromkeys(re.findall(r"(?:ad-arm|ad-home)(?:=|\.\*)(\w{10})\b", text))
    for number, value in enumerate(values):
        text = text.replace(value, f"cookie-{number}")
    return text


@pytest.mark.parametrize("name", CASES)
def test_every_object_is_flaggers(name: str) -> None:
    snapshots = list(zip(ours(name), RECORDED[name], strict=True))
    for written, recorded in snapshots[1 if name in BEGINS_OTHERWISE else 0 :]:
        for kind_and_name, manifest in written.items():
            if kind_and_name in recorded:
                assert comparable(manifest) == comparable(recorded[kind_and_name])

    written, recorded = snapshots[-1]
    assert set(recorded) - set(written) <= {"Ingress/ad", "ApisixRoute/ad"}
    assert {kind for kind in written if not kind.startswith("Service/")} <= set(recorded)
