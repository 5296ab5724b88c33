"""灾备切换, 灾备演练: ask for one, confirm, refuse or withdraw it, go on after a failure, and take a drill back.

Each act writes rows and wakes its run, which does the rest with the services of a click.
"""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from environments import freezes
from environments.access import asked_for, require, who_may
from environments.models import Space
from foundation.clock import db_now
from foundation.messages import message as _
from foundation.problems import Denied, Invalid, Refused, Stale
from foundation.runs.wake import wake
from releases import drp
from releases.choices import BackState, DrpKind, DrpMemberState, DrpState
from releases.drp_transitions import may_move, move_member, move_switch, record
from releases.gate import Gate, ensure_open
from releases.holds import gate_of, held_in
from releases.models import DrpMember, DrpRun, DrpSwitch
from releases.placing import ensure_not_archived
from releases.when_gates import gates_of

LONGEST_TEXT = 500


def ask_drp(*, actor: User, space: Space, kind: str, reason: str, code: str) -> DrpSwitch:
    """Ask for a switch or a drill into the twin's space. ``code``: the project's short name, typed by the person.

    Raises Denied, Invalid without a reason or with another code, Refused where nothing serves in the sibling, nobody
    else could confirm it or, of a drill, the space is frozen or held; Stale where one is under way.
    """
    require(actor, "drp", space=space)
    _check(space, kind, reason, code)
    with transaction.atomic():
        Space.objects.select_for_update().get(pk=space.pk)
        ensure_not_archived(space)
        _ensure_alone(space)
        if kind == DrpKind.DRILL:
            ensure_open(drill_gates(space), asked=asked_for("drp", None, space))
        places = drp.serving(space)
        if not places:
            raise Refused(_("Nothing serves in the sibling, so there is nothing to bring up."), "nothing-serves")
        now = db_now()
        row = DrpSwitch(
            space=space, kind=kind, reason=reason.strip()[:LONGEST_TEXT], asked_by=actor, asked_at=now,
            ends_at=now + drp.PATIENCE,
        )  # fmt: skip
        if not drp.who_confirms(row):
            who = who_may("manage_members", space=space)
            raise Refused(_("Nobody else could confirm it: give one more person the role here."), "no-second", who)
        row.save()
        DrpMember.objects.bulk_create(
            DrpMember(switch=row, component=one.component, order=good.order, wave=one.component.start_wave)
            for one in places if (good := one.last_succeeded) is not None
        )  # fmt: skip
        # Due when it lapses; who decides it before wakes the run.
        DrpRun.objects.create(switch=row, next_at=row.ends_at)
        record(row, DrpState.ASKED, actor, reason=row.reason, components=len(places))
    return row


def _check(space: Space, kind: str, reason: str, code: str) -> None:
    if space.environment.twin_id is None:
        raise Invalid({"environment": [_("%(name)s is no twin of another environment.", name=space.environment.label)]})
    if kind not in DrpKind.values:
        raise Invalid({"kind": [_("A switch or a drill.")]})
    if not reason.strip():
        raise Invalid({"reason": [_("Say why: a second person reads it before anything starts.")]})
    _check_code(space, code)


def _check_code(space: Space, code: str) -> None:
    if code.strip().lower() != space.project.slug:
        raise Invalid({"code": [_("Type the project's code: %(code)s.", code=space.project.slug.upper())]})


def _ensure_alone(space: Space) -> None:
    if (other := drp.under_way(space)) is not None:
        values = {"who": other.asked_by.localized_name, "state": other.get_state_display()}
        message = _("One that %(who)s asked for is under way here: %(state)s.", **values)
        raise Stale(message, "drp-under-way", other.asked_by.shown_name)


def drill_gates(space: Space) -> list[Gate]:
    """A drill waits for another day where somebody holds the whole space or froze it; a release window stops none."""
    frozen = [one for one in gates_of(freezes.read(), space) if one.code != "window"]
    return [gate_of(held_in([space.pk]).over(None, space.pk)), *frozen]


def confirm_drp(*, actor: User, row: DrpSwitch, code: str) -> DrpSwitch:
    """Let it begin. Raises Denied for who asked, Invalid for another code, Refused where its time has passed."""
    require(actor, "confirm_drp", space=row.space)
    _check_code(row.space, code)
    return _decide(actor, row, DrpState.RUNNING)


def refuse_drp(*, actor: User, row: DrpSwitch, reason: str) -> DrpSwitch:
    """Nothing begins. Raises Denied for who asked, Invalid without a reason, Refused where it was decided."""
    require(actor, "confirm_drp", space=row.space)
    if not reason.strip():
        raise Invalid({"reason": [_("Say why: who asked for it reads this.")]})
    return _decide(actor, row, DrpState.REFUSED, reason.strip()[:LONGEST_TEXT])


def _decide(actor: User, row: DrpSwitch, to: str, reason: str = "") -> DrpSwitch:
    with transaction.atomic():
        locked = drp.lock_switch(row.pk)
        ensure_second(actor, locked)
        move_switch(locked, to, actor=actor, reason=reason, decided_by=actor, decided_at=db_now())
        _wake(locked)
    return locked


