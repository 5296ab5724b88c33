"""Of what people wrote down on a day, a space or a train: those whom it names are told."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse

from accounts.models import User
from foundation.messages import MessageLike, verbatim
from foundation.messages import message as _
from foundation.pages import query_of
from notifications.choices import NoticeKind
from notifications.heard import Heard
from notifications.telling_words import MOST_QUOTED, Told
from releases.mentions import people_in
from releases.models import DayNote, SpaceComment
from releases.models.written import WrittenText
from trains.models import TrainComment


def told_of_note(heard: Heard) -> Iterator[Told]:
    """Of a day of the calendar."""
    row = DayNote.objects.filter(pk=heard.subject).select_related("author", "project").first()
    if row is None:
        return
    people = _named(row, row.project_id)
    values = {"day": row.day.isoformat(), **_words(row, people)}
    message = _("%(who)s wrote a shift note of %(day)s and named %(names)s", **values)
    page = reverse("desk:calendar") + "?" + query_of({"day": row.day.isoformat(), "project": row.project.slug})
    yield _told(row, people, message, page)


def told_of_space_comment(heard: Heard) -> Iterator[Told]:
    """Of a space."""
    rows = SpaceComment.objects.select_related("author", "space__project", "space__environment")
    row = rows.filter(pk=heard.subject).first()
    if row is None:
        return
    project, environment = row.space.project, row.space.environment
    people = _named(row, project.pk)
    values = {"what": project.slug.upper(), "place": environment.label, **_words(row, people)}
    message = _("%(who)s commented on %(place)s of %(what)s and named %(names)s", **values)
    yield _told(row, people, message, reverse("environments:space", args=[project.slug, environment.slug]))


def told_of_train_comment(heard: Heard) -> Iterator[Told]:
    """Of a train."""
    row = TrainComment.objects.select_related("author", "train__space").filter(pk=heard.subject).first()
    if row is None:
        return
    people = _named(row, row.train.space.project_id)
    values = {"name": row.train.name, **_words(row, people)}
    message = _("%(who)s commented on the train “%(name)s” and named %(names)s", **values)
    yield _told(row, people, message, reverse("trains:train", args=[row.train_id]))


def _named(row: WrittenText, project_id: int) -> list[User]:
    """Those whom it named when it was written and who may see the project today."""
    return [person for person in people_in(row.text, project_id) if person.username in row.named]


def _words(row: WrittenText, people: list[User]) -> dict[str, object]:
    return {"who": row.author.localized_name, "names": [person.localized_name for person in people]}


def _told(row: WrittenText, people: list[User], message: MessageLike, page: str) -> Told:
    return Told(NoticeKind.MENTIONED, people, message, page, verbatim(row.text[:MOST_QUOTED]))
