"""What people said of a space, on its page."""

from __future__ import annotations

from environments.access import Rights
from environments.models import Space
from environments.page_parts import PagePart
from releases.written import comments_of_space, shown_texts


def space_panel(space: Space, rights: Rights) -> PagePart:
    """The last ones, and a form for who may comment."""
    texts, is_cut = shown_texts(comments_of_space(space.pk))
    may_comment = rights.can("comment", project_id=space.project_id)
    shown = {"texts": texts, "is_cut": is_cut, "may_comment": may_comment}
    return PagePart("releases/_space_comments.html", shown)
