"""灾备切换, 灾备演练: which there are, what one would bring up, who confirms it, and its own gates. Reads of rows only.

Nothing here asks for anything of the sibling: neither its cluster, nor Jenkins, nor Git.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Count, Q, QuerySet

from accounts.models import User
from environments.access import Rights, can, memberships_that_allow, people_who_may, visible_to
from environments.models import Space
from environments.second_person import share_a_hand
from foundation.messages import MessageLike, localized_names
from foundation.messages import message as _
from foundation.problems import Missing
from releases.choices import DeploymentKind, DrpKind, DrpMemberState, DrpState
from releases.gate import Gate
from releases.holds import hold_gate
from releases.models import Deployment, DrpMember, DrpSwitch, Placement, Readiness, ReleaseOrder
from releases.models.drp import UNDER_WAY
from releases.readiness import MISSING
from releases.when_gates import time_gates

PATIENCE = timedelta(minutes=15)
"""So long it waits for its second person."""
NEVER_BEGAN = frozenset({DrpState.REFUSED, DrpState.WITHDRAWN, DrpState.EXPIRED})
BROUGHT_UP = (DrpState.SERVES, DrpState.RETURNING, DrpState.RETURNED)
TO_REVIEW = (DrpState.SERVES, DrpState.RETURNED)
OVER = frozenset({DrpMemberState.SERVES, DrpMemberState.LEFT_OUT})
"""Members that let the next wave go."""


# ---------------------------------------------------------------- rows
def rows() -> QuerySet[DrpSwitch]:
    """With what a page names of each, newest first."""
    return DrpSwitch.objects.select_related(
        "space__project",
        "space__environment__twin",
        "space__cluster",
        "asked_by",
        "decided_by",
        "returns_by",
        "reviewed_by",
    ).order_by("-pk")


def visible_rows(rights: Rights) -> QuerySet[DrpSwitch]:
    """Those of the projects that the person sees, with how many components each has and how many of them served."""
    found = rows().filter(visible_to(rights.user, rights=rights, field="space__project_id"))
    served = Count("members", filter=Q(members__state=DrpMemberState.SERVES))
    return found.annotate(count=Count("members"), served=served)


def find(user: User, pk: int) -> DrpSwitch:
    """One of them; raises Missing also where the person may not see it."""
    row = visible_rows(Rights(user)).filter(pk=pk).first()
    if row is None:
        raise Missing(_("There is no such switch or drill, or it is not yours to see."))
    return row


def lock_switch(pk: int) -> DrpSwitch:
    """The row under its lock: the first one of every act on it, before places, orders and runs."""
    return rows().select_for_update(of=("self",)).get(pk=pk)


def members_of(row: DrpSwitch) -> list[DrpMember]:
    """In the order in which they start, each with its deployments."""
    found = row.members.select_related(
        "component", "order__project", "order__component", "deployment", "before__order", "back"
    )
    narrow = [f"{one}__{name}" for one in ("before", "back") for name in ("applied", "progress")]
    return list(found.defer("deployment__applied", *narrow).order_by("wave", "component__slug"))


def open_wave(members: Iterable[DrpMember]) -> int:
    """The first wave that does not serve yet; 0 where all do."""
    return min((one.wave for one in members if one.state not in OVER), default=0)


def serving(space: Space) -> list[Placement]:
    """What serves in the sibling by our own rows, in the order in which it starts here."""
    found = Placement.objects.filter(
        space__project=space.project_id, space__environment=space.environment.twin_id, space__is_archived=False,
        component__is_archived=False, last_succeeded__snapshot__isnull=False,
    ).exclude(last_succeeded__kind=DeploymentKind.REMOVE)  # fmt: skip
    found = found.select_related("component", "last_succeeded__order__project")
    return list(found.order_by("component__start_wave", "component__slug"))


def before_of(row: DrpSwitch) -> DrpSwitch | None:
    """The drill or switch into this space before it that brought something up."""
    found = DrpSwitch.objects.filter(space=row.space_id, state__in=BROUGHT_UP, pk__lt=row.pk)
    return found.order_by("-pk").first()


def under_way(space: Space) -> DrpSwitch | None:
    """The one that is asked for or goes on there now."""
    return rows().filter(space=space, state__in=UNDER_WAY).first()


# ---------------------------------------------------------------- the second person
def why_not_second(person: User, row: DrpSwitch) -> MessageLike:
    """Why this person, who has the right, is not the one to confirm it; empty when they are."""
    if person.pk == row.asked_by_id:
        return _("You asked for it: somebody else confirms it.")
    asks = memberships_that_allow("drp", space=row.space)
    confirms = memberships_that_allow("confirm_drp", space=row.space)
    if share_a_hand((person.pk, confirms), (row.asked_by_id, asks)):
        return _(
            "Role or password of you or %(name)s is less than a day from one hand: somebody else has to confirm it.",
            name=row.asked_by.localized_name,
        )
    return ""


def seconds(row: DrpSwitch) -> list[User]:
    """Everybody who could confirm it now."""
    people = people_who_may("confirm_drp", space=row.space)
    return [person for person in people if not why_not_second(person, row)]


def who_confirms(row: DrpSwitch) -> str:
    """Three names of them and how many more."""
    return localized_names(person.shown_name for person in seconds(row))


def to_decide() -> Q:
    """Those that wait for a second person, or for the review afterwards."""
    return Q(state=DrpState.ASKED) | Q(state__in=TO_REVIEW, reviewed_at=None)


def waits_for(user: User, rights: Rights) -> list[DrpSwitch]:
    """What waits for this person's confirmation or review, oldest first."""
    found = rows().filter(to_decide()).filter(visible_to(user, rights=rights, field="space__project_id"))
    mine = [row for row in reversed(found) if rights.can("confirm_drp", space=row.space)]
    return [row for row in mine if not (why_not_second if row.state == DrpState.ASKED else why_not_reviewer)(user, row)]


