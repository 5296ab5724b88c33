"""Who is asking, from where and under which request number; readable anywhere down the call, without passing it."""

from __future__ import annotations

import contextvars
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Protocol

import structlog
from asgiref.sync import markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

if TYPE_CHECKING:
    from foundation.problems import PlatformError

HEADER = "X-Request-Number"
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


class Actor(Protocol):
    """Who acts: a person, a token's owner, or the platform itself."""

    @property
    def id(self) -> str | int:
        """A stable identity."""

    @property
    def name(self) -> str:
        """What people call them."""


@dataclass(frozen=True)
class Place:
    """Where something was asked for, by ids; both None where it was nowhere, or of the whole site."""

    project_id: int | None = None
    space_id: int | None = None


@dataclass
class Notes:
    """What the edge must know when the request is over, written down on the way."""

    place: Place = Place()
    """Where a right was asked for last."""
    refusals: list[tuple[PlatformError, Place]] = field(default_factory=list)
    """Those that a page shows on its form: no error reaches the edge."""


@dataclass(frozen=True)
class RequestContext:
    """``number`` is what a person reads out to the help desk; blank outside of requests and passes."""

    number: str = ""
    address: str = ""
    actor: Actor | None = None
    notes: Notes = field(default_factory=Notes, compare=False)


_NOBODY = RequestContext()
_current: contextvars.ContextVar[RequestContext] = contextvars.ContextVar("prism4k_request", default=_NOBODY)


def current() -> RequestContext:
    """The context of this request or pass; an empty one elsewhere."""
    return _current.get()


def new_number() -> str:
    """A fresh request number: ten letters and digits that cannot be misread (about 49 bits)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(10))


def set_actor(actor: Actor | None) -> None:
    """Names the actor, once known, for the rest of this request."""
    _current.set(replace(_current.get(), actor=actor))


def note_place(project_id: int | None, space_id: int | None) -> None:
    """A right was asked for there: what is refused from here on was refused there."""
    if (context := _current.get()).number:
        context.notes.place = Place(project_id, space_id)


def note_refusal(error: PlatformError) -> None:
    """The page tells it itself; the edge records it like one that it answers."""
    if (context := _current.get()).number:
        context.notes.refusals.append((error, context.notes.place))


@contextmanager
def request_context(*, number: str = "", address: str = "", actor: Actor | None = None) -> Iterator[RequestContext]:
    """Sets the context for a block (a request, a websocket message, one pass over a run); a blank number makes one."""
    context = RequestContext(number=number or new_number(), address=address, actor=actor)
    token = _current.set(context)
    try:
        with structlog.contextvars.bound_contextvars(request_number=context.number):
            yield context
    finally:
        _current.reset(token)


class RequestContextMiddleware:
    """Gives each request its number, in logs and in the ``X-Request-Number`` header of the answer.

    The address is the connection's; behind a proxy the server (uvicorn ``--proxy-headers`` with
    ``--forwarded-allow-ips``) must have put the client's there, because only it knows which proxies to trust.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        return self._async(request) if self.is_async else self._sync(request)

    def _sync(self, request: HttpRequest) -> HttpResponseBase:
        with request_context(address=request.META.get("REMOTE_ADDR", "")) as context:
            response = self.get_response(request)
            assert isinstance(response, HttpResponseBase)
            response[HEADER] = context.number
            return response

    async def _async(self, request: HttpRequest) -> HttpResponseBase:
        with request_context(address=request.META.get("REMOTE_ADDR", "")) as context:
            answer = self.get_response(request)
            assert not isinstance(answer, HttpResponseBase)
            response = await answer
            response[HEADER] = context.number
            return response
