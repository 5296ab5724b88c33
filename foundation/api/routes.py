"""Which operation of the API does what a page's form does: declared beside the view with ``@api_route``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.http import QueryDict

Body = dict[str, Any]
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class FormInput:
    """A form as it stands: the names in its address, its query, its fields, and who sees it."""

    kwargs: Mapping[str, Any]
    query: QueryDict
    data: QueryDict
    user: Any

    def text(self, name: str) -> str:
        """A field as text; lines end as in JSON people write."""
        return str(self.data.get(name, "")).replace("\r\n", "\n")

    def number(self, name: str) -> int | str:
        """A field as a whole number; what is none stays as typed, for the API to refuse."""
        text = self.text(name).strip()
        return int(text) if text.lstrip("-").isdecimal() else text


def always(_form: FormInput) -> bool:
    """For forms that have one operation."""
    return True


@dataclass(frozen=True)
class ApiRoute:
    """One operation that a form leads to. Its method, path and body come from the schema.

    ``when``: for which forms, where a view has several. ``only``: the fields of the body that this form has, where it
    has not all. ``more``: parts of the body that are not fields of their own name. ``names``: parameters of the path
    that the page's address calls otherwise; ``from_form``: those that are in its fields.
    """

    operation: str
    when: Callable[[FormInput], bool] = always
    only: tuple[str, ...] = ()
    more: Callable[[FormInput], Body] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    from_form: Mapping[str, Callable[[FormInput], str]] = field(default_factory=dict)


def api_route(operation: str, **how: Any) -> Callable[[View], View]:
    """Declare the operation of a view that takes a POST; several of them are several routes, in their order."""

    def declare(view: View) -> View:
        view.api_routes = (ApiRoute(operation, **how), *routes_of(view))  # type: ignore[attr-defined]
        return view

    return declare


def no_api_route(reason: str) -> Callable[[View], View]:
    """Declare that no operation does what a view does on POST, and why."""

    def declare(view: View) -> View:
        view.no_api_route = reason  # type: ignore[attr-defined]
        return view

    return declare


def routes_of(view: Callable[..., Any]) -> tuple[ApiRoute, ...]:
    """The declared routes of a view."""
    return getattr(view, "api_routes", ())


def with_field(name: str) -> Callable[[FormInput], bool]:
    """Forms, or buttons of a form, that send this field."""
    return lambda form: name in form.data


def without_field(name: str) -> Callable[[FormInput], bool]:
    """Forms that do not send it."""
    return lambda form: name not in form.data


def in_address(name: str, value: str) -> Callable[[FormInput], bool]:
    """Forms at an address with this value."""
    return lambda form: form.kwargs.get(name) == value
