"""What every API view stands on: scopes of tokens, idempotent retries, bodies that are read and answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from foundation import idempotency
from foundation.api.pagination import page_response, whole_response
from foundation.api.parsers import too_deep
from foundation.api.queries import FLAGS, declared, ensure_readable
from foundation.api.schema import UNSAFE
from foundation.api.serializers import read
from foundation.messages import message as _
from foundation.problems import Denied, Invalid
from foundation.renderers import JSONRenderer

Shape = type[serializers.BaseSerializer[Any]]


class ApiView(APIView):
    """One address of the API. ``scope`` is what a token needs for its unsafe methods; sessions have no scopes."""

    scope: str = "admin"
    more_scopes: tuple[str, ...] = ()
    """What an act needs besides, where it does two kinds of things."""
    honours_idempotency_key = True
    """False where the answer holds a secret: it would have to be kept in clear."""
    more_refusals: tuple[int, ...] = ()
    """Statuses of refusals beyond those that every operation documents."""
    without_body: frozenset[str] = frozenset({"DELETE"})
    """Unsafe methods that take no fields: what is sent to them is refused by name, like any other unknown field."""
    location_field: str = ""
    """The field of a 201's body that names the new object below this address; it goes into ``Location``."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, check the token's scope, then arrange that a repeated request gets the first answer.

        A verb that this address does not have is refused before anything else is asked, or kept under a key.
        """
        if not hasattr(self, str(request.method).lower()):
            raise MethodNotAllowed(str(request.method))
        super().initial(request, *args, **kwargs)
        self._check_scope(request)
        self._check_no_body(request)
        # HEAD is the GET of the same view, under its own name on the object only.
        ensure_readable(request.query_params, declared(getattr(self, str(request.method).lower()).__func__))
        key = request.headers.get("Idempotency-Key", "")
        if request.method not in UNSAFE:
            return
        if request.user is None:
            # Nobody has signed in yet: there is no one to keep an answer for (and a token's must not be kept).
            self.read_outside(request, **kwargs)
            return
        is_repeated = bool(key and self.honours_idempotency_key) and idempotency.has_answer(
            token_key=_token_key(request), method_route=_route(request), key=key
        )
        if not is_repeated:
            # The state has moved on since the first time: reading again would refuse what was granted.
            self.read_outside(request, **kwargs)
        if key and self.honours_idempotency_key:
            self._answer_once(request, key)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Also where a new object is to be found: here, so that a replayed answer says it too."""
        if self.location_field and response.status_code == 201:
            response["Location"] = f"{request.path}{response.data[self.location_field]}/"
        return super().finalize_response(request, response, *args, **kwargs)

    def given(self, shape: Shape) -> dict[str, Any]:
        """The checked values of the body; raises DRF's ValidationError."""
        return read(shape, self.request.data)

    def shown(self, shape: Shape, row: Any, status: int = 200) -> Response:
        """One row as the answer."""
        return Response(shape(row).data, status=status)

    def page(self, shape: Shape, rows: QuerySet[Any]) -> Response:
        """One keyset page of the rows."""
        return page_response(self.request, rows, shape)

    def whole(self, shape: Shape, rows: Iterable[Any]) -> Response:
        """All of the rows, where they are never many."""
        return whole_response(rows, shape)

    def flag(self, name: str) -> bool:
        """A yes or no of the query, no where it is not given; raises Invalid for anything else."""
        given = self.request.query_params.get(name, "").lower()
        if given not in FLAGS:
            raise Invalid({name: [_("Write true or false.")]})
        return FLAGS[given]

    def read_outside(self, request: Request, **kwargs: Any) -> None:
        """Reads outside that an unsafe method needs (Git, Jenkins): here, before any transaction is open."""

    def _check_no_body(self, request: Request) -> None:
        if request.method not in self.without_body:
            return
        try:
            # The raw body must be read before the parser consumes the stream.
            given = json.loads(request._request.body)
        except ValueError:
            return  # nothing, or nothing with names in it
        except RecursionError:
            raise too_deep() from None
        names = [str(name) for name in given] if isinstance(given, Mapping) else []
        if names:
            raise Invalid(
                {
                    name: [_("This operation takes no fields, so none is called “%(name)s”.", name=name)]
                    for name in names
                }
            )

    def _check_scope(self, request: Request) -> None:
        scopes = getattr(request.auth, "scopes", None)
        if scopes is None:
            return
        # Every scope includes reading what it acts on.
        needed = (self.scope, *self.more_scopes) if request.method in UNSAFE else ()
        missing = next((scope for scope in needed if scope not in scopes), "")
        if not scopes or missing:
            raise Denied(_("This token may not do that: it lacks the scope “%(scope)s”.", scope=missing or "read"))

    def _answer_once(self, request: Request, key: str) -> None:
        # The raw body must be read before the parser consumes the stream.
        body = request._request.body
        method = str(request.method).lower()
        handler: Callable[..., Response] = getattr(self, method)

        def once(request: Request, *args: Any, **kwargs: Any) -> Response:
            def act() -> tuple[int, Any]:
                response = handler(request, *args, **kwargs)
                # As the client gets it: dates and numbers as JSON text, so that it can be kept and said again.
                return response.status_code, json.loads(JSONRenderer().render(response.data) or "null")

            answer = idempotency.answer_once(
                token_key=_token_key(request),
                method_route=_route(request),
                key=key,
                body=body,
                act=act,
                person=request.user,
            )
            headers = {"Idempotency-Replayed": "true"} if answer.is_replay else None
            return Response(answer.response, status=answer.status, headers=headers)

        setattr(self, method, once)


def _token_key(request: Request) -> str:
    return getattr(request.auth, "token_key", None) or f"session:{request.user.pk}"


def _route(request: Request) -> str:
    return f"{request.method} {request.path}"
