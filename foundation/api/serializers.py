"""Serializers of what the API takes: they refuse keys that they do not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from foundation.messages import MessageLike
from foundation.messages import message as _


class RefusesUnknownKeys:
    """A misspelt optional field would otherwise be dropped, and its default saved silently."""

    _writable_fields: Any

    def to_internal_value(self, data: Any) -> Any:
        """Raises ValidationError with a message for each unknown key or wrong kind, beside other mistakes."""
        unknown = self._unknown_keys(data) | self._other_kinds(data) if isinstance(data, Mapping) else {}
        try:
            values = super().to_internal_value(data)  # type: ignore[misc]
        except serializers.ValidationError as error:
            if unknown and isinstance(error.detail, dict):
                raise serializers.ValidationError({**error.detail, **unknown}) from error
            raise
        if unknown:
            raise serializers.ValidationError(unknown)
        return values

    def _other_kinds(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        given = [(field, data[field.field_name]) for field in self._writable_fields if field.field_name in data]
        return {field.field_name: [str(wrong)] for field, value in given if (wrong := _of_other_kind(field, value))}

    def _unknown_keys(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        known = [field.field_name for field in self._writable_fields]
        return {
            str(name): [
                str(_("There is no field “%(name)s” here. The fields are: %(known)s.", name=str(name), known=known))
            ]
            for name in data
            if name not in known
        }


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "number"}]})
class NumberText(serializers.CharField):
    """A number, bare or as a text: ``0.5`` and ``"0.5"`` are the same amount."""


def _of_other_kind(field: serializers.Field[Any, Any, Any, Any], value: Any) -> MessageLike:
    """What a field wants instead; empty where it is of its kind, or the field tells it by itself.

    Forms send nothing but texts, so DRF's fields read a text as a number and a number as a text. The document says
    which it is, and a body in JSON can.
    """
    if isinstance(field, serializers.ListField) and isinstance(value, list) and field.child is not None:
        return next((wrong for one in value if (wrong := _of_other_kind(field.child, one))), "")
    is_text = isinstance(field, serializers.CharField) and not isinstance(field, NumberText)
    if is_text and isinstance(value, int | float) and not isinstance(value, bool):
        return _("Write a text, in quotes.")
    if isinstance(field, serializers.IntegerField) and isinstance(value, str | bool):
        return _("Write a whole number, without quotes.")
    if isinstance(field, serializers.BooleanField) and isinstance(value, str | int) and not isinstance(value, bool):
        return _("Write true or false.")
    return ""


class Input(RefusesUnknownKeys, serializers.Serializer[Any]):
    """A body that is read."""


def text(most: int, **more: Any) -> serializers.CharField:
    """An optional text of at most so many characters."""
    return serializers.CharField(max_length=most, required=False, allow_blank=True, **more)


def read(shape: type[serializers.BaseSerializer[Any]], data: Any) -> dict[str, Any]:
    """The checked values of a body; raises DRF's ValidationError, which becomes a problem document."""
    reader = shape(data=data)
    reader.is_valid(raise_exception=True)
    return dict(reader.validated_data)
