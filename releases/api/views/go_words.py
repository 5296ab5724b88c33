"""可发 · 暂缓: what people say of an order, and saying it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from foundation.api.pagination import KEYSET, page_of
from foundation.api.serializers import Input, text
from foundation.api.views import ApiView
from releases import selectors
from releases.choices import GoChoice
from releases.go_words import words_on
from releases.services.go_words import LONGEST_TEXT, say_go


class GoWordInput(Input):
    word = serializers.ChoiceField(
        choices=GoChoice.choices, required=False, allow_blank=True, default="", help_text="empty takes yours back"
    )
    comment = text(LONGEST_TEXT, default="")


class SaidGoWordOutput(serializers.Serializer[Any]):
    """One person's last word; it opens no gate and closes none."""

    word = serializers.ChoiceField(choices=GoChoice.choices)
    comment = serializers.CharField(allow_blank=True)
    by = serializers.CharField(source="by.username")
    said_at = serializers.DateTimeField()


class GoWordOutput(SaidGoWordOutput):
    """The same with where it is meant."""

    environment = serializers.CharField(source="space.environment.slug")


class SaidOutput(serializers.Serializer[Any]):
    said = GoWordOutput(allow_null=True, help_text="null where it was taken back")


class GoWords(ApiView):
    @extend_schema(operation_id="go_words_list", parameters=KEYSET, responses=page_of("GoWordPage", GoWordOutput))
    def get(self, request: Request, number: str) -> Response:
        """Newest first, of all environments."""
        return self.page(GoWordOutput, words_on(selectors.order_by_number(actor_of(request), number)))


class OneGoWord(ApiView):
    scope = Scope.BUILD

    @extend_schema(operation_id="go_words_say", request=GoWordInput, responses=SaidOutput)
    def post(self, request: Request, number: str, environment: str) -> Response:
        """Go or no-go for the order in this environment, in the place of what you said before."""
        given, actor = self.given(GoWordInput), actor_of(request)
        order, space = selectors.order_and_space(actor, number, environment)
        return self.shown(SaidOutput, {"said": say_go(actor=actor, order=order, space=space, **given)})
