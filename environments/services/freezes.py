"""封网: make a freeze, end it (over production with a second person), and upload the calendar that it goes by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from django.db import transaction

import audit
from accounts.models import Project, User
from environments import freezes
from environments.access import asked_for, require
from environments.choices import FreezeKind
from environments.day_files import read_dates
from environments.models import DayCalendar, Freeze, Space
from environments.windows import is_zone
from foundation.clock import db_now
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Denied, Invalid, Refused

LONGEST_NAME = 80
LONGEST_TEXT = 500
LONGEST = timedelta(days=100)
"""Of one that is once."""


def make_freeze(  # noqa: PLR0913 - the columns of one row, most of them of one kind
    *,
    actor: User,
    name: str,
    reason: str,
    kind: str,
    project: Project | None = None,
    space: Space | None = None,
    only_production: bool = True,
    is_window: bool = False,
    zone: str = "UTC",
    begins_at: datetime | None = None,
    ends_at: datetime | None = None,
    weekdays: Sequence[int] = (),
    opens: time | None = None,
    closes: time | None = None,
    calendar: DayCalendar | None = None,
) -> Freeze:
    """Of the site where there is neither project nor space. Raises Denied, Invalid."""
    row = draft(
        actor, name=name, reason=reason, kind=kind, project=project, space=space, only_production=only_production,
        is_window=is_window, zone=zone, begins_at=begins_at, ends_at=ends_at, weekdays=weekdays, opens=opens,
        closes=closes, calendar=calendar,
    )  # fmt: skip
    check_freeze(actor, row)
    with transaction.atomic():
        row.save()
        audit.record_act(actor, "freeze.created", row, reason=row.reason, after=facts_of(row))
    return row


def draft(actor: User, **given: Any) -> Freeze:
    """The row as it would be saved, for a preview of what it stops."""
    space, project = given.get("space"), given.get("project")
    row = Freeze(
        name=str(given["name"]).strip(), reason=str(given["reason"]).strip(), kind=given["kind"],
        project=None if space else project, space=space, zone=given["zone"], made_by=actor,
        only_production=bool(given["only_production"]) and space is None, weekdays=sorted(set(given["weekdays"])),
        begins_at=given["begins_at"], ends_at=given["ends_at"], opens=given["opens"], closes=given["closes"],
        calendar=given["calendar"], is_window=bool(given["is_window"]),
    )  # fmt: skip
    _keep_its_own(row)
    return row


def check_freeze(actor: User, row: Freeze) -> None:
    """Raises Denied, Invalid: also for a preview."""
    require(actor, freezes.verb_of(row), project_id=freezes.project_id_of(row))
    now = db_now()
    problems: dict[str, list[MessageLike]] = {}
    for name, text, most in (("name", row.name, LONGEST_NAME), ("reason", row.reason, LONGEST_TEXT)):
        if not text or len(text) > most:
            problems[name] = [_("Write between 1 and %(most)s characters.", most=most)]
    if row.kind not in FreezeKind.values:
        problems["kind"] = [_("Choose one of: %(names)s.", names=list(FreezeKind.values))]
    problems |= _wrong_once(row, now) if row.kind == FreezeKind.ONCE else _wrong_daily(row)
    if problems:
        raise Invalid(problems)


def _wrong_once(row: Freeze, now: datetime) -> dict[str, list[MessageLike]]:
    if row.begins_at is None or row.ends_at is None:
        return {"begins_at": [_("Say from when until when.")]}
    if row.ends_at <= max(row.begins_at, now):
        return {"ends_at": [_("The end must be later than the beginning, and later than now.")]}
    if row.ends_at - row.begins_at > LONGEST:
        return {"ends_at": [_("At most %(days)s days.", days=LONGEST.days)]}
    return {}


def _wrong_daily(row: Freeze) -> dict[str, list[MessageLike]]:
    problems: dict[str, list[MessageLike]] = {}
    if row.opens is None or row.closes is None:
        problems["opens"] = [_("Say from when until when.")]
    if not is_zone(row.zone):
        problems["zone"] = [_("Write a time zone such as Asia/Shanghai.")]
    if row.kind == FreezeKind.WEEKLY and (not row.weekdays or not set(row.weekdays) <= set(range(7))):
        problems["weekdays"] = [_("Choose at least one day.")]
    if row.kind == FreezeKind.DATES:
        problems |= _wrong_calendar(row)
    return problems


def _wrong_calendar(row: Freeze) -> dict[str, list[MessageLike]]:
    calendar, project = row.calendar, row.whose
    if calendar is None:
        return {"calendar": [_("Choose a calendar, or upload one first.")]}
    if calendar.project_id is not None and (project is None or calendar.project_id != project.pk):
        return {"calendar": [_("This calendar belongs to another project.")]}
    return {}


def _keep_its_own(row: Freeze) -> None:
    """What was filled in for another kind is not kept."""
    if row.kind == FreezeKind.ONCE:
        row.weekdays, row.opens, row.closes, row.calendar = [], None, None, None
    else:
        row.begins_at = row.ends_at = None
    if row.kind != FreezeKind.WEEKLY:
        row.weekdays = []
    if row.kind != FreezeKind.DATES:
        row.calendar = None


def facts_of(row: Freeze) -> dict[str, Any]:
    """For the audit: its whole window."""
    return {
        "is_window": row.is_window, "only_production": row.only_production, "kind": row.kind, "zone": row.zone,
        "begins_at": row.begins_at.isoformat() if row.begins_at else None,
        "ends_at": row.ends_at.isoformat() if row.ends_at else None, "weekdays": row.weekdays,
        "opens": row.opens.isoformat("minutes") if row.opens else None,
        "closes": row.closes.isoformat("minutes") if row.closes else None,
        "calendar": row.calendar.name if row.calendar else None,
    }  # fmt: skip


# ---------------------------------------------------------------- its end
def end_freeze(*, actor: User, row: Freeze, reason: str) -> Freeze:
    """It ends now; over production a second person has to confirm that within a day.

    Raises Denied, Invalid without a reason, Refused where it is over, somebody asked already, or nobody could confirm.
    """
    require(actor, freezes.verb_of(row), project_id=freezes.project_id_of(row))
    if not reason.strip():
        raise Invalid({"reason": [_("Say why: the audit keeps it.")]})
    with transaction.atomic():
        locked = _lock(row)
        locked.end_reason = reason.strip()[:LONGEST_TEXT]
        if not freezes.covers_production(locked):
            return _end(locked, actor)
        if freezes.is_asked_to_end(locked):
            raise Refused(
                _("Its end waits for a second person already."), "freeze-end-asked", freezes.who_confirms(locked)
            )
        locked.end_asked_by, locked.end_asked_at = actor, db_now()
        if not freezes.seconds(locked):
            raise Refused(_("Nobody else could confirm its end: give one more person the role."), "no-second-person")
        locked.save(update_fields=["end_asked_by", "end_asked_at", "end_reason"])
        audit.record_act(actor, "freeze.end_asked", locked, reason=locked.end_reason, before=facts_of(locked))
    return locked


def confirm_end(*, actor: User, row: Freeze) -> Freeze:
    """The second person's yes: it ends now. Raises Denied for who is none, Refused where nobody asks for it now."""
    verb, project_id = freezes.confirming_verb(row), freezes.project_id_of(row)
    require(actor, verb, project_id=project_id)
    with transaction.atomic():
        locked = _lock(row)
        if not freezes.is_asked_to_end(locked):
            raise Refused(_("Nobody asks for its end now."), "no-end-asked")
        if not freezes.is_second(actor, locked):
            who, asked = freezes.who_confirms(locked), asked_for(verb, project_id, None)
            raise Denied(_("Somebody else has to confirm it."), "not-the-second", who, asked=asked)
        return _end(locked, actor)


