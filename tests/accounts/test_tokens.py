"""Tokens: shown once, bounded by scope, project, time and the owner's rights."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axes.utils import reset
from django.test import Client
from django.utils import timezone

from accounts.models import Project, Token
from accounts.services import create_token
from audit.models import AuditEvent
from environments.models import Membership
from foundation.models import Idempotency
from foundation.problems import Denied, Invalid
from tests.cast import PASSWORD, World


@pytest.fixture(autouse=True)
def nobody_is_locked_out(db: None) -> None:
    reset()


def call(token: str, method: str, path: str, body: object = None, **more: str) -> object:
    client = Client(headers={"Authorization": f"Token {token}", **more})
    return getattr(client, method)(f"/api/v1/{path}", body, content_type="application/json")


def make(world: World, who: str = "dana", **more: object) -> str:
    values = {"name": "t", "scopes": ["read"], "lifetime": timedelta(days=1), **more}
    return create_token(actor=world.people[who], **values)[1]


def sign_in(**body: object) -> object:
    given = {"username": "dana", "password": PASSWORD, **body}
    return Client().post("/api/v1/sign-in/", given, content_type="application/json")


def test_signing_in_gives_a_token_of_twelve_hours(world: World) -> None:
    answer = sign_in()
    assert answer.status_code == 201
    body = answer.json()
    row = Token.objects.get(token_key=body["key"])
    assert timedelta(hours=11, minutes=59) < row.expiry - timezone.now() <= timedelta(hours=12)
    me = call(body["token"], "get", "me/").json()
    assert me["username"] == "dana"
    held = {"role": "developer", "project": "sis-omm", "environment": "", "group": "", "ends_at": None}
    assert me["roles"] == [held]
    assert me["token"]["key"] == body["key"]


@pytest.mark.security("stolen-or-made-up-tokens")
def test_signing_in_with_fewer_scopes(world: World) -> None:
    token = sign_in(scopes=["read"]).json()["token"]
    assert call(token, "get", "tokens/").status_code == 200
    refused = call(token, "patch", "me/", {"theme": "dark"})
    assert refused.status_code == 403
    assert "admin" in refused.json()["detail"]


@pytest.mark.security("guessed-passwords")
def test_a_wrong_password_says_so_and_too_many_are_stopped(world: World) -> None:
    assert sign_in(password="wrong").status_code == 400
    for _attempt in range(7):
        last = sign_in(password="wrong")
    assert last.status_code == 429
    assert last.headers["Content-Type"].startswith("application/problem+json")
    assert sign_in().status_code == 429


def test_a_retried_sign_in_keeps_no_secret(world: World) -> None:
    client = Client(headers={"Idempotency-Key": "once"})
    body = {"username": "dana", "password": PASSWORD}
    answer = client.post("/api/v1/sign-in/", body, content_type="application/json")
    assert answer.status_code == 201
    assert not Idempotency.objects.exists()


@pytest.mark.security("stolen-or-made-up-tokens")
def test_the_page_shows_a_token_once(world: World) -> None:
    client = Client()
    client.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    page = client.post("/me/tokens/", {"name": "nightly", "scopes": ["read"], "days": "7"})
    row = Token.objects.get(name="nightly")
    assert page.status_code == 200 and page.content.decode().count(row.token_key) > 1
    assert "no-store" in page["Cache-Control"]
    again = client.get("/me/tokens/").content.decode()
    text = page.context["new_text"]
    assert len(text) == 64 and text not in again and row.token_key in again
    event = AuditEvent.objects.get(verb="token.created")
    assert text not in f"{event.before}{event.after}{event.object_id}"
    client.post(f"/me/tokens/{row.token_key}/revoke/")
    assert call(text, "get", "me/").status_code == 401


def test_the_days_on_the_form_are_the_days_it_lives(world: World) -> None:
    client = Client()
    client.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    client.post("/me/tokens/", {"name": "week", "scopes": ["read", "build"], "days": "7", "project": "sis-omm"})
    row = Token.objects.get(name="week")
    assert timedelta(days=6, hours=23) < row.expiry - timezone.now() <= timedelta(days=7)
    assert (row.scopes, row.project) == (["read", "build"], world.project)


@pytest.mark.security("stolen-or-made-up-tokens")
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "  "}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"lifetime": timedelta(days=400)}, "days"),
        ({"lifetime": timedelta(0)}, "days"),
    ],
)
def test_a_senseless_token_is_refused_at_its_field(world: World, given: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        make(world, **given)
    assert list(caught.value.fields) == [field]
    assert not Token.objects.exists()


@pytest.mark.security("stolen-or-made-up-tokens")
def test_expired_and_unknown_tokens_are_refused_alike(world: World) -> None:
    text = make(world)
    Token.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    for token in (text, "0" * 64):
        answer = call(token, "get", "me/")
        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthenticated"


@pytest.mark.security("stolen-or-made-up-tokens")
def test_a_token_ends_with_its_owner_who_is_switched_off(world: World) -> None:
    """Also by SQL: the token's row is still there."""
    text = make(world, scopes=["read", "admin"])
    assert call(text, "get", "me/").status_code == 200
    type(world.dana).objects.filter(pk=world.dana.pk).update(is_active=False)
    assert call(text, "get", "me/").status_code == 401
    assert call(text, "post", "tokens/", {"name": "x", "scopes": ["read"], "days": 1}).status_code == 401


