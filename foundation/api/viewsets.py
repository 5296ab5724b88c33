"""List, retrieve, create and change, for things whose services do the work and hold the rights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from foundation.api.pagination import KEYSET, page_of
from foundation.api.views import ApiView, Shape

V = TypeVar("V", bound="type[ServiceViewSet]")


class ServiceViewSet(ViewSetMixin, ApiView):
    """The four plain verbs over selectors and services. A router gives an address only to those that a subclass names.

    Subclasses say ``rows`` (what the caller sees), ``find`` (one by the names in the address; raises Missing), and
    ``add`` and ``edit`` with the checked values.
    """

    shape: Shape


class Listed(ServiceViewSet, ABC):
    """GET on the collection."""

    @abstractmethod
    def rows(self) -> Any:
        """The rows of the list."""

    def list(self, request: Request, **names: Any) -> Response:
        """Newest first."""
        return self.page(self.shape, self.rows())


class Found(ServiceViewSet, ABC):
    """A verb on one row, found by the names in its address."""

    @abstractmethod
    def find(self, *args: Any, **names: Any) -> Any:
        """The row at an address; raises Missing."""


class Retrieved(Found):
    """GET on one."""

    def retrieve(self, request: Request, **names: Any) -> Response:
        """One of them."""
        return self.shown(self.shape, self.find(**names))


class Created(ServiceViewSet, ABC):
    """POST on the collection."""

    input_shape: Shape

    def create(self, request: Request, **names: Any) -> Response:
        """A new one."""
        return self.shown(self.shape, self.add(**self.given(self.input_shape)), 201)

    @abstractmethod
    def add(self, **values: Any) -> Any:
        """The new row."""


class Changed(Found):
    """PATCH on one."""

    change_shape: Shape

    def partial_update(self, request: Request, **names: Any) -> Response:
        """Changes what is given."""
        row = self.find(**names)
        return self.shown(self.shape, self.edit(row, **self.given(self.change_shape)))

    @abstractmethod
    def edit(self, row: Any, **values: Any) -> Any:
        """The changed row."""


def documented(
    *, page: str = "", parameters: Sequence[OpenApiParameter] = (), **verbs: tuple[str, str]
) -> Callable[[V], V]:
    """The schema of a viewset: operation id and description of each of its verbs.

    ``page`` names the schema of a page of the list, ``parameters`` are what the list takes beside the cursors.
    """

    def dress(view: V) -> V:
        schemas = {
            verb: extend_schema(operation_id=operation_id, description=text, **_bodies(view, verb, page, parameters))
            for verb, (operation_id, text) in verbs.items()
        }
        return extend_schema_view(**schemas)(view)

    return dress


def _bodies(view: Any, verb: str, page: str, parameters: Sequence[OpenApiParameter]) -> dict[str, Any]:
    if verb == "list":
        cursors = KEYSET if issubclass(view, Listed) else []
        return {"parameters": [*cursors, *parameters], "responses": page_of(page, view.shape)}
    if verb == "create":
        return {"request": view.input_shape, "responses": {201: view.shape}}
    if verb == "partial_update":
        return {"request": view.change_shape, "responses": view.shape}
    return {"responses": view.shape}
