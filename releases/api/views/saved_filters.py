"""The caller's saved filters of the list of orders."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from foundation.api.pagination import page_of
from foundation.api.serializers import Input
from foundation.api.views import ApiView
from releases.models import SavedFilter
from releases.services import saved_filters as services


class SavedFilterOutput(serializers.ModelSerializer[SavedFilter]):
    query = serializers.CharField(help_text="what follows the ? in the address of the list's page")

    class Meta:
        model = SavedFilter
        fields = ["id", "name", "query", "created_at"]


class SavedFilterName(Input):
    name = serializers.CharField(max_length=services.LONGEST)


class SavedFilterInput(SavedFilterName):
    query = serializers.CharField(max_length=2000, help_text="as project=sis-omm&state=built; the rest is left out")


class SavedFilters(ApiView):
    scope = Scope.ADMIN

    @extend_schema(operation_id="saved_filters_list", responses=page_of("SavedFilterPage", SavedFilterOutput))
    def get(self, request: Request) -> Response:
        """Your filters by name."""
        return self.whole(SavedFilterOutput, services.saved_filters(actor_of(request)))

    @extend_schema(operation_id="saved_filters_create", request=SavedFilterInput, responses={201: SavedFilterOutput})
    def post(self, request: Request) -> Response:
        """One more, twenty at most."""
        row = services.save_filter(actor=actor_of(request), **self.given(SavedFilterInput))
        row.refresh_from_db()
        return self.shown(SavedFilterOutput, row, 201)


class OneSavedFilter(ApiView):
    scope = Scope.ADMIN

    @extend_schema(operation_id="saved_filters_update", request=SavedFilterName, responses=SavedFilterOutput)
    def patch(self, request: Request, pk: int) -> Response:
        """Another name."""
        name = self.given(SavedFilterName)["name"]
        return self.shown(SavedFilterOutput, services.rename_filter(actor=actor_of(request), pk=pk, name=name))

    @extend_schema(operation_id="saved_filters_destroy", request=None, responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """It is kept no more."""
        services.delete_filter(actor=actor_of(request), pk=pk)
        return Response(status=204)
