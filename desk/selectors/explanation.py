"""The permission explainer: may this person do this act here, why or why not, until when, and who can help.

One answer for page and API. The right comes from the table, the gates from the functions that the act itself asks.
What the viewer may not see is absent (Missing), other people are only for those who look after members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from accounts.models import Project, User
from environments.access import Rights, who_may
from environments.explaining import Helper, Matter, RightExplained, acts_there, explain_right
from environments.holding import of_person
from environments.models import Membership, Space
from environments.selectors.people import find_project
from environments.verb_words import ACTS, OWNED
from environments.verbs import VERBS, Where
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Asked, Denied, Invalid, Missing
from releases.gates import Gate, first_closed
from releases.models import ReleaseOrder
from releases.presenters.explained import KINDS, gates_of, owner_id_of
from releases.selectors import order_by_number

MOST_OF_SITE = 3
"""So many people with site roles are named to those who do not read the site."""


PARAMETERS = ("verb", "space", "project", "person", "order", "kind")
KIND_WORDS = {"restart": _("restart"), "scale": _("scale"), "roll_back": _("roll back")}


@dataclass(frozen=True)
class Question:
    """As it was asked, by names; empty for what was left out, ``person`` for oneself."""

    verb: str = ""
    project: str = ""
    environment: str = ""
    person: str = ""
    order: str = ""
    kind: str = ""

    @classmethod
    def read(cls, given: Mapping[str, str]) -> Question:
        """From ``verb``, ``space`` (project/environment) or more of PARAMETERS; raises Invalid."""
        values = {name: given.get(name, "").strip() for name in PARAMETERS}
        if values["verb"] not in VERBS:
            raise Invalid({"verb": [_("Choose one of %(names)s.", names=list(VERBS))]})
        if values["kind"] and (values["verb"] != "deploy" or values["kind"] not in KINDS):
            raise Invalid({"kind": [_("The acts besides deploying are: %(names)s.", names=list(KINDS))]})
        project, slash, environment = values["space"].partition("/")
        if values["space"] and not (project and slash and environment):
            raise Invalid({"space": [_("Write project and environment, such as sis-omm/uat.")]})
        if values["space"] and values["project"] not in ("", project):
            raise Invalid({"project": [_("This is another project than the space's: leave one of them out.")]})
        place = (project or values["project"], environment.lower())
        return cls(values["verb"], *place, values["person"], values["order"].upper(), values["kind"])

    @property
    def asked(self) -> Asked:
        """The same for addresses, without the person."""
        return Asked(self.verb, self.project, self.environment, self.order, self.kind)

    @property
    def parameters(self) -> dict[str, str]:
        """The same for addresses, with the person."""
        return self.asked.parameters | ({"person": self.person} if self.person else {})


@dataclass(frozen=True)
class Explanation:
    """The whole answer: the right, and where an order is given the gates."""

    matter: Matter
    order: ReleaseOrder | None
    right: RightExplained
    gates: list[Gate]
    helpers: list[Helper]
    """Active people who may, each with the membership by which."""
    kind: str = ""

    @property
    def person(self) -> User:
        """Whose rights were asked for."""
        return self.matter.person

    @cached_property
    def closed(self) -> Gate | None:
        """The first gate in the way of somebody who has the right."""
        return first_closed(self.gates) if self.right.may else None

    @property
    def may(self) -> bool:
        """The right is there and every gate open."""
        return self.right.may and self.closed is None

    @property
    def code(self) -> str:
        """For programs: how the right comes or what it lacks, or the closed gate."""
        return f"gate-{self.closed.code}" if self.closed else self.right.code

    @property
    def message(self) -> MessageLike:
        """Yes or no, and why."""
        if self.closed is None:
            return self.right.message
        act = KIND_WORDS.get(self.kind, ACTS[self.matter.verb])
        who, why = self.person.localized_name, self.closed.message
        return _("%(who)s has the right to %(act)s, but a gate is closed: %(why)s", who=who, act=act, why=why)

    @property
    def until(self) -> datetime | None:
        """When the right ends as things stand; None without an end, and without the right."""
        return self.right.until

    @cached_property
    def author(self) -> User | None:
        """The order's author, where authors may and no role of theirs is among the helpers already."""
        if self.order is None or not self.right.owner or OWNED[self.matter.verb] != "author":
            return None
        author = self.order.author
        theirs = Matter(Rights(author), self.matter.verb, self.matter.project, self.matter.space, author.pk)
        is_named = any(one.user.pk == author.pk for one in self.helpers)
        return author if not is_named and theirs.may else None

    @cached_property
    def acts(self) -> list[tuple[Matter, MessageLike]]:
        """Everything that can be asked of the place, with its words."""
        found = acts_there(self.matter.rights, self.matter.project, self.matter.space)
        return [(one, ACTS[one.verb]) for one in found]


