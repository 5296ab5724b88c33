"""What somebody wrote, with the people whom it names."""

from __future__ import annotations

from collections.abc import Collection

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from accounts.models import User
from releases.mentions import pieces

register = template.Library()


@register.filter
def with_names(text: str, people: Collection[User]) -> SafeString:
    """Lines as they were written; a person's name stands in the place of their user name."""
    parts = [
        format_html('<b title="{}">@{}</b>', piece, person.shown_name) if person else escape(piece)
        for piece, person in pieces(text, people)
    ]
    # Each part is escaped above.
    return mark_safe("".join(parts).replace("\n", "<br>"))  # noqa: S308
