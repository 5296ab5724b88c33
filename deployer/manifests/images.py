"""Names of images: what a reference is made of, and which ones always mean the same image."""

from __future__ import annotations

import re
from typing import Any

from deployer.messages import Message
from deployer.messages import message as _

_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_HOST = r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
_REFERENCE = re.compile(
    rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}))?"
    r"(?P<digest>@sha256:[0-9a-f]{64})?",
    re.ASCII,
)
DIGEST_REFERENCE = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*@sha256:[0-9a-f]{{64}}", re.ASCII)


def may_be_pulled(image: str) -> bool:
    """True for a reference with a digest, or with a tag that people do not move."""
    return why_not_pulled(image) is None


def why_not_pulled(image: Any) -> Message | None:
    """What is wrong with a reference wherever it comes from; None when it names one image."""
    if not isinstance(image, str) or not image:
        return _("A container needs an image.")
    found = _REFERENCE.fullmatch(image)
    if found is None:
        return _(
            "“%(image)s” is not the name of an image: write host/folder/name:tag in lower case,"
            " or host/folder/name@sha256: and 64 hexadecimal digits.",
            image=image[:200],
        )
    if found["digest"]:
        return None
    if not found["tag"]:
        return _("The image %(image)s has no tag and would mean latest: name a tag or a digest.", image=image)
    if found["tag"].lower() == "latest":
        return _("The image %(image)s means another image every day: name a tag or a digest.", image=image)
    return None
