"""The pen: writes rest on what was read, bear our fencing number, and give way to a newer owner."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster import manifests
from tests.cluster.api_server import ApiServer
from tests.cluster.resources import Manifest
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CONFIG_MAP
from workflows.cluster.pen import FENCE, Pen
from workflows.errors import ConfigurationError, ConflictError, FencedError

Build = Callable[[Manifest | None], Manifest]


def pen_of(cluster: Cluster, fence: int = 7, guard: Callable[[], None] = lambda: None) -> Pen:
    return Pen(cluster, "test", lambda: fence, guard)


@pytest.fixture
def pen(cluster: Cluster) -> Pen:
    return pen_of(cluster)


def paint(colour: str) -> Build:
    """Make the settings if there are none, and give them a colour."""

    def build(found: Manifest | None) -> Manifest:
        item = found or {"metadata": {"name": "settings"}}
        item.setdefault("data", {})["colour"] = colour
        return item

    return build


def colour_of(cluster: Cluster) -> Any:
    found = cluster.get(CONFIG_MAP, "test", "settings")
    return found and found["data"]["colour"]


def scribbler(cluster: Cluster) -> Callable[[], Manifest]:
    """Somebody who writes something else each time."""
    numbers = itertools.count()
    return lambda: cluster.patch(CONFIG_MAP, "test", "settings", {"data": {"number": str(next(numbers))}})


def test_what_is_not_there_is_made_and_bears_our_fence(pen: Pen, cluster: Cluster) -> None:
    made = pen.put(CONFIG_MAP, "settings", paint("blue"))

    assert made["metadata"]["annotations"] == {FENCE: "7"}
    assert colour_of(cluster) == "blue"


def test_what_is_there_is_changed(pen: Pen, cluster: Cluster) -> None:
    cluster.create(CONFIG_MAP, manifests.config_map(size="big"))

    pen.put(CONFIG_MAP, "settings", paint("blue"))

    found = cluster.get(CONFIG_MAP, "test", "settings")
    assert found is not None
    assert found["data"] == {"size": "big", "colour": "blue"}


def test_what_is_as_it_should_be_is_not_written(pen: Pen, api: ApiServer) -> None:
    pen.put(CONFIG_MAP, "settings", paint("blue"))
    before = len(api.writes)

    pen.put(CONFIG_MAP, "settings", paint("blue"))

    assert len(api.writes) == before


def test_who_writes_in_between_is_not_overwritten(pen: Pen, api: ApiServer, cluster: Cluster) -> None:
    cluster.create(CONFIG_MAP, manifests.config_map(colour="red"))
    change = {"data": {"size": "big"}}
    api.meanwhile("PUT", lambda: cluster.patch(CONFIG_MAP, "test", "settings", change))

    kept = pen.put(CONFIG_MAP, "settings", paint("blue"))

    assert kept["data"] == {"size": "big", "colour": "blue"}


def test_who_creates_it_first_is_not_overwritten(pen: Pen, api: ApiServer, cluster: Cluster) -> None:
    api.meanwhile("POST", lambda: cluster.create(CONFIG_MAP, manifests.config_map(size="big")))

    kept = pen.put(CONFIG_MAP, "settings", paint("blue"))

    assert kept["data"] == {"size": "big", "colour": "blue"}


def test_a_creation_whose_answer_was_lost_is_found_done(pen: Pen, api: ApiServer, cluster: Cluster) -> None:
    api.lose("POST")

    pen.put(CONFIG_MAP, "settings", paint("blue"))

    assert colour_of(cluster) == "blue"


def test_who_never_rests_is_told_to_the_caller(pen: Pen, api: ApiServer, cluster: Cluster) -> None:
    cluster.create(CONFIG_MAP, manifests.config_map())
    api.meanwhile("PUT", scribbler(cluster), times=100)

    with pytest.raises(ConflictError, match="ConfigMap settings in test: others write it faster than we can"):
        pen.put(CONFIG_MAP, "settings", paint("green"))


def test_a_newer_owners_work_is_not_overwritten(cluster: Cluster) -> None:
    pen_of(cluster, fence=8).put(CONFIG_MAP, "settings", paint("red"))

    with pytest.raises(FencedError, match="written under fence 8, ours is 7; another owner has the release"):
        pen_of(cluster, fence=7).put(CONFIG_MAP, "settings", paint("blue"))

    assert colour_of(cluster) == "red"


def test_an_older_owners_work_is(cluster: Cluster) -> None:
    pen_of(cluster, fence=8).put(CONFIG_MAP, "settings", paint("red"))

    pen_of(cluster, fence=9).put(CONFIG_MAP, "settings", paint("blue"))

    assert colour_of(cluster) == "blue"


def test_nothing_is_written_where_the_guard_says_no(cluster: Cluster, api: ApiServer) -> None:
    def refuse() -> None:
        raise FencedError("Flagger has the canary")

    with pytest.raises(FencedError, match="Flagger has the canary"):
        pen_of(cluster, guard=refuse).put(CONFIG_MAP, "settings", paint("blue"))

    assert api.writes == []


def test_a_change_of_what_is_not_there_is_refused(pen: Pen) -> None:
    with pytest.raises(ConfigurationError, match="ConfigMap settings in test: not found"):
        pen.change(CONFIG_MAP, "settings", paint("blue"))


def test_a_change_of_what_is_there_is_made(pen: Pen, cluster: Cluster) -> None:
    cluster.create(CONFIG_MAP, manifests.config_map())

    pen.change(CONFIG_MAP, "settings", paint("green"))

    assert colour_of(cluster) == "green"


def test_a_replacement_rests_on_just_the_version_that_was_read(pen: Pen, cluster: Cluster) -> None:
    found = cluster.create(CONFIG_MAP, manifests.config_map())
    cluster.patch(CONFIG_MAP, "test", "settings", {"data": {"size": "big"}})

    with pytest.raises(ConflictError):
        pen.replace(CONFIG_MAP, found, {**found, "data": {"colour": "green"}})


def test_what_is_deleted_is_gone_and_may_be_deleted_again(pen: Pen, cluster: Cluster) -> None:
    pen.put(CONFIG_MAP, "settings", paint("blue"))

    pen.delete(CONFIG_MAP, "settings")
    pen.delete(CONFIG_MAP, "settings")

    assert colour_of(cluster) is None


def test_what_a_newer_owner_wrote_is_not_deleted(cluster: Cluster, api: ApiServer) -> None:
    pen_of(cluster, fence=7).put(CONFIG_MAP, "settings", paint("blue"))
    api.meanwhile("DELETE", lambda: pen_of(cluster, fence=8).put(CONFIG_MAP, "settings", paint("red")))

    with pytest.raises(FencedError, match="written under fence 8, ours is 7"):
        pen_of(cluster, fence=7).delete(CONFIG_MAP, "settings")

    assert colour_of(cluster) == "red"


def test_what_others_write_all_the_time_is_not_deleted(pen: Pen, api: ApiServer, cluster: Cluster) -> None:
    cluster.create(CONFIG_MAP, manifests.config_map())
    api.meanwhile("DELETE", scribbler(cluster), times=100)

    with pytest.raises(ConflictError, match="others write it faster than we can"):
        pen.delete(CONFIG_MAP, "settings")


def test_what_is_handed_back_bears_our_fence_no_more(pen: Pen, cluster: Cluster) -> None:
    pen.put(CONFIG_MAP, "settings", paint("blue"))

    changed = pen.hand_back(CONFIG_MAP, "settings", paint("green"))
    again = pen.hand_back(CONFIG_MAP, "settings", paint("green"))

    found = cluster.get(CONFIG_MAP, "test", "settings")
    assert found is not None
    assert (changed, again, found["data"]["colour"]) == (True, False, "green")
    assert FENCE not in found["metadata"].get("annotations", {})


def test_what_is_gone_is_not_handed_back(pen: Pen) -> None:
    assert pen.hand_back(CONFIG_MAP, "settings", paint("green")) is False


def test_a_write_in_between_is_kept_when_an_object_is_handed_back(pen: Pen, api: ApiServer, cluster: Cluster) -> None:
    pen.put(CONFIG_MAP, "settings", paint("blue"))
    change = {"data": {"size": "big"}}
    api.meanwhile("PUT", lambda: cluster.patch(CONFIG_MAP, "test", "settings", change))

    pen.hand_back(CONFIG_MAP, "settings", paint("green"))

    found = cluster.get(CONFIG_MAP, "test", "settings")
    assert found is not None
    assert found["data"] == {"colour": "green", "size": "big"}


def test_an_object_that_never_rests_is_not_handed_back(pen: Pen, api: ApiServer, cluster: Cluster) -> None:
    pen.put(CONFIG_MAP, "settings", paint("blue"))
    api.meanwhile("PUT", scribbler(cluster), times=100)

    with pytest.raises(ConflictError, match="others write it faster than we can"):
        pen.hand_back(CONFIG_MAP, "settings", paint("green"))
