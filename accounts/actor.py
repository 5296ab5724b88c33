"""Who acts in this request."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import Token, User


def actor_of(request: HttpRequest | Request) -> User:
    """The signed-in person, or the owner of the token; PermissionDenied without either (a view forgot to ask)."""
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied
    return user


def token_of(request: Request) -> Token | None:
    """The token that this API call came with; None for a browser's session."""
    return request.auth if isinstance(request.auth, Token) else None
