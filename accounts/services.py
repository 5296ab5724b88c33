"""What people do for themselves: sign in, settings, password, tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

import audit
from accounts import sessions
from accounts.attempts import check_password
from accounts.choices import Scope, Theme, known_zones
from accounts.models import Project, Token, User
from accounts.selectors import own_token, own_tokens
from accounts.validation import changed, save_clean
from foundation.clock import db_now
from foundation.installation import is_demo
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Denied, Invalid, Missing, Refused
from foundation.request_context import Actor

SIGN_IN_LIFETIME = timedelta(hours=12)
LONGEST_TOKEN_DAYS = 366
MOST_TOKENS = 50


def refuse_unchanged_password(user: User) -> None:
    """Raises Denied for who must choose a password first: until then they do nothing else, over the API neither."""
    if user.must_change_password:
        raise Denied(
            _("An administrator set your password: sign in on the pages and choose one of your own first."),
            "password-must-change",
        )


def record_sign_in(*, user: User, how: str) -> None:
    """Keeps who signed in and ``how``: password, demo, API."""
    audit.record_act(user, "user.signed_in", user, reason=how)


def sign_in_with_token(*, actor: User, scopes: Sequence[str], project: Project | None) -> tuple[Token, str]:
    """A token of some hours in the place of a browser's session, and its text. Raises as :func:`create_token`."""
    with transaction.atomic():
        made = create_token(actor=actor, name="API", scopes=scopes, lifetime=SIGN_IN_LIFETIME, project=project)
        record_sign_in(user=actor, how="API")
    return made


def sign_out_with_token(*, actor: User, key: str) -> None:
    """Ends the token that somebody came with. Raises Missing."""
    with transaction.atomic():
        revoke_token(actor=actor, key=key)
        audit.record_act(actor, "user.signed_out", actor, reason="API")


def demo_person(*, username: str) -> User:
    """The person to become by one click; Missing outside of demo data and for people who may not sign in."""
    user = User.objects.filter(username=username, is_active=True).first() if is_demo() else None
    if user is None:
        raise Missing
    return user


def save_settings(
    *,
    actor: User,
    language: str | None = None,
    time_zone: str | None = None,
    theme: str | None = None,
    single_keys: bool | None = None,
) -> User:
    """Own language, time zone, theme, and whether single keys act; None leaves a value as it is.

    Blank language or zone is "as the browser". Raises Invalid.
    """
    values = {"language": language, "time_zone": time_zone, "theme": theme, "single_keys": single_keys}
    given = {name: value for name, value in values.items() if value is not None}
    problems = _problems_of_settings(given)
    if problems:
        raise Invalid(problems)
    with transaction.atomic():
        before, _after = changed(actor, given)
        if before:
            actor.save(update_fields=list(before))
    return actor


def _problems_of_settings(given: dict[str, Any]) -> dict[str, list[MessageLike]]:
    found: dict[str, list[MessageLike]] = {}
    if given.get("language") and given["language"] not in dict(settings.LANGUAGES):
        found["language"] = [_("This language is not available: choose one from the list.")]
    if given.get("time_zone") and given["time_zone"] not in known_zones():
        found["time_zone"] = [_("There is no such time zone: write it as Asia/Shanghai.")]
    if "theme" in given and given["theme"] not in Theme.values:
        found["theme"] = [_("Choose system, light or dark.")]
    return found


def change_password(
    *,
    actor: User,
    old: str,
    new: str,
    end_tokens: bool = False,
    session_key: str = "",
    request: HttpRequest | None = None,
) -> None:
    """Sets one's own new password; every session of the person but ``session_key`` ends, and tokens if they wish.

    With a ``request`` wrong old passwords count as at sign-in. Raises Invalid, Refused (429) after too many.
    """
    if not _is_current(actor, old, request):
        raise Invalid({"old": [_("This is not your current password.")]})
    if problems := password_problems(new, actor):
        raise Invalid({"new": problems})
    with transaction.atomic():
        actor.set_password(new)
        actor.must_change_password = False
        actor.save(update_fields=["password", "must_change_password"])
        ended = {"sessions": sessions.end_sessions(actor, keep=session_key)}
        if end_tokens:
            ended["revoked"] = sessions.end_tokens(actor)
        audit.record_act(actor, "user.password_changed", actor, after=ended)


