"""JSON that is proof: kept as the one text that its mark was made over.

A database's own JSON type writes numbers and keys its own way; what was marked must be what is read again.
"""

from __future__ import annotations

import json
from typing import Any

from django.db import models
from django.db.models.expressions import BaseExpression

from foundation.messages import from_json_data, to_json_data


def canonical_json(value: Any) -> str:
    """The one text of JSON data: sorted keys, no spaces, letters as they are."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class ProofField(models.TextField):  # type: ignore[type-arg]  # generic for the checker alone
    """A text column for JSON data; None is NULL."""

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """As Django's own field: migrations import nothing of the product."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", list(args), kwargs

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        return None if value is None else json.loads(value)

    def get_prep_value(self, value: Any) -> Any:
        return value if value is None or isinstance(value, BaseExpression) else canonical_json(value)


class MessageProofField(ProofField):
    """The same for data that may hold messages."""

    def from_db_value(self, value: str | None, *args: Any) -> Any:
        return from_json_data(super().from_db_value(value, *args))

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(value if isinstance(value, BaseExpression) else to_json_data(value))
