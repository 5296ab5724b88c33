"""An export of the audit as a download, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from audit.exports import FORMATS
from foundation.streaming import download


def response(request: HttpRequest, pieces: Iterator[str], kind: str) -> StreamingHttpResponse:
    """Named after its moment."""
    name = f"audit-{timezone.localtime():%Y%m%d-%H%M%S}.{kind}"
    return download(request, pieces, content_type=FORMATS[kind], name=name)