def _lock(row: Freeze) -> Freeze:
    locked = freezes.rows().select_for_update(of=("self",)).get(pk=row.pk)
    is_past = locked.kind == FreezeKind.ONCE and locked.ends_at is not None and locked.ends_at <= db_now()
    if locked.ended_at is not None or is_past:
        raise Refused(_("This freeze is over already."), "freeze-over")
    return locked


def _end(locked: Freeze, actor: User) -> Freeze:
    locked.ended_at, locked.ended_by = db_now(), actor
    locked.save(update_fields=["ended_at", "ended_by", "end_reason"])
    audit.record_act(actor, "freeze.ended", locked, reason=locked.end_reason, before=facts_of(locked))
    return locked


# ---------------------------------------------------------------- calendars
def upload_calendar(*, actor: User, name: str, text: str, project: Project | None = None) -> DayCalendar:
    """Dates out of CSV or iCalendar, under a name. Raises Denied, Invalid with the line that does not fit."""
    require(actor, "freeze" if project else "freeze_site", project_id=project.pk if project else None)
    if not name.strip() or len(name.strip()) > LONGEST_NAME:
        raise Invalid({"name": [_("Write between 1 and %(most)s characters.", most=LONGEST_NAME)]})
    dates = [one.isoformat() for one in read_dates(text)]
    with transaction.atomic():
        row = DayCalendar.objects.create(project=project, name=name.strip(), dates=dates, uploaded_by=actor)
        after = {"dates": len(dates), "first": dates[0], "last": dates[-1]}
        audit.record_act(actor, "calendar.created", row, after=after)
    return row