def explain(viewer: User, rights: Rights, question: Question) -> Explanation:
    """The answer for this viewer, who has these ``rights``.

    Raises Missing for what they may not see, Denied for another person where members are not theirs to look after,
    Invalid for a question that fits nothing.
    """
    order = order_by_number(viewer, question.order) if question.order else None
    project, space = _place(viewer, question, order)
    person = _person(viewer, rights, question.person, project)
    theirs = rights if person.pk == viewer.pk else Rights(person)
    owner_id = owner_id_of(question.verb, order, space, person) if order else None
    right = explain_right(Matter(theirs, question.verb, project, space, owner_id))
    # Four eyes are about who acts: they tell nothing of those who never may.
    who = person if right.may else None
    gates = gates_of(question.verb, order, space, who, kind=question.kind) if order else []
    return Explanation(right.matter, order, right, gates, _shown_helpers(rights, right.helpers), question.kind)


def _shown_helpers(rights: Rights, helpers: list[Helper]) -> list[Helper]:
    """Members of a project are for all who see it; of people with site roles a refusal names a few and no list."""
    if rights.can("see_site"):
        return helpers
    of_site = [one for one in helpers if one.row.project_id is None][:MOST_OF_SITE]
    return [one for one in helpers if one.row.project_id is not None or one in of_site]


def _place(viewer: User, question: Question, order: ReleaseOrder | None) -> tuple[Project | None, Space | None]:
    if VERBS[question.verb].where is Where.SITE:
        return None, None
    slug = question.project or (order.project.slug if order else "")
    if not slug:
        raise Invalid({"space": [_("Choose a project or a space: this act happens in one.")]})
    project = find_project(viewer, slug)
    if order is not None and order.project_id != project.pk:
        raise Invalid({"order": [_("This order belongs to another project.")]})
    if not question.environment:
        return project, None
    rows = Space.objects.select_related("project", "environment__twin", "cluster")
    space = rows.filter(project=project, environment__slug=question.environment).first()
    if space is None:
        raise Missing(_("This project has no such environment."))
    return project, space


def _person(viewer: User, rights: Rights, username: str, project: Project | None) -> User:
    if username in ("", viewer.username):
        return viewer
    if not may_ask_for_others(rights, project):
        message = _("You may ask for yourself here. Other people are for those who look after members.")
        who = who_may("manage_members", project_id=project.pk) if project else who_may("see_site")
        raise Denied(message, "other-person", who)
    person = User.objects.filter(username=username).first()
    if person is None or not (rights.can("see_site") or person.is_active or _belongs(person, project)):
        raise Missing(_("There is no such person, or it is not yours to see."))
    return person


def _belongs(person: User, project: Project | None) -> bool:
    return Membership.objects.filter(of_person(person), project=project).exists()


def may_ask_for_others(rights: Rights, project: Project | None) -> bool:
    """Whether this viewer may choose another person: who reads the site, or looks after the project's members."""
    return rights.can("see_site") or (project is not None and rights.can("manage_members", project_id=project.pk))