def ensure_second(person: User, row: DrpSwitch) -> None:
    """Raises Refused once it was decided or has lapsed, Denied for who asked for it themselves."""
    _ensure_asked(row)
    if why := drp.why_not_second(person, row):
        asked = asked_for("confirm_drp", None, row.space)
        raise Denied(why, "not-the-second", drp.who_confirms(row), asked=asked)


def _ensure_asked(row: DrpSwitch) -> None:
    if row.state != DrpState.ASKED:
        raise Refused(_("It was decided already: %(state)s.", state=row.get_state_display()), f"drp-{row.state}")
    if row.ends_at <= db_now():
        raise Refused(_("Nobody confirmed it in time: ask for it again."), "drp-expired")


def withdraw_drp(*, actor: User, row: DrpSwitch) -> DrpSwitch:
    """Who asked takes it back before it begins. Raises Denied for anybody else, Refused where it was decided."""
    require(actor, "drp", space=row.space)
    if row.asked_by_id != actor.pk:
        message = _("Only who asked for it withdraws it; who may confirm it refuses it.")
        raise Denied(message, "not-own", row.asked_by.shown_name, asked=asked_for("drp", None, row.space))
    with transaction.atomic():
        locked = drp.lock_switch(row.pk)
        _ensure_asked(locked)
        move_switch(locked, DrpState.WITHDRAWN, actor=actor, decided_by=actor, decided_at=db_now())
        _wake(locked)
    return locked


def go_on(*, actor: User, row: DrpSwitch, leave_out: bool = False) -> DrpSwitch:
    """Try what failed again, or with ``leave_out`` go on without it. Raises Denied, Refused unless it has stopped."""
    require(actor, "drp", space=row.space)
    with transaction.atomic():
        locked = drp.lock_switch(row.pk)
        if locked.returns_at is not None or not may_move(locked, DrpState.RUNNING) or locked.state == DrpState.ASKED:
            raise Refused(_("It has not stopped at a failure."), f"drp-{locked.state}")
        to = DrpMemberState.LEFT_OUT if leave_out else DrpMemberState.WAITING
        for member in drp.members_of(locked):
            if member.state == DrpMemberState.FAILED:
                move_member(member, to, actor=actor, note=member.note if leave_out else "")
        move_switch(locked, DrpState.RUNNING, actor=actor)
        _wake(locked)
    return locked


def take_back(*, actor: User, row: DrpSwitch) -> DrpSwitch:
    """Bring back what served here before the drill, the last wave first, as this person.

    What is being deployed comes to its verdict first. Raises Denied, Refused for a switch and where there is nothing
    to take back.
    """
    require(actor, "drp", space=row.space)
    if row.kind != DrpKind.DRILL:
        raise Refused(_("Only a drill is taken back: after a switch, roll back what has to go back."), "drp-switch")
    with transaction.atomic():
        locked = drp.lock_switch(row.pk)
        if not may_move(locked, DrpState.RETURNING):
            message = _("There is nothing to take back: %(state)s.", state=locked.get_state_display())
            raise Refused(message, f"drp-{locked.state}")
        if locked.state == DrpState.SERVES:
            # It counts as under way from now on, and only one may be.
            _ensure_alone(locked.space)
        locked.members.filter(back_state=BackState.FAILED).update(back_state="", back_note="")
        move_switch(locked, DrpState.RETURNING, actor=actor, returns_by=actor,
                    returns_at=locked.returns_at or db_now())  # fmt: skip
        _wake(locked)
    return locked


def review_drp(*, actor: User, row: DrpSwitch, comment: str) -> DrpSwitch:
    """Somebody who had no part in it looked at it afterwards. Raises Denied, Invalid without a comment, Refused."""
    require(actor, "confirm_drp", space=row.space)
    if not comment.strip():
        raise Invalid({"comment": [_("Say what you found: the audit keeps it.")]})
    with transaction.atomic():
        locked = drp.lock_switch(row.pk)
        if not drp.is_to_review(locked):
            raise Refused(_("There is nothing to review: it goes on, or it has its review."), "drp-not-to-review")
        if why := drp.why_not_reviewer(actor, locked):
            asked = asked_for("confirm_drp", None, locked.space)
            raise Denied(why, "not-the-second", drp.who_reviews(locked), asked=asked)
        locked.reviewed_by, locked.reviewed_at = actor, db_now()
        locked.review_comment = comment.strip()[:LONGEST_TEXT]
        locked.save(update_fields=["reviewed_by", "reviewed_at", "review_comment"])
        record(locked, "reviewed", actor, reason=locked.review_comment)
    return locked


def stop_after_restore() -> None:
    """What was under way is on the cluster, and nobody knows how far: people decide whether it goes on."""
    reason = _("The database was restored while it was under way.")
    for row in drp.rows().filter(state__in=[DrpState.ASKED, DrpState.RUNNING, DrpState.RETURNING]):
        if row.state == DrpState.ASKED:
            move_switch(row, DrpState.EXPIRED, actor=None, reason=reason, decided_at=db_now())
        else:
            move_switch(row, DrpState.STOPPED, actor=None, reason=reason)


def _wake(row: DrpSwitch) -> None:
    wake(DrpRun, DrpRun.objects.values_list("pk", flat=True).get(switch=row))
