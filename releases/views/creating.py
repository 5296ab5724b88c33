"""新建发布单: the form, branches and Git tags as one types, and what one should know before creating."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from accounts.models import User
from components import live_reads
from components.completeness import missing_elements
from components.models import Component
from components.origins import USUAL_BRANCHES, Origin, find_origin
from components.origins import git_tags as read_git_tags
from components.selectors import find_component, list_components, spaces_of
from deployer.interfaces import BranchTip
from environments.access import require
from environments.models import Space
from foundation.api.routes import Body, FormInput, api_route
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.pages import put_errors, read_view, redirect_with
from foundation.problems import Invalid, Refused
from releases import selectors
from releases.choices import OrderSource, OrderState
from releases.forms import OrderForm, creatable_components
from releases.models import Placement, ReleaseOrder
from releases.presenters.standings import show_states
from releases.services import orders
from releases.views.pages import page, rights_of

MOST_COMPONENTS = 1000
MOST_LAST = 6
"""So many components stand first, because this person ordered them last."""
ORDERS_READ = 100
BRANCHES_SHOWN = 50
UNFIT_SHOWN = 5
BRANCHES_AGE_SECONDS = 15
TAGS_SHOWN = 50
COMMITS_SHOWN = 20
_NAMES = ("branch", "git_tag", "commit")


# ---------------------------------------------------------------- the form
def _order_body(form: FormInput) -> Body:
    """What it is made from, of the three that one may fill in; a repeat names the order that it repeats."""
    source = form.text("source") or OrderSource.BRANCH
    named = {source: form.text(source)}
    if source != OrderSource.BRANCH:
        named["branch"] = form.text("on_branch")
    body = {name: text for name, text in named.items() if text or name == source}
    number = form.query.get("repeat", "")
    return body | ({"repeat_of": number} if number else {})


@api_route("orders_create", only=("component", "description", "change_ticket", "changes_database"), more=_order_body)
@login_required
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Component and branch are preset from the last order; a repeat (``?repeat=``) says all that the earlier one did.

    ``?component=`` and ``?branch=``, ``?git_tag=`` or ``?commit=`` preset them from elsewhere.
    """
    user, rights = actor_of(request), rights_of(request)
    rows = list_components(user).order_by("project__slug", "name")
    components = creatable_components(rights, list(rows[:MOST_COMPONENTS]))
    last = _last_components(user)
    before = _repeated(request)
    initial = _initial(request, before, components, last)
    form = OrderForm(request.POST or None, components=components, last=last, initial=initial)
    if request.method == "POST" and form.is_valid():
        order = _create(form, request, before)
        if order is not None:
            return redirect_with(request, _("Order created: build it now."), "releases:build", order.number)
    context = {"form": form, "components": components, "repeated": before, **_known_branches(form, user, components)}
    return page(request, "releases/new.html", context, status=400 if form.is_bound else 200)


def _last_components(user: User) -> list[int]:
    ids = ReleaseOrder.objects.filter(author=user).order_by("-pk").values_list("component_id", flat=True)
    return list(dict.fromkeys(ids[:ORDERS_READ]))[:MOST_LAST]


def _repeated(request: HttpRequest) -> ReleaseOrder | None:
    number = request.GET.get("repeat", "")
    return selectors.order_by_number(actor_of(request), number) if number else None


def _initial(
    request: HttpRequest, before: ReleaseOrder | None, components: Sequence[Component], last: Sequence[int]
) -> dict[str, Any]:
    if before is not None:
        return {
            "component": f"{before.project.slug}/{before.component.slug}",
            "source": before.source,
            "git_tag": before.git_tag,
            "commit": before.commit if before.source == OrderSource.COMMIT else "",
            "on_branch": before.branch if before.has_fixed_commit else "",
            "branch": before.branch,
            "description": before.description,
            "change_ticket": before.change_ticket,
            "changes_database": before.changes_database,
        }
    asked, named = request.GET.get("component", ""), {name: request.GET.get(name, "")[:200] for name in _NAMES}
    by_id = {component.pk: component for component in components}
    by_key = {f"{component.project.slug}/{component.slug}": component for component in components}
    first = next((by_id[pk] for pk in last if pk in by_id), None) or next(iter(components), None)
    chosen = by_key.get(asked) or first
    if chosen is None:
        return {}
    return {
        "component": f"{chosen.project.slug}/{chosen.slug}",
        **named,
        "source": next((name for name in ("git_tag", "commit") if named[name]), OrderSource.BRANCH),
        "branch": named["branch"] or next(iter(_used_branches(actor_of(request), chosen)), ""),
    }


