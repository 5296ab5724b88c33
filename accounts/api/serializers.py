"""What the API of sign-in, oneself and tokens takes and gives."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers

from accounts.choices import Scope, Theme
from accounts.models import Token, User
from accounts.role_lookup import roles_of
from foundation.api.serializers import Input


class SignInInput(Input):
    username = serializers.CharField(max_length=64)
    password = serializers.CharField(max_length=200, write_only=True, trim_whitespace=False)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(Scope.choices), required=False, help_text="what the token may do; all by default"
    )
    project = serializers.CharField(required=False, allow_blank=True, default="", help_text="the only project it sees")


class TokenInput(Input):
    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices))
    days = serializers.IntegerField(min_value=1, max_value=366, default=90)
    project = serializers.CharField(required=False, allow_blank=True, default="", help_text="the only project it sees")


class TokenOutput(serializers.Serializer[Any]):
    key = serializers.CharField(source="token_key", help_text="the public beginning of the token, to name it by")
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    project = serializers.CharField(source="project.slug", default="", allow_blank=True)
    created_at = serializers.DateTimeField(source="created")
    expires_at = serializers.DateTimeField(source="expiry", allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


class SessionOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    address = serializers.CharField(allow_blank=True)
    browser = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField()


class NewTokenOutput(TokenOutput):
    token = serializers.CharField(help_text="shown this once")


class RoleOutput(serializers.Serializer[Any]):
    role = serializers.CharField()
    project = serializers.CharField(allow_blank=True)
    environment = serializers.CharField(allow_blank=True)
    group = serializers.CharField(allow_blank=True, help_text="the group that holds it; empty for one's own")
    ends_at = serializers.DateTimeField(allow_null=True)


class MeInput(Input):
    language = serializers.ChoiceField([("", ""), *settings.LANGUAGES], required=False)
    time_zone = serializers.CharField(required=False, allow_blank=True, max_length=64)
    theme = serializers.ChoiceField(Theme.choices, required=False)
    single_keys = serializers.BooleanField(required=False, help_text="whether single keys act on the pages")


class PasswordChangeInput(Input):
    old = serializers.CharField(max_length=200, write_only=True, trim_whitespace=False)
    new = serializers.CharField(max_length=200, write_only=True, trim_whitespace=False)
    end_tokens = serializers.BooleanField(default=False, help_text="whether the tokens end as well, this one too")


class MeOutput(serializers.Serializer[Any]):
    username = serializers.CharField()
    name = serializers.CharField()
    name_en = serializers.CharField(allow_blank=True)
    email = serializers.CharField(allow_blank=True)
    language = serializers.CharField(allow_blank=True)
    time_zone = serializers.CharField(allow_blank=True)
    theme = serializers.CharField()
    single_keys = serializers.BooleanField()
    roles = RoleOutput(many=True)
    token = TokenOutput(allow_null=True, help_text="the token of this call; null for a browser's session")


def me_data(user: User, token: Token | None) -> dict[str, Any]:
    """The person for :class:`MeOutput`."""
    fields = ("username", "name", "name_en", "email", "language", "time_zone", "theme", "single_keys")
    return {
        **{name: getattr(user, name) for name in fields},
        "roles": RoleOutput(roles_of([user]).get(user.pk, []), many=True).data,
        "token": TokenOutput(token).data if token else None,
    }
