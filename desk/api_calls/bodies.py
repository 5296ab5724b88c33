"""The JSON body of an operation from what a form sends, field by field of the operation's serializer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework import serializers
from rest_framework.fields import empty

from foundation.api.routes import ApiRoute, Body, FormInput

SECRET = "<{name}>"  # noqa: S105 - what stands in its place
"""What stands for a secret: it is never copied, and an empty one keeps what is stored."""
_OMIT = object()


def body_of(reads: serializers.Serializer[Any] | None, route: ApiRoute, form: FormInput) -> Body | None:
    """What the operation is sent for this form; None where it reads no body."""
    if reads is None:
        return None
    body = fields_of(reads, form, route.only)
    return body | route.more(form) if route.more else body


def fields_of(reads: serializers.Serializer[Any], form: FormInput, only: tuple[str, ...] = ()) -> Body:
    """The fields that form and serializer have in common."""
    body: Body = {}
    for name, one in reads.fields.items():
        if one.read_only or (only and name not in only):
            continue
        value = _value(one, name, form)
        if value is not _OMIT:
            body[name] = value
    return body


def _value(one: Any, name: str, form: FormInput) -> Any:
    text = form.text(name)
    if one.write_only:
        return SECRET.format(name=name) if text else _OMIT
    if isinstance(one, serializers.BooleanField):
        return _flag(one, name, form)
    if isinstance(one, serializers.ListSerializer | serializers.DictField):
        # No field of a form says these: the route does.
        return _OMIT
    if isinstance(one, serializers.Serializer):
        return fields_of(one, form) or _OMIT
    if isinstance(one, serializers.ListField):
        return [word for value in form.data.getlist(name) for word in value.replace(",", " ").split()]
    if isinstance(one, serializers.IntegerField):
        return form.number(name) if text.strip() else _OMIT
    if isinstance(one, serializers.DateTimeField):
        return moment(text) if text else _OMIT
    if name not in form.data:
        return form.kwargs.get(name, _OMIT)
    return text if text or one.default is empty else _OMIT


def _flag(one: Any, name: str, form: FormInput) -> Any:
    """A browser leaves out a box that is not ticked."""
    if name in form.data:
        return form.text(name) not in ("no", "false", "0", "")
    return False if one.default is empty else _OMIT


def moment(text: str) -> str:
    """A local moment of a form in the reader's zone, as ISO 8601 with its offset."""
    try:
        found: datetime | None = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        return text
    return (timezone.make_aware(found) if timezone.is_naive(found) else found).isoformat()
