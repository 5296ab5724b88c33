"""Who calls: a token of ours, or the browser's session (then with CSRF protection)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from rest_framework import authentication, permissions
from rest_framework.request import Request

from accounts.models import Token, User
from accounts.services import refuse_unchanged_password

USED_EVERY = timedelta(minutes=1)
"""``last_used_at`` is written at most this often, so that reading the API does not write a row each time."""


class TokenAuthentication(KnoxTokenAuthentication):  # type: ignore[misc]
    """``Authorization: Token <token>``; also ``Bearer``. Expired, revoked and unknown ones are refused alike."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        """The owner and the token, or None without an Authorization header of ours."""
        words = request.headers.get("Authorization", "").split()
        if len(words) == 2 and words[0].lower() == "bearer":
            found: tuple[User, Token] | None = self.authenticate_credentials(words[1].encode())
        else:
            found = super().authenticate(request)
        if found:
            user, token = found
            user.only_project_id = token.project_id
            self._note_use(token)
        return found

    def _cleanup_token(self, auth_token: Token) -> bool:
        """Has it expired? Knox would also read all other tokens of the owner, at each request."""
        if auth_token.expiry is None or auth_token.expiry >= timezone.now():
            return False
        auth_token.delete()
        return True

    def _note_use(self, token: Token) -> None:
        now = timezone.now()
        if token.last_used_at is None or now - token.last_used_at > USED_EVERY:
            Token.objects.filter(pk=token.pk).update(last_used_at=now)


class HasOwnPassword(permissions.IsAuthenticated):
    """Signed in, and not with a password that an administrator knows: raises Denied, which says what to do."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Is somebody signed in?"""
        if isinstance(request.user, User):
            refuse_unchanged_password(request.user)
        return super().has_permission(request, view)


class SessionAuthentication(authentication.SessionAuthentication):
    """The session of a signed-in browser, for "copy as API call" and the docs page; answers 401, not 403."""

    def authenticate_header(self, request: Request) -> str:
        """Names the scheme that a caller without credentials should use."""
        return "Token"
