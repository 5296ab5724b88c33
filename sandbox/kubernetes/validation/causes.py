"""Causes in the server's wording, and those of every kind: names, labels and annotations."""

from __future__ import annotations

import json
import re
from typing import Any

from sandbox.kubernetes.errors import Cause, Obj
from sandbox.kubernetes.kinds import NAMESPACE, SERVICE, Kind

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
    return Cause("FieldValueRequired", f"Required value: {why}" if why else "Required value", field)


def unsupported(field: str, value: Any, allowed: list[str]) -> Cause:
    """``Unsupported value: "x": supported values: "a", "b"``."""
    names = ", ".join(f'"{name}"' for name in sorted(allowed))
    return Cause("FieldValueNotSupported", f"Unsupported value: {json.dumps(value)}: supported values: {names}", field)


def duplicate(field: str, value: Any) -> Cause:
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


_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_WORD = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_WORD_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_KEY_TEXT = _WORD_TEXT.replace("MyValue", "MyName").replace("my_value", "my.name").replace("12345", "123-abc")
_ANNOTATIONS_LIMIT = 256 * 1024


def metadata_causes(obj: Obj, live: Obj | None, kind: Kind) -> list[Cause]:
    meta = obj["metadata"]
    causes = _name_causes(meta.get("name"), kind)
    causes += label_causes(meta.get("labels") or {}, "metadata.labels")
    causes += annotation_causes(meta.get("annotations") or {}, "metadata.annotations")
    if live is not None and meta.get("uid") not in (None, live["metadata"]["uid"]):
        causes.append(wrong("metadata.uid", meta["uid"], "field is immutable"))
    return causes


def _name_causes(name: str | None, kind: Kind) -> list[Cause]:
    if not name:
        return [required("metadata.name", "name or generateName is required")]
    if kind is NAMESPACE:
        return dns_label("metadata.name", name)
    if kind is SERVICE:
        # Since 1.36 a service's name may begin with a digit (RelaxedServiceNameValidation).
        return dns_label("metadata.name", name)
    causes = [] if _SUBDOMAIN.fullmatch(name) else [wrong("metadata.name", name, _SUBDOMAIN_TEXT)]
    return causes + ([wrong("metadata.name", name, "must be no more than 253 characters")] if len(name) > 253 else [])


def _key_causes(key: str, field: str) -> list[Cause]:
    prefix, slash, name = key.rpartition("/")
    causes: list[Cause] = []
    if slash and not (_SUBDOMAIN.fullmatch(prefix) and len(prefix) <= 253):
        causes.append(wrong(field, key, f"prefix part {_SUBDOMAIN_TEXT}"))
    if not _WORD.fullmatch(name):
        causes.append(wrong(field, key, f"name part {_KEY_TEXT}"))
    if len(name) > 63:
        causes.append(wrong(field, key, "name part must be no more than 63 characters"))
    return causes


def label_causes(labels: dict[str, str], field: str) -> list[Cause]:
    """Causes about label keys and values."""
    causes: list[Cause] = []
    for key, value in labels.items():
        causes += _key_causes(key, field)
        if len(value) > 63:
            causes.append(wrong(field, value, "must be no more than 63 characters"))
        elif value and not _WORD.fullmatch(value):
            causes.append(wrong(field, value, f"a valid label must be an empty string or {_WORD_TEXT[5:]}"))
    return causes


def annotation_causes(annotations: dict[str, str], field: str) -> list[Cause]:
    """Causes about annotation keys and their total size."""
    causes = [cause for key in annotations for cause in _key_causes(key.lower(), field)]
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > _ANNOTATIONS_LIMIT:
        causes.append(too_long(field, _ANNOTATIONS_LIMIT))
    return causes
