"""Shift notes: on which day they stand, for whom, who writes them and is told, at what cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test import Client, TestCase
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from components.models import Component
from releases.models import DayNote, Placement
from releases.services.day_notes import write_note
from tests.cast import World
from tests.notifications.telling import told
from tests.releases.pages.test_order import words

SignIn = Callable[[str], Client]
DAY = date(2026, 11, 20)


def test_a_note_stands_on_its_day_and_tells_whom_it_names(world: World, signed_in: SignIn) -> None:
    told(world)
    given = {"day": str(DAY), "text": "pod two restarts, log kept; @tess looks, @nobody and @otto do not"}
    page = signed_in("olli").post("/calendar/notes/?environment=uat", given | {"project": "sis-omm"}, follow=True)
    assert page.redirect_chain[0][0] == f"/calendar/?month=2026-11&day={DAY}&environment=uat"
    assert "pod two restarts" in words(page) and "SIS-OMM" in words(page)
    assert "pod two restarts" not in words(signed_in("olli").get("/calendar/?day=2026-11-21")), "of its day alone"
    assert told(world) == {"mentioned": {"tess"}}, "otto sees nothing of the project"
    path = "/api/v1/projects/sis-omm/day-notes/"
    answer = signed_in("dana").post(path, given | {"text": "all calm"}, content_type="application/json")
    assert answer.status_code == 201 and answer.json()["named"] == []
    found = signed_in("uma").get(f"{path}?day={DAY}").json()["items"]
    assert [(one["author"], one["named"]) for one in found] == [("dana", []), ("olli", ["tess"])]
    assert signed_in("uma").get(f"{path}?day=2026-11-21").json()["items"] == []
    acts = AuditEvent.objects.filter(object_type="daynote").order_by("pk").values_list("verb", "project", "object_name")
    assert [*acts] == [(f"day_note.{verb}", "sis-omm", str(DAY)) for verb in ("mentioned", "written")]


def test_notes_are_of_those_who_see_the_project_and_written_by_those_who_comment(
    world: World, signed_in: SignIn
) -> None:
    path, given = "/api/v1/projects/sis-omm/day-notes/", {"day": str(DAY), "text": "hidden from others"}
    for name, status in (("uma", 403), ("otto", 404), ("dana", 201)):
        assert signed_in(name).post(path, given, content_type="application/json").status_code == status
    for wrong in ({"text": "  "}, {"text": "x" * 4001}, {"day": "tomorrow"}, {"day": "1999-12-31"}):
        assert signed_in("dana").post(path, given | wrong, content_type="application/json").status_code == 400
    form = {"project": "sis-omm", "day": "x", "text": "y"}
    assert signed_in("dana").post("/calendar/notes/", form).status_code == 400
    assert signed_in("dana").post("/calendar/notes/", form | {"day": str(DAY), "project": ""}).status_code == 404
    assert signed_in("dana").get(path + "?day=x").status_code == 400
    assert DayNote.objects.count() == 1
    assert "hidden from others" not in words(signed_in("otto").get(f"/calendar/?day={DAY}"))
    reader = signed_in("uma").get(f"/calendar/?day={DAY}")
    assert "hidden from others" in words(reader) and "/calendar/notes/" not in reader.content.decode()


def test_notes_cost_the_same_however_many_and_the_newest_are_shown(
    world: World, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releases.written.MOST", 3)
    reader, counts = signed_in("uma"), []
    for number in range(4):
        author = (world.dana, world.olli)[number % 2]
        values = {"author": author, "text": f"@tess number {number}", "named": ["tess"]}
        DayNote.objects.create(project=world.project, day=DAY, **values)
        with CaptureQueriesContext(connection) as seen:
            page = reader.get(f"/calendar/?day={DAY}&part=notes", HTTP_HX_REQUEST="true")
        counts.append(len(seen))
    assert len(set(counts)) == 1, counts
    shown = words(page)
    assert "number 3" in shown and "number 0" not in shown and "Older notes of this day are not shown." in shown


def test_a_note_moves_a_place_that_is_calm(world: World, component: Component) -> None:
    spaces = world.spaces
    long_ago = datetime(2026, 11, 1, tzinfo=UTC)
    for slug, why in (("uat", "two pods restart"), ("prd", "")):
        Placement.objects.create(component=component, space=spaces[slug], unsettled_reason=why)
    Placement.objects.update(changed_at=long_ago)
    with TestCase.captureOnCommitCallbacks(execute=True):
        write_note(actor=world.dana, project=world.project, day=DAY, text="all calm")
    moved = Placement.objects.exclude(changed_at=long_ago)
    assert [place.space for place in moved] == [spaces["prd"]], "settling is counted from a place's last change"
