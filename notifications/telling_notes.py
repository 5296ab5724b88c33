"""Of a note on a day of the calendar: those whom it names are told."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse

from foundation.messages import message as _
from foundation.messages import verbatim
from foundation.pages import query_of
from notifications.choices import NoticeKind
from notifications.heard import Heard
from notifications.telling_words import MOST_QUOTED, Told
from releases.mentions import people_in
from releases.models import DayNote


def told_of_note(heard: Heard) -> Iterator[Told]:
    """Those whom it named when it was written and who may see the project today."""
    row = DayNote.objects.filter(pk=heard.subject).select_related("author", "project").first()
    if row is None:
        return
    people = [person for person in people_in(row.text, row.project_id) if person.username in row.named]
    names = [person.localized_name for person in people]
    values = {"who": row.author.localized_name, "day": row.day.isoformat(), "names": names}
    message = _("%(who)s wrote a shift note of %(day)s and named %(names)s", **values)
    page = reverse("desk:calendar") + "?" + query_of({"day": row.day.isoformat(), "project": row.project.slug})
    yield Told(NoticeKind.MENTIONED, people, message, page, verbatim(row.text[:MOST_QUOTED]))
