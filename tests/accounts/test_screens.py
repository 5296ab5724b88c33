"""Own settings and tokens as pages: what is wrong stands at its field, a token's text is shown once."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from accounts.models import Token
from tests.cast import PASSWORD, World, browse


def test_a_token_is_shown_once_with_its_scopes_in_words(world: World) -> None:
    client = browse(world)
    sent = {"name": "nightly", "scopes": ["read", "deploy"], "days": "5"}
    made = client.post("/me/tokens/", sent)
    text = made.context["new_text"]
    assert text and text in made.content.decode()
    again = client.get("/me/tokens/").content.decode()
    assert text not in again and "nightly" in again
    assert "review, approve, deploy, roll back" in again
    assert "4 days left" in again, "an end that is near is marked"


def test_a_token_that_ends_late_is_not_marked(world: World) -> None:
    Token.objects.create(user=world.dana, expiry=timedelta(days=90), name="report", scopes=["read"])
    page = browse(world).get("/me/tokens/").content.decode()
    assert "days left" not in page
    assert f"{timezone.localtime() + timedelta(days=90):%Y-%m-%d}" in page


def test_a_token_without_scope_keeps_what_was_typed(world: World) -> None:
    answer = browse(world).post("/me/tokens/", {"name": "nightly", "days": "500"})
    page = answer.content.decode()
    assert answer.status_code == 400 and not Token.objects.exists()
    assert "data-errors" in page and 'href="#id_scopes"' in page and 'href="#id_days"' in page
    assert 'value="nightly"' in page and 'value="500"' in page


def test_a_wrong_password_is_told_at_its_field(world: World) -> None:
    answer = browse(world).post("/me/password/", {"old": "wrong", "new": PASSWORD + "1"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "This is not your current password." in page and 'id="id_old_error"' in page
    assert PASSWORD not in page
    world.dana.refresh_from_db()
    assert world.dana.check_password(PASSWORD)


def test_settings_are_saved_and_read_back(world: World) -> None:
    client = browse(world)
    sent = {"language": "en", "time_zone": "Asia/Tokyo", "theme": "dark"}
    assert client.post("/me/", sent).status_code == 302
    world.dana.refresh_from_db()
    assert (world.dana.time_zone, world.dana.theme, world.dana.single_keys) == ("Asia/Tokyo", "dark", False)
    wrong = client.post("/me/", sent | {"theme": "pink"})
    assert wrong.status_code == 400 and wrong.context["form"].errors.keys() == {"theme"}
