"""Who may be the second person of a rule change, and how long it waits for one."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from accounts.models import User
from audit.asked import who_acted
from environments import loosening
from environments.access import Rights, who_may
from environments.choices import RuleChangeState
from environments.holding import each_holder, holders, in_force, of_person
from environments.models import Membership, RuleChange
from environments.verbs import VERBS
from foundation.clock import db_now
from foundation.messages import localized_names

LIFETIME = timedelta(hours=24)
_TAKEN_OVER = ("person.created", "person.password_set")
Held = tuple[int, QuerySet[Membership]]
"""A person's id, and the memberships of anybody that entitle to what this person does."""


def waiting() -> Q:
    """Proposals that may still be decided: a lapsed one is over at its minute, put away or not."""
    return Q(state=RuleChangeState.PROPOSED, expires_at__gt=Now())


def confirming_verb(row: RuleChange) -> str:
    """Who is the second person by the table: a project's rule may be confirmed in the project, the site's by A."""
    return "confirm_site_rule" if row.environment_id else "confirm_rule_change"


def proposing_verb(row: RuleChange) -> str:
    """What the proposer did by the table: the right to change it alone, were it not of production."""
    if row.space_id and not row.after.keys() & {"is_archived", *loosening.PLACE}:
        return "edit_policy"
    return "manage_projects" if row.project_id else "manage_places"


def may_still_propose(row: RuleChange) -> bool:
    """Has who proposed it the right to it now? Two persons stand behind a rule, not one and a former one."""
    return Rights(row.proposed_by).can(proposing_verb(row), project_id=rules_project(row))


def rules_project(row: RuleChange) -> int | None:
    """The project whose rule it is; None for the site's."""
    return row.space.project_id if row.space else row.project_id


def is_second(person: User, row: RuleChange) -> bool:
    """May this person confirm or refuse it? Never who proposed it, nor two names behind which one person stands.

    Who set somebody's password, gave them the role or put them into a group that holds it, within a day, could be
    both: then neither is the other's second.
    """
    held = _entitling(row)
    return may_second(person, confirming_verb(row), rules_project(row), held, (row.proposed_by_id, held))


def may_second(person: User, verb: str, project_id: int | None, entitling: QuerySet[Membership], first: Held) -> bool:
    """Has this person the right to be the second one, by these memberships, and certainly is not the first?"""
    if person.pk == first[0] or not person.is_active or not Rights(person).can(verb, project_id=project_id):
        return False
    return not share_a_hand((person.pk, entitling), first)


def share_a_hand(first: Held, second: Held) -> bool:
    """Could one person stand behind both? True where one of them has the other in hand, or a third has both."""
    return bool(_hands(*first) & _hands(*second))


def _hands(person_id: int, entitling: QuerySet[Membership]) -> set[int]:
    """The person, and who has their role or password in hand since less than a day."""
    since = db_now() - LIFETIME
    hands = {person_id} | who_acted(_TAKEN_OVER, object_type="user", object_id=person_id, since=since)
    rows = each_holder(entitling.filter(of_person(person_id))).filter(holder_id=person_id)
    # A role that a group holds is given twice: to the group, and to the person who comes into it.
    rows = rows.annotate(joined_at=F("group__members__added_at"), joined_by=F("group__members__added_by"))
    young = [
        [by for at, by in ((given_at, given_by), (joined_at, joined_by)) if at is not None and at > since]
        for given_at, given_by, joined_at, joined_by in rows.values_list(
            "created_at", "granted_by", "joined_at", "joined_by"
        )
    ]
    if all(young):
        hands |= {by for givers in young for by in givers if by is not None}
    return hands


def _entitling(row: RuleChange) -> QuerySet[Membership]:
    rule, project_id = VERBS[confirming_verb(row)], rules_project(row)
    where = Q(project=None) if project_id is None else Q(project=None) | Q(project_id=project_id)
    return Membership.objects.filter(in_force(), where, role__in=rule.roles)


def seconds(row: RuleChange) -> list[User]:
    """Everybody who could be the second person now."""
    return [person for person in holders(_entitling(row)) if is_second(person, row)]


def who_confirms(row: RuleChange) -> str:
    """Three names of them and how many more, or who can make one more; never the proposer's."""
    if found := seconds(row):
        return localized_names(person.shown_name for person in found)
    project_id = rules_project(row)
    verb = "manage_site_roles" if project_id is None else "manage_members"
    return who_may(verb, project_id=project_id, but=row.proposed_by)