def is_to_review(row: DrpSwitch) -> bool:
    """It came to its end, and nobody else has looked at it yet."""
    return row.state in TO_REVIEW and row.reviewed_at is None


def why_not_reviewer(person: User, row: DrpSwitch) -> MessageLike:
    """Why this person, who has the right, is not the one to review it; empty when they are."""
    if person.pk in (row.asked_by_id, row.decided_by_id, row.returns_by_id):
        return _("You had a part in it: somebody else reviews it.")
    return why_not_second(person, row)


def who_reviews(row: DrpSwitch) -> str:
    """Three names of those who could, and how many more."""
    people = people_who_may("confirm_drp", space=row.space)
    return localized_names(person.shown_name for person in people if not why_not_reviewer(person, row))


# ---------------------------------------------------------------- gates of its deployments
def own_gates(row: DrpSwitch, order: ReleaseOrder, space: Space, *, is_back: bool) -> list[Gate]:
    """That it goes on, that the image is where this cluster pulls from, and of a drill that nobody froze the place."""
    going = row.state == (DrpState.RETURNING if is_back else DrpState.RUNNING)
    message = (
        _("%(kind)s number %(pk)s, confirmed by a second person.", kind=DrpKind(row.kind).label, pk=row.pk)
        if going
        else _("%(kind)s number %(pk)s does not go on any more.", kind=DrpKind(row.kind).label, pk=row.pk)
    )
    found = [Gate("drp", going, message, since=row.decided_at)]
    if is_back:
        return found
    found.append(image_gate(order, space))
    if row.kind == DrpKind.DRILL:
        # A drill can wait for another day; it is made in working hours, so outside of release windows.
        found += [hold_gate(order, space), *(one for one in time_gates(order, space) if one.code != "window")]
    return found


def image_gate(order: ReleaseOrder, space: Space) -> Gate:
    """Closed where the last check found that the registry, from which this cluster pulls, has not this digest."""
    row = Readiness.objects.filter(space=space).only("found", "checked_at").first()
    for one in row.found if row else ():
        if one["order"] != order.number:
            continue
        lacks = next((item for item in one["items"] if item["code"] == "image" and item["state"] == MISSING), None)
        if lacks is not None and row is not None:
            return Gate("image", False, lacks["message"], since=row.checked_at)
    return Gate("image", True, _("No check found that its image is missing in the registry."))


def deployer_of(row: DrpSwitch, makers: Iterable[int], space: Space) -> User:
    """As whom one component is deployed: who asked, or who confirmed where four eyes bar the first.

    Without anybody whom four eyes let, who asked: the gate then says why.
    """
    barred = set(makers) if space.four_eyes else set()
    first = row.returns_by or row.asked_by
    people = [first, *(one for one in (row.asked_by, row.decided_by) if one is not None and one.pk != first.pk)]
    fair = (one for one in people if one.pk not in barred and one.is_active and can(one, "deploy", space=space))
    return next(fair, first)


def took(deployment: Deployment | None) -> float | None:
    """Seconds from what its cluster accepted first to all of it ready; None where one of the two never was."""
    if deployment is None or deployment.applied_at is None or deployment.finished_at is None:
        return None
    return (deployment.finished_at - deployment.applied_at).total_seconds()
