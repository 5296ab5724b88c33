"""The OpenAPI document: the same for everybody, made once in a process for each language and format."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils import translation
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request


class ApiDocument(SpectacularAPIView):
    """Making it takes a second of a core, and nobody has to sign in for it: only its first reader waits.

    Of the query nothing but ``lang`` and ``format`` counts: what is kept has bounds.
    """

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The document in the language of ``lang``, or of the reader."""
        asked = request.query_params.get("lang", translation.get_language())
        language = asked if asked in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        renderer = request.accepted_renderer
        return HttpResponse(
            _document(language, renderer.media_type),
            content_type=f"{renderer.media_type}; charset=utf-8",
            headers={"Content-Disposition": f'inline; filename="Prism4k.{renderer.format}"'},
        )


@cache
def _document(language: str, media_type: str) -> bytes:
    renderer = next(one for one in ApiDocument.renderer_classes if one.media_type == media_type)
    with translation.override(language):
        found = ApiDocument.generator_class().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
        text: str | bytes = renderer().render(found, media_type, {})
    return text if isinstance(text, bytes) else text.encode()
