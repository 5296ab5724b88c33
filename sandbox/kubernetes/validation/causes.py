"""Causes in the server's wording."""

from __future__ import annotations

import json
import re
from typing import Any

from sandbox.kubernetes.errors import Cause

LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_PORT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")


def wrong(field: str, value: Any, why: str) -> Cause:
    """``Invalid value: "x": why``."""
    return Cause("FieldValueInvalid", f"Invalid value: {json.dumps(value, ensure_ascii=False)}: {why}", field)


def required(field: str, why: str = "") -> Cause:
    """``Required value``."""
    return Cause("FieldValueRequired", f"Required value: {why}" if why else "Required value", field)


def unsupported(field: str, value: Any, allowed: list[str]) -> Cause:
    """``Unsupported value: "x": supported values: "a", "b"``."""
    names = ", ".join(f'"{name}"' for name in sorted(allowed))
    return Cause("FieldValueNotSupported", f"Unsupported value: {json.dumps(value)}: supported values: {names}", field)


def duplicate(field: str, value: Any) -> Cause:
    """``Duplicate value``."""
    return Cause("FieldValueDuplicate", f"Duplicate value: {json.dumps(value, ensure_ascii=False)}", field)


def unknown(field: str, value: Any) -> Cause:
    """``Not found: "x"``."""
    return Cause("FieldValueNotFound", f"Not found: {json.dumps(value, ensure_ascii=False)}", field)


def not_allowed(field: str, why: str) -> Cause:
    """``Forbidden: why``."""
    return Cause("FieldValueForbidden", f"Forbidden: {why}", field)


def too_long(field: str, most: int, unit: str = "bytes") -> Cause:
    """``Too long: may not be more than N bytes``."""
    return Cause("FieldValueTooLong", f"Too long: may not be more than {most} {unit}", field)


def dns_label(field: str, value: Any) -> list[Cause]:
    """Nothing, or why the value is no RFC 1123 label of at most 63 characters."""
    text = str(value)
    causes = [] if _LABEL.fullmatch(text) else [wrong(field, value, LABEL_TEXT)]
    return causes + ([wrong(field, value, "must be no more than 63 characters")] if len(text) > 63 else [])


def port(field: str, value: Any) -> list[Cause]:
    """A port number, or a port's name where one may stand."""
    if isinstance(value, str):
        if _PORT_NAME.fullmatch(value) and re.search("[a-z]", value):
            return []
        return [wrong(field, value, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")]
    is_fine = isinstance(value, int) and 0 < value < 65536
    return [] if is_fine else [wrong(field, value, "must be between 1 and 65535, inclusive")]


def not_negative(field: str, value: Any) -> list[Cause]:
    """Nothing, or that the number is below 0."""
    is_fine = value is None or value >= 0
    return [] if is_fine else [wrong(field, value, "must be greater than or equal to 0")]
