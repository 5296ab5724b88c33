"""Comments on trains and spaces: who says them, who is told, who reads them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from releases.models import SpaceComment
from tests.cast import World
from tests.notifications.telling import told
from tests.releases.pages.test_order import words
from trains.models import Train, TrainComment

MakeTrain = Callable[..., Train]
SignIn = Callable[[str], Client]
SPACE = "sis-omm/uat"


@pytest.fixture(params=["train", "space"])
def places(request: pytest.FixtureRequest, make_train: MakeTrain) -> tuple[str, str, str]:
    """Page, address of its form, and of the API."""
    if request.param == "space":
        return f"/spaces/{SPACE}/", f"/spaces/{SPACE}/comments/", "/api/v1/projects/sis-omm/spaces/uat/comments/"
    pk = make_train(("A",)).pk
    return f"/trains/{pk}/", f"/trains/{pk}/comments/", f"/api/v1/trains/{pk}/comments/"


def test_a_comment_stands_on_the_page_and_tells_whom_it_names(
    world: World, signed_in: SignIn, places: tuple[str, str, str]
) -> None:
    page, form, path = places
    told(world)
    sent = {"text": "wave two waits for the bank; @tess looks, @otto and @nobody do not"}
    answer = signed_in("olli").post(form, sent, follow=True)
    assert answer.redirect_chain[0][0] == page and "wave two waits for the bank" in words(answer)
    assert told(world) == {"mentioned": {"tess"}}, "otto sees nothing of the project"
    (notice,) = signed_in("tess").get("/api/v1/notifications/").json()["items"][:1]
    assert notice["url"].endswith(page)
    made = signed_in("dana").post(path, {"text": "all calm"}, content_type="application/json")
    assert made.status_code == 201 and made.json()["named"] == []
    found = signed_in("uma").get(path).json()["items"]
    assert [(one["author"], one["named"]) for one in found] == [("dana", []), ("olli", ["tess"])]
    kind = "train" if "trains" in page else "space"
    acts = AuditEvent.objects.filter(verb__startswith=f"{kind}_comment.").order_by("pk").values_list("verb", "project")
    assert [*acts] == [(f"{kind}_comment.{verb}", "sis-omm") for verb in ("mentioned", "written")]


def test_comments_are_of_those_who_see_the_project(
    world: World, signed_in: SignIn, places: tuple[str, str, str]
) -> None:
    page, form, path = places
    for name, status in (("uma", 403), ("otto", 404), ("dana", 201)):
        sent = {"text": "hidden <b>from</b> others"}
        assert signed_in(name).post(path, sent, content_type="application/json").status_code == status
    for wrong in ("  ", "x" * 4001, "\n\n"):
        assert signed_in("dana").post(path, {"text": wrong}, content_type="application/json").status_code == 400
        assert signed_in("dana").post(form, {"text": wrong}).status_code == 400
    assert TrainComment.objects.count() + SpaceComment.objects.count() == 1
    assert signed_in("otto").get(page).status_code == 404 and signed_in("otto").get(path).status_code == 404
    reader = signed_in("uma").get(page).content.decode()
    assert "hidden &lt;b&gt;from&lt;/b&gt; others" in reader and f'action="{form}"' not in reader


def test_many_comments_cost_what_one_costs(
    world: World, signed_in: SignIn, places: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releases.written.MOST", 3)
    page, _form, path = places
    reader, counts = signed_in("uma"), []
    reader.get(page)
    for number in range(4):
        signed_in("dana").post(path, {"text": f"@tess number {number}"}, content_type="application/json")
        with CaptureQueriesContext(connection) as seen:
            shown = words(reader.get(page))
        counts.append(len(seen))
    assert len(set(counts)) == 1, counts
    assert "number 3" in shown and "number 0" not in shown and "Older comments are not shown." in shown
