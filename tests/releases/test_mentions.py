"""@name in a comment: whom it means, who is told, and what the page shows."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from audit.models import AuditEvent
from notifications.models import Notice
from releases.mentions import MOST, people_in, pieces
from releases.models import ReleaseOrder
from releases.services.orders import comment
from tests.cast import World, browse
from tests.notifications.telling import tell
from tests.releases.rows import make_built, make_component


@pytest.fixture
def order(world: World) -> ReleaseOrder:
    return make_built(make_component(world), world.dana)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("@tess can you look?", ["tess"]),
        ("look, @tess.", ["tess"]),
        ("(@tess, @olli)", ["tess", "olli"]),
        ("请 @tess，看一下", ["tess"]),
        ("请@tess看一下", ["tess"]),
        ("@olli @tess @olli", ["olli", "tess"]),
        ("mail to me@tess.example", []),
        ("npm i @tess/app", ["tess"]),
        ("@Override @nobody-like-this", []),
        ("@tessa is another", []),
        ("@otto does not see the project", []),
        ("@", []),
    ],
)
def test_who_is_meant(world: World, text: str, named: list[str]) -> None:
    assert [person.username for person in people_in(text, world.project.pk)] == named


def test_names_with_dots_and_people_who_left(world: World) -> None:
    world.olli.username = "li.na"
    world.olli.save(update_fields=["username"])
    assert people_in("@li.na. Or so.", world.project.pk) == [world.olli]
    world.olli.is_active = False
    world.olli.save(update_fields=["is_active"])
    assert people_in("@li.na", world.project.pk) == []


def offered(world: World, reader: str, text: str, status: int = 200) -> list[str]:
    answer = browse(world, reader).get("/projects/sis-omm/people-to-name/", {"q": text})
    assert answer.status_code == status
    return re.findall(r'data-name="([^"]+)"', answer.content.decode())


def test_people_of_the_project_are_offered_by_a_part_of_their_names(world: World) -> None:
    assert offered(world, "dana", "da") == ["dave"], "not oneself"
    assert offered(world, "dana", "") == ["dave", "olli", "oskar", "petra", "tess"]
    world.tess.name = "王芳"
    world.tess.save(update_fields=["name"])
    assert offered(world, "dana", "王") == ["tess"]
    assert offered(world, "dana", "otto") == offered(world, "dana", "%") == offered(world, "dana", "x" * 500) == []


def test_only_those_are_offered_whom_a_comment_can_name(world: World) -> None:
    for username in ("王芳", "a b", "li.na."):
        world.tess.username = username
        world.tess.save(update_fields=["username"])
        assert username not in offered(world, "dana", "")
    world.tess.username = "x"
    world.tess.save(update_fields=["username"])
    assert offered(world, "dana", "x") == ["x"]
    world.tess.username = "li.na"
    world.tess.save(update_fields=["username"])
    assert people_in(f"@{offered(world, 'dana', 'li.')[0]} ", world.project.pk) == [world.tess]
    User.objects.filter(pk=world.tess.pk).update(is_active=False)
    assert offered(world, "dana", "li.") == []


def test_who_may_not_comment_is_offered_nobody(world: World) -> None:
    assert offered(world, "otto", "", 404) == []
    assert offered(world, "uma", "", 403) == []


def test_not_more_than_so_many(world: World) -> None:
    people = [User.objects.create_user(f"p{number}", name=f"P{number}") for number in range(MOST + 5)]
    text = " ".join(f"@{person.username}" for person in [*people, world.tess])
    assert people_in(text, world.project.pk) == [world.tess], "who sees nothing takes nobody's place"


def test_those_who_are_named_are_told_once_and_nobody_else(world: World, order: ReleaseOrder) -> None:
    comment(actor=world.dana, order=order, text="@tess @dana @tess: try the log-in, please")
    event = AuditEvent.objects.get(verb="comment.mentioned")
    assert (event.object_name, event.after) == (order.number, {"named": ["tess"]})
    tell()
    (notice,) = Notice.objects.filter(kind="mentioned")
    assert notice.person == world.tess and str(notice.message).endswith("and named Tess, Dana")
    assert "try the log-in" in str(notice.detail)
    comment(actor=world.dana, order=order, text="to nobody by name")
    tell()
    assert AuditEvent.objects.filter(verb="comment.mentioned").count() == 1
    assert Notice.objects.filter(kind="mentioned").count() == 1


def test_who_lost_the_right_before_it_is_told_is_not_told(world: World, order: ReleaseOrder) -> None:
    comment(actor=world.dana, order=order, text="@tess look")
    world.tess.memberships.all().delete()
    tell()
    assert not Notice.objects.filter(kind="mentioned").exists()


def test_the_page_names_people_and_runs_nothing(world: World, order: ReleaseOrder) -> None:
    text = "<script>x</script> @tess & @otto\nsecond line"
    comment(actor=world.dana, order=order, text=text)
    body = browse(world).get(f"/orders/{order.number}/").content.decode()
    assert '<b title="@tess">@Tess</b>' in body
    assert "&lt;script&gt;x&lt;/script&gt;" in body and "<script>x" not in body
    assert "&amp; @otto<br>second line" in body, "who may not see it is not told, and stays as it was written"


@given(st.text(alphabet="@ab. -<", max_size=60))
def test_pieces_are_the_text(text: str) -> None:
    people = [User(username="a"), User(username="ab"), User(username="a.b")]
    found = list(pieces(text, people))
    assert "".join(piece for piece, _person in found) == text
    assert all(person is None or piece == f"@{person.username}" for piece, person in found)