def _create(form: OrderForm, request: HttpRequest, before: ReleaseOrder | None) -> ReleaseOrder | None:
    given = dict(form.cleaned_data)
    given.pop("project")
    project, _slash, slug = str(given.pop("component")).partition("/")
    component = find_component(actor_of(request), project, slug)
    user, named = actor_of(request), {name: given.pop(name) for name in _NAMES}
    try:
        origin = orders.choose_origin(actor=user, component=component, **named)
        return orders.create_order(actor=user, component=component, origin=origin, repeat_of=before, **given)
    except Invalid as refusal:
        put_errors(form, _where_typed(refusal, named))
        return None


def _where_typed(refusal: Invalid, named: dict[str, str]) -> Invalid:
    """The branch of a Git tag or of a commit has a field of its own here."""
    if not (named["git_tag"] or named["commit"]):
        return refusal
    return Invalid({"on_branch" if name == "branch" else name: said for name, said in refusal.fields.items()})


# ---------------------------------------------------------------- branches
@dataclass(frozen=True)
class Branch:
    """A branch of the remote; ``is_used``: an order of this component was built from it lately."""

    tip: BranchTip
    is_used: bool
    is_chosen: bool


@read_view
def branches(request: HttpRequest) -> HttpResponse:
    """Branches of the chosen component that contain what was typed, with their tips; asked at every key.

    A name that is typed in full leaves all of them on the page, for anybody who wants another one.
    """
    component = _chosen(request)
    if component is None:
        return page(request, "releases/_branches.html", {"branch_list": None})
    branch_list = live_reads.branches(component, max_age_seconds=BRANCHES_AGE_SECONDS)
    typed = request.GET.get("branch", "").strip()
    used = _used_branches(actor_of(request), component)
    return page(request, "releases/_branches.html", {"branch_list": branch_list, **_listed(branch_list, typed, used)})


@read_view
def git_tags(request: HttpRequest) -> HttpResponse:
    """Git tags of the chosen component's repository that contain what was typed; a whole name leaves all of them."""
    component = _chosen(request)
    if component is None:
        return page(request, "releases/_git_tags.html", {})
    tag_list, typed = read_git_tags(component), request.GET.get("git_tag", "").strip()
    is_whole = any(tag.name == typed for tag in tag_list.tags)
    fitting, unfit = (find("" if is_whole else typed) for find in (tag_list.like, tag_list.unfit_like))
    fitting.sort(key=lambda tag: tag.name != typed)
    context = {
        "tag_list": tag_list,
        "git_tags": fitting[:TAGS_SHOWN],
        "unfit": unfit[:UNFIT_SHOWN],
        "unfit_hidden": max(0, len(unfit) - UNFIT_SHOWN),
        "hidden": max(0, len(fitting) - TAGS_SHOWN),
        "typed": typed,
    }
    return page(request, "releases/_git_tags.html", context)


def _known_branches(form: OrderForm, user: User, components: Sequence[Component]) -> dict[str, Any]:
    """The list under the field as it was last seen, so that the page has it at once; the remote is asked after."""
    key = form["component"].value()
    chosen = next((one for one in components if f"{one.project.slug}/{one.slug}" == key), None)
    if chosen is None:
        return {}
    return _listed(live_reads.known_branches(chosen), str(form["branch"].value() or ""), _used_branches(user, chosen))


def _listed(branch_list: live_reads.BranchList, typed: str, used: Sequence[str]) -> dict[str, Any]:
    is_whole = any(tip.name == typed for tip in branch_list.tips)
    fitting = [tip for tip in branch_list.tips if is_whole or typed.lower() in tip.name.lower()]
    unfit = branch_list.unfit_like("" if is_whole else typed)
    fitting.sort(key=lambda tip: _rank(tip.name, typed, used))
    return {
        "branches": [Branch(tip, tip.name in used, tip.name == typed) for tip in fitting[:BRANCHES_SHOWN]],
        "hidden": max(0, len(fitting) - BRANCHES_SHOWN),
        "unfit": unfit[:UNFIT_SHOWN],
        "unfit_hidden": max(0, len(unfit) - UNFIT_SHOWN),
        "preset": _preset(branch_list.tips, used),
    }


def _chosen(request: HttpRequest) -> Component | None:
    """The component that the form names, for people who may create orders of it; raises Missing, Denied."""
    project, _slash, slug = request.GET.get("component", "").partition("/")
    if not slug:
        return None
    component = find_component(actor_of(request), project, slug)
    require(actor_of(request), "list_branches", project_id=component.project_id)
    return component


def _used_branches(user: User, component: Component) -> list[str]:
    """Branches of the component's last orders, one's own first."""
    rows = ReleaseOrder.objects.filter(component=component).order_by("-pk").values_list("branch", "author_id")
    found = list(rows[:ORDERS_READ])
    own = [branch for branch, author in found if author == user.pk]
    return list(dict.fromkeys([*own, *(branch for branch, _author in found)]))


