"""The OpenAPI schema: every operation says which refusals it answers, and that bodies take no unknown keys."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from foundation.api.serializers import RefusesUnknownKeys
from foundation.problems import MEDIA_TYPE

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="1 to 200 characters of your own: the same request again within 24 hours gets the first answer",
)
DESCRIPTIONS = {
    400: "The request cannot be read, or fields need another value: see ``fields``.",
    401: "Nobody is signed in, or the token is not good.",
    403: "Not with these roles, or not with this token's scopes.",
    404: "There is no such thing, or it is not yours to see.",
    409: "Not possible in this state, or the state has changed since you read it.",
    406: "The answer is JSON, and the request accepts something else only.",
    413: "The body is larger than 5 MB.",
    415: "The body is JSON, and the request says that it is something else.",
    422: "This Idempotency-Key came with another body before.",
    429: "Too many wrong passwords: wait.",
    500: "The platform failed and logged it under ``request_number``; nothing was changed.",
    502: "Another system refused.",
    503: "The database or another system does not answer just now: try again.",
}


class Problem(serializers.Serializer[Any]):
    """RFC 9457 problem details: every refusal has this form."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="a message in the language of the request")
    code = serializers.CharField(help_text="the same in all languages")
    instance = serializers.CharField(required=False)
    who_can_help = serializers.CharField(required=False)
    fields = serializers.DictField(  # type: ignore[assignment]  # shadows the serializer's own
        child=serializers.ListField(child=serializers.CharField()), required=False, help_text="messages by field"
    )
    request_number = serializers.CharField(required=False, help_text="names the request in the log")
    explanation = serializers.CharField(required=False, help_text="the address here that says why, and who may")


class ApiSchema(AutoSchema):
    """What the generator cannot see in a view: refusals, idempotency, closed bodies."""

    def get_override_parameters(self) -> list[Any]:
        """The header that makes a repeated request harmless, where it is honoured."""
        honours = self.method in UNSAFE and getattr(self.view, "honours_idempotency_key", False)
        return [*super().get_override_parameters(), *([_KEY] if honours else [])]

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        """Adds the refusals to the answers."""
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        for status in self._refusals(operation):
            if str(status) not in operation["responses"]:
                answer = self._get_response_for_code(  # type: ignore[no-untyped-call]
                    Problem, str(status), media_types=[MEDIA_TYPE]
                )
                operation["responses"][str(status)] = {**answer, "description": DESCRIPTIONS[status]}
        operation["responses"] = dict(sorted(operation["responses"].items()))
        return operation

    def _refusals(self, operation: dict[str, Any]) -> list[int]:
        """Every call can meet these; which others depends on what it takes."""
        found = [401, 403, 406, 500, 503]
        parameters = operation.get("parameters", ())
        names = {one["in"] for one in parameters}
        if "requestBody" in operation or names & {"query", "header"}:
            found.append(400)
        # A query or a body can name what is not there, as an address can.
        if "requestBody" in operation or names & {"query", "path"}:
            found.append(404)
        if "requestBody" in operation:
            found.append(415)
        if self.method in UNSAFE:
            # Also where no body is taken: fields that are sent all the same are refused by name.
            found += [400, 409, 413]
        if any(one["name"] == _KEY.name for one in parameters):
            found.append(422)
        return found + list(getattr(self.view, "more_refusals", ()))

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if isinstance(serializer, RefusesUnknownKeys):
            schema["additionalProperties"] = False
        return schema
