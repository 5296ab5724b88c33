"""Names, labels and annotations."""

from __future__ import annotations

import re

from sandbox.kubernetes.errors import Cause, Obj
from sandbox.kubernetes.kinds import NAMESPACE, SERVICE, Kind
from sandbox.kubernetes.validation.causes import dns_label, required, too_long, wrong

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
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
    """Causes about ``metadata``."""
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
        causes = [] if _LABEL_1035.fullmatch(name) else [wrong("metadata.name", name, _LABEL_1035_TEXT)]
        return causes + ([wrong("metadata.name", name, "must be no more than 63 characters")] if len(name) > 63 else [])
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