@pytest.mark.security("stolen-or-made-up-tokens")
def test_a_token_makes_none_that_may_more_than_itself(world: World) -> None:
    text = make(world, scopes=["read", "admin"])
    more = call(text, "post", "tokens/", {"name": "x", "scopes": ["deploy"], "days": 1})
    assert more.status_code == 403
    longer = call(text, "post", "tokens/", {"name": "y", "scopes": ["read"], "days": 300})
    assert longer.status_code == 201
    parent, child = Token.objects.get(name="t"), Token.objects.get(name="y")
    assert child.expiry <= parent.expiry + timedelta(seconds=5)


@pytest.mark.security("stolen-or-made-up-tokens")
def test_a_token_of_one_project_sees_only_it_and_makes_none_for_more(world: World) -> None:
    other = Project.objects.create(organisation=world.organisation, slug="other", name="Other")
    Membership.objects.create(user=world.dana, role="developer", project=other)
    text = make(world, scopes=["read", "admin"], project=other)
    seen = call(text, "get", "projects/").json()["items"]
    assert [project["slug"] for project in seen] == ["other"]
    assert call(text, "get", "projects/sis-omm/").status_code == 404
    wider = call(text, "post", "tokens/", {"name": "x", "scopes": ["read"], "days": 1})
    assert wider.status_code == 403
    with pytest.raises(Denied):
        create_token(
            actor=world.dana, name="x", scopes=["read"], lifetime=timedelta(days=1), project=world.project,
            through=Token.objects.get(name="t"),
        )  # fmt: skip


@pytest.mark.security("guessed-ids")
def test_no_token_for_a_project_that_one_does_not_see(world: World) -> None:
    Project.objects.create(organisation=world.organisation, slug="hidden", name="Hidden")
    assert sign_in(project="hidden").status_code == 404
    assert sign_in(project="nothing").status_code == 404
    assert not Token.objects.exists()


@pytest.mark.security("guessed-ids", "stolen-or-made-up-tokens")
def test_revoking_is_for_ones_own(world: World) -> None:
    make(world)
    key = Token.objects.get().token_key
    outsiders = make(world, "tess", scopes=["admin"])
    assert call(outsiders, "delete", f"tokens/{key}/").status_code == 404
    mine = make(world, scopes=["admin"], name="mine")
    assert call(mine, "delete", f"tokens/{key}/").status_code == 204
    assert not Token.objects.filter(token_key=key).exists()


@pytest.mark.security("stolen-or-made-up-tokens")
def test_signing_out_ends_the_token_of_the_call(world: World) -> None:
    text = make(world)
    assert call(text, "post", "sign-out/").status_code == 204
    assert call(text, "get", "me/").status_code == 401


def test_expired_tokens_go_when_a_new_one_is_made(world: World) -> None:
    create_token(actor=world.dana, name="old", scopes=["read"], lifetime=timedelta(days=1))
    Token.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    create_token(actor=world.dana, name="new", scopes=["read"], lifetime=timedelta(days=1))
    assert list(Token.objects.values_list("name", flat=True)) == ["new"]