def create_token(
    *,
    actor: User,
    name: str,
    scopes: Sequence[str],
    lifetime: timedelta,
    project: Project | None = None,
    through: Token | None = None,
) -> tuple[Token, str]:
    """A new token of one's own and its text, which is never shown again.

    ``through`` is the token that asks for it, if one does: what it gives birth to is never wider or longer than
    itself. Raises Invalid, Denied, Refused.
    """
    _check_token(name, scopes, lifetime)
    if through is not None:
        lifetime = _within(through, scopes, lifetime, project)
    with transaction.atomic():
        # The row of the owner is the lock: two requests at once do not both become the fiftieth.
        User.objects.select_for_update().get(pk=actor.pk)
        Token.objects.filter(user=actor, expiry__lt=timezone.now()).delete()
        if own_tokens(actor).count() >= MOST_TOKENS:
            raise Refused(_("You have 50 tokens that still work: revoke one that nobody needs."), "too-many-tokens")
        token, text = Token.objects.create(
            user=actor, expiry=lifetime, name=name.strip(), scopes=_in_order(scopes), project=project
        )
        audit.record(
            actor, "token.created", object_type="token", object_id=token.token_key, object_name=token.name,
            project=project.slug if project else "",
            after={"scopes": token.scopes, "expires": token.expiry.isoformat()},
        )  # fmt: skip
    return token, text


def _in_order(scopes: Sequence[str]) -> list[str]:
    return [scope for scope in Scope.values if scope in set(scopes)]


def _check_token(name: str, scopes: Sequence[str], lifetime: timedelta) -> None:
    problems: dict[str, list[MessageLike]] = {}
    if not 0 < len(name.strip()) <= 80:
        problems["name"] = [_("Give it a name of 1 to 80 letters that says what uses it.")]
    if not scopes or not set(scopes) <= set(Scope.values):
        problems["scopes"] = [_("Choose at least one of: read, build, promote, deploy, admin.")]
    if not timedelta(0) < lifetime <= timedelta(days=LONGEST_TOKEN_DAYS):
        problems["days"] = [_("A token lives for 1 to 366 days.")]
    if problems:
        raise Invalid(problems)


def _within(through: Token, scopes: Sequence[str], lifetime: timedelta, project: Project | None) -> timedelta:
    """The lifetime cut to what the asking token has left; raises Denied when more is asked for than it has."""
    if not set(scopes) <= set(through.scopes):
        raise Denied(_("A token cannot make one that may do more than itself: sign in with your password for that."))
    if through.project_id is not None and (project is None or project.pk != through.project_id):
        raise Denied(_("A token of one project cannot make one for more: sign in with your password for that."))
    return lifetime if through.expiry is None else min(lifetime, through.expiry - timezone.now())


def revoke_token(*, actor: User, key: str) -> None:
    """Ends one of one's own tokens at once; raises Missing."""
    with transaction.atomic():
        token = own_token(actor, key)
        token.delete()
        audit.record(actor, "token.revoked", object_type="token", object_id=key, object_name=token.name)


def _is_current(actor: User, password: str, request: HttpRequest | None) -> bool:
    if request is None:
        return actor.check_password(password)
    try:
        check_password(request=request, username=actor.username, password=password)
    except Invalid:
        return False
    return True


def reset_password(*, actor: Actor, user: User, password: str, reason: str = "") -> None:
    """Somebody else, or the platform, sets the person's password, in the caller's transaction, which asked for rights.

    Sessions and tokens end, the person must choose another at the next sign-in and reads who did it. Raises Invalid.
    """
    problems = password_problems(password, user)
    if problems:
        raise Invalid({"password": problems})
    user.set_password(password)
    by = actor if isinstance(actor, User) else None
    user.must_change_password, user.password_reset_at, user.password_reset_by = True, db_now(), by
    user.save(update_fields=["password", "must_change_password", "password_reset_at", "password_reset_by"])
    ended = {"sessions": sessions.end_sessions(user), "revoked": sessions.end_tokens(user)}
    audit.record_act(actor, "person.password_set", user, reason=reason, after=ended)


def create_user(*, username: str, name: str, password: str, **fields: str) -> User:
    """A new person with a checked password, inside the caller's transaction; the caller has asked for the right.

    ``fields``: name_en, email, note, note_en. Raises Invalid.
    """
    user = User(username=username.strip(), name=name.strip(), **fields)
    problems = password_problems(password, user)
    if problems:
        raise Invalid({"password": problems})
    user.set_password(password)
    return save_clean(user)


def password_problems(password: str, user: User) -> list[str]:
    """Messages that say why this cannot be the person's password; empty when it can."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        return list(error.messages)
    return []
