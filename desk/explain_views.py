"""The permission explainer's page: a question in the address bar, and its answer."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from accounts.actor import actor_of
from accounts.models import User
from desk.selectors.explanation import PARAMETERS, Explanation, Question, explain, may_ask_for_others
from desk.selectors.matrix import chosen_projects
from environments.access import Rights, visible_projects
from environments.choices import Role
from environments.holding import holders
from environments.models import Membership, Space
from environments.verb_words import ACTS
from environments.verbs import VERBS, Where
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.pages import read_view, render_page
from foundation.problems import Invalid, Missing, PlatformError
from releases.views.pages import rights_of

GROUPS: tuple[tuple[Where, MessageLike], ...] = (
    (Where.SPACE, _("In a space")),
    (Where.PROJECT, _("In a project")),
    (Where.SITE, _("On the whole site")),
)
MOST_PEOPLE, MOST_HELPERS = 200, 20
LONGEST = 130
Choice = tuple[str, MessageLike, bool]


@read_view
def explain_page(request: HttpRequest) -> HttpResponse:
    """The form alone until an act is chosen; a question that fits nothing is told above it."""
    user, rights = actor_of(request), rights_of(request)
    given = _given(request.GET)
    context: dict[str, Any] = {"given": given}
    answer: Explanation | None = None
    wrong: PlatformError | None = None
    if given["verb"]:
        try:
            question = Question.read(given)
            answer = explain(user, rights, question)
            context |= _links(question, answer)
        except (Invalid, Missing) as error:
            wrong = error
    context |= {"answer": answer, "wrong": wrong, **_choices(user, rights, given, answer)}
    return render_page(request, "desk/explain.html", context, status=wrong.status if wrong else 200, is_kept=False)


def _given(query: QueryDict) -> dict[str, str]:
    """What the address asks; ``place`` of the form is a space (``project/environment``) or a project."""
    given = {name: query.get(name, "").strip()[:LONGEST] for name in PARAMETERS}
    if given["verb"] != "deploy":
        # The form keeps it while somebody else is asked for; another act has none.
        given["kind"] = ""
    place = query.get("place", "").strip()[:LONGEST]
    if place:
        given |= {"space": place, "project": ""} if "/" in place else {"space": "", "project": place}
    return given


def _choices(user: User, rights: Rights, given: dict[str, str], answer: Explanation | None) -> dict[str, Any]:
    project = answer.matter.project if answer else None
    # An order names the project that the question leaves out.
    here = answer.matter.asked.parameters if answer and project else given
    place = here.get("space") or here.get("project", "")
    may_choose = may_ask_for_others(rights, project)
    return {
        "verbs": [
            (label, [(verb, ACTS[verb], verb == given["verb"]) for verb, rule in VERBS.items() if rule.where is where])
            for where, label in GROUPS
        ],
        "places": _places(rights, place),
        "may_choose": may_choose,
        "people": _people(user, rights, answer) if may_choose else [],
    }


def _places(rights: Rights, chosen: str) -> list[tuple[str, list[Choice]]]:
    """By project: the whole of it, then its spaces in flow order."""
    found: dict[str, tuple[str, list[Choice]]] = {
        slug: (f"{slug.upper()} {name}", [(slug, _("the whole project"), slug == chosen)])
        for _pk, slug, name in chosen_projects(rights)
    }
    rows = Space.objects.filter(project__in=visible_projects(rights.user), is_archived=False)
    for space in rows.select_related("project", "environment").order_by("environment__position"):
        key = f"{space.project.slug}/{space.environment.slug}"
        label = f"{space.project.slug.upper()} · {space.environment.label}"
        if space.project.slug in found:
            found[space.project.slug][1].append((key, label, key == chosen))
    return list(found.values())


def _people(user: User, rights: Rights, answer: Explanation | None) -> list[User]:
    """Suggestions for the field: members of the project, or anybody for who reads the site."""
    people = User.objects.exclude(pk=user.pk)
    if answer is not None and answer.matter.project is not None:
        people = people.filter(pk__in=holders(Membership.objects.filter(project=answer.matter.project)))
    elif not rights.can("see_site"):
        return []
    return list(people[:MOST_PEOPLE])


def _links(question: Question, answer: Explanation) -> dict[str, Any]:
    """The answer as JSON, and the same question about the other acts there."""
    more = {name: value for name, value in question.parameters.items() if name in ("person", "order")}
    others = [
        (one.may, words, f"?{urlencode(one.asked.parameters | more)}", one.verb == answer.matter.verb)
        for one, words in answer.acts
    ]
    shown = answer.helpers[:MOST_HELPERS]
    return {
        "helpers": shown,
        "more": len(answer.helpers) - len(shown),
        "roles": [Role(role).label for role in answer.right.roles],
        "json_url": f"{reverse('api-explanations')}?{urlencode(question.parameters)}",
        "others": others,
    }
