"""Every page that takes a POST with its routes over the API, gathered from the declarations beside the views."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from foundation.api.routes import ApiRoute, FormInput, routes_of


def _views(resolver: URLResolver, namespace: str = "") -> Iterator[tuple[str, Callable[..., Any]]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from _views(entry, entry.app_name or namespace)
        elif isinstance(entry, URLPattern) and entry.name:
            yield (f"{namespace}:{entry.name}" if namespace else entry.name), entry.callback


@cache
def declared() -> dict[str, tuple[ApiRoute, ...]]:
    """Routes by the name of the view, in the order of the addresses."""
    return {name: routes_of(view) for name, view in _views(get_resolver()) if routes_of(view)}


@cache
def not_in_api() -> dict[str, str]:
    """Views that no operation corresponds to, each with the reason."""
    found = {name: getattr(view, "no_api_route", "") for name, view in _views(get_resolver())}
    return {name: reason for name, reason in found.items() if reason}


def routes_for(view_name: str, form: FormInput) -> list[ApiRoute]:
    """How the API does what this form does: mostly one call, two where a form saves two things; none without one."""
    return [route for route in declared().get(view_name, ()) if route.when(form)]