def _rank(name: str, typed: str, used: Sequence[str]) -> tuple[int, int, str]:
    if name in used:
        return (0 if name == typed else 1, used.index(name), name)
    if name in USUAL_BRANCHES:
        return (0 if name == typed else 2, USUAL_BRANCHES.index(name), name)
    return (0 if name == typed else 3, 0, name)


def _preset(tips: Sequence[BranchTip], used: Sequence[str]) -> str:
    """What is most likely meant: the branch used last that still exists, or else the usual one."""
    names = {tip.name for tip in tips}
    return next((name for name in (*used, *USUAL_BRANCHES) if name in names), "")


# ---------------------------------------------------------------- before creating
@dataclass(frozen=True)
class Since:
    """What this commit would bring to an environment; ``commit_list`` None: the same commit, or nothing there."""

    space: Space
    serves: ReleaseOrder | None
    commit_list: live_reads.CommitList | None

    @property
    def is_same(self) -> bool:
        """This very commit runs there."""
        return self.serves is not None and self.commit_list is None


@read_view
def before(request: HttpRequest) -> HttpResponse:
    """Commits since what runs in each environment, and whether an order for this commit exists already."""
    component = _chosen(request)
    if component is None:
        return page(request, "releases/_before.html", {})
    chosen = _chosen_origin(request, component)
    origin, commit = chosen.origin, chosen.origin.commit if chosen.origin else ""
    spaces = spaces_of(component)
    context = {
        "component": component,
        "chosen": chosen,
        "origin": origin,
        "missing": missing_elements(component),
        "checkout_notes": [] if not commit or chosen.is_stale else live_reads.checkout_notes(component, commit),
        "same": _same_commit(component, commit) if commit else None,
        "since": _since(component, commit, spaces) if commit else [],
        "asking": [space.environment for space in spaces if space.change_ticket_required],
        "pattern": component.project.change_ticket_pattern,
    }
    return page(request, "releases/_before.html", context)


@dataclass(frozen=True)
class ChosenOrigin:
    """What was typed for the chosen source, and what of it is in Git: an origin, or why there is none."""

    source: str
    typed: str
    origin: Origin | None = None
    reason: MessageLike = ""
    is_stale: bool = False


def _chosen_origin(request: HttpRequest, component: Component) -> ChosenOrigin:
    source = request.GET.get("source", "") or str(OrderSource.BRANCH)
    typed = request.GET.get(source, "").strip() if source in OrderSource.values else ""
    if not typed:
        return ChosenOrigin(source, "")
    if source == OrderSource.BRANCH:
        branch_list = live_reads.branches(component, max_age_seconds=BRANCHES_AGE_SECONDS)
        tip = next((tip for tip in branch_list.tips if tip.name == typed), None)
        return ChosenOrigin(source, typed, Origin(tip.name, tip.commit) if tip else None, is_stale=branch_list.is_stale)
    on_branch = request.GET.get("on_branch", "").strip()
    try:
        return ChosenOrigin(source, typed, find_origin(component, branch=on_branch, **{source: typed}))
    except Invalid as refusal:
        return ChosenOrigin(source, typed, reason=next(iter(refusal.fields.values()))[0])
    except Refused as refusal:
        return ChosenOrigin(source, typed, reason=refusal.message)


def _same_commit(component: Component, commit: str) -> ReleaseOrder | None:
    """ "An order for this commit exists already"."""
    rows = ReleaseOrder.objects.filter(component=component, commit=commit).exclude(state=OrderState.CLOSED)
    found = rows.select_related("author").order_by("-id").first()
    return show_states([found])[0] if found else None


def _since(component: Component, commit: str, spaces: Sequence[Space]) -> list[Since]:
    """One question to Git for each commit that runs somewhere; once it does not answer, it is not asked again."""
    rows = Placement.objects.filter(component=component, last_succeeded__isnull=False).select_related(
        "last_succeeded__order"
    )
    serving = {row.space_id: row.last_succeeded.order for row in rows.defer("pods", "drift") if row.last_succeeded}
    asked: dict[str, live_reads.CommitList] = {}
    found = []
    for space in spaces:
        order = serving.get(space.pk)
        if order is None or not order.commit or order.commit == commit:
            found.append(Since(space, order, None))
            continue
        if order.commit not in asked:
            silent = next((one for one in asked.values() if one.reason), None)
            asked[order.commit] = silent or live_reads.commits_between(
                component, order.commit, commit, limit=COMMITS_SHOWN
            )
        found.append(Since(space, order, asked[order.commit]))
    return found
