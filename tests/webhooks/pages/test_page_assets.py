"""The files that pages need."""

import pytest

from tests.documents import ROOT
from tests.webhooks.pages.desk import Desk
from webhooks.routes.pages.assets import list_assets

VENDORED = "webhooks/routes/pages/static/vendor"


@pytest.mark.parametrize("name", sorted(list_assets()))
def test_a_file_is_kept_for_good_under_the_hash_of_its_content(desk: Desk, name: str) -> None:
    answer = desk.get(list_assets()[name].address)

    assert (answer.status_code, answer.data) == (200, list_assets()[name].content)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_page_from_before_an_upgrade_gets_the_file_of_today(desk: Desk) -> None:
    answer = desk.get("/ui/static/0123456789ab/pages.css")

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize("name", ["x/none.css", "x/../pages.py", "x/%2e%2e/assets.py", "x/vendor/VENDORED", "x"])
def test_nothing_else_is_given(desk: Desk, name: str) -> None:
    assert desk.get(f"/ui/static/{name}").status_code == 404


def test_files_need_no_log_in(secured: Desk) -> None:
    assert secured.get(list_assets()["pages.css"].address).status_code == 200


def test_the_files_of_others_stand_with_their_licences() -> None:
    folder = ROOT / VENDORED
    listed = (folder / "VENDORED").read_text(encoding="utf-8")
    ours = {path.name for path in folder.iterdir()} - {"VENDORED"}

    assert all(name in listed for name in ours)
