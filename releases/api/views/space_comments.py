"""What people say of a space."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from environments.selectors.places import find_space
from foundation.api.pagination import KEYSET
from foundation.api.views import ApiView
from releases.api.serializers.written import WRITTEN_PAGE, WrittenInput, WrittenOutput
from releases.services.written import comment_on_space
from releases.written import comments_of_space


class SpaceComments(ApiView):
    """Of one space."""

    scope = Scope.BUILD

    @extend_schema(operation_id="space_comments_list", parameters=KEYSET, responses=WRITTEN_PAGE)
    def get(self, request: Request, slug: str, environment: str) -> Response:
        """Newest first."""
        space = find_space(actor_of(request), slug, environment)
        return self.page(WrittenOutput, comments_of_space(space.pk))

    @extend_schema(operation_id="space_comments_create", request=WrittenInput, responses={201: WrittenOutput})
    def post(self, request: Request, slug: str, environment: str) -> Response:
        """Say what who works there next has to know; `@name` tells a person."""
        space = find_space(actor_of(request), slug, environment)
        return self.shown(
            WrittenOutput, comment_on_space(actor=actor_of(request), space=space, **self.given(WrittenInput)), 201
        )
