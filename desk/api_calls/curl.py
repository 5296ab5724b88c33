"""A form as one curl: copied, given a token, it does what the page's button does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode, urljoin, urlsplit
from uuid import uuid4

from django.http import HttpRequest, QueryDict
from django.urls import Resolver404, resolve

from accounts.models import User
from desk.api_calls.bodies import body_of
from desk.api_calls.forms import PostForm, read_forms
from desk.api_calls.operations import Operation, operations
from desk.api_calls.routes import routes_for
from foundation.api.routes import ApiRoute, Body, FormInput

TOKEN = "$PRISM4K_TOKEN"  # noqa: S105 - the name of a variable of the shell


@dataclass(frozen=True)
class ApiCall:
    """One act as a command, or as two where its form saves two things."""

    label: str
    steps: tuple[tuple[str, str], ...]
    """Method and path of each."""
    curl: str
    key: str
    """The same for acts of one kind on different things."""
    action: str
    """Where the page's own form posts."""
    count: int = 1
    """So many acts of this kind are on the page."""


def call_of(request: HttpRequest, action: str, data: QueryDict, label: str = "") -> ApiCall | None:
    """What a form with these values, posted to ``action``, would do over the API; None where there is no such call."""
    try:
        parts = urlsplit(urljoin(request.get_full_path(), action))
        match = resolve(parts.path)
    except (Resolver404, ValueError):
        return None
    assert isinstance(request.user, User)
    form = FormInput(match.kwargs, QueryDict(parts.query), data, request.user)
    found = [(route, operations()[route.operation]) for route in routes_for(match.view_name, form)]
    if not found:
        return None
    steps = tuple((operation.method, _path(route, operation, form)) for route, operation in found)
    curls = [
        curl_of(method, request.build_absolute_uri(path), body_of(operation.reads, route, form), operation.takes_key)
        for (route, operation), (method, path) in zip(found, steps, strict=True)
    ]
    return ApiCall(label, steps, "\n".join(curls), f"{match.view_name} {label}", parts.path)


def _path(route: ApiRoute, operation: Operation, form: FormInput) -> str:
    names = {name: str(value) for name, value in form.kwargs.items()}
    names |= {ours: names[theirs] for ours, theirs in route.names.items()}
    names |= {name: read(form) for name, read in route.from_form.items()}
    # The schema calls a primary key id.
    names.setdefault("id", names.get("pk", ""))
    path = operation.path.format(**{name: quote(value, safe="") for name, value in names.items()})
    query = {name: form.query[name] for name in operation.query if form.query.get(name)}
    return f"{path}?{urlencode(query)}" if query else path


def curl_of(method: str, url: str, body: Body | None, takes_key: bool = True) -> str:
    """The command, one option a line. The key makes a repeated command the same act, not a second one."""
    lines = [f"curl -X {method} {_quoted(url)}", f'-H "Authorization: Token {TOKEN}"']
    if takes_key:
        lines.append(f"-H 'Idempotency-Key: {uuid4()}'")
    if body is not None:
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d {_quoted(json.dumps(body, ensure_ascii=False))}")
    return " \\\n  ".join(lines)


def _quoted(text: str) -> str:
    """For a POSIX shell: nothing in it is expanded."""
    return "'" + text.replace("'", "'\\''") + "'"


def calls_of(request: HttpRequest, html: str) -> list[ApiCall]:
    """The calls of all forms of a rendered page, one of each kind: what its primary button does, then in its order."""
    found: dict[str, ApiCall] = {}
    forms = sorted(read_forms(html), key=lambda form: not any(button.is_primary for button in form.buttons))
    for form in forms:
        for action, data, label in _acts(form):
            call = call_of(request, action, data, label)
            if call is None:
                continue
            # "Review again" at the head and at the foot is one act; "Check" in forty rows is forty.
            before = found.get(call.key)
            if before is None:
                found[call.key] = replace(call, count=form.count)
            elif call.steps != before.steps:
                found[call.key] = replace(before, count=before.count + form.count)
    return list(found.values())


def _acts(form: PostForm) -> Iterator[tuple[str, QueryDict, str]]:
    """Each button of the form as what it would send."""
    for button in form.buttons:
        data = QueryDict(mutable=True)
        for name, value in form.fields:
            data.appendlist(name, value)
        if button.name:
            data.appendlist(button.name, button.value)
        yield button.action or form.action, data, button.label
