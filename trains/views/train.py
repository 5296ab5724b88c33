"""One train: its waves, the review of the order that is open, and what people do with it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.actor import actor_of
from components.models import Component
from environments.access import Rights
from foundation.api.routes import api_route
from foundation.messages import message as _
from foundation.pages import act_view, form_view, query_of, read_view, redirect_with, wanted_part
from foundation.problems import Invalid
from releases.choices import TestVerdict
from releases.presenters.acts import panel_url, refusal
from releases.selectors import latest_review
from releases.views.pages import page, rights_of
from releases.views.reviews import decide_on, decision_in, review_context
from releases.written import shown_texts
from trains import selectors, standing
from trains.choices import ENDED, SIGNS, MemberState, TrainState
from trains.forms import wave_of
from trains.locks import members_of
from trains.models import MOST_WAVES, Train, TrainOrder
from trains.presenters import chosen_of, failure_of, next_for_viewer, tally_of, waves_of
from trains.returning import plan_back
from trains.services import comments, driving, making, returning
from trains.standing import Member


@read_view
def train(request: HttpRequest, pk: int) -> HttpResponse:
    """``?order=`` is the one whose review is open."""
    found = selectors.train_by_id(actor_of(request), pk)
    template = "trains/_live.html" if wanted_part(request) == "live" else "trains/train.html"
    return page(request, template, _context(request, found, request.GET.get("order", "")))


def _context(request: HttpRequest, found: Train, number: str) -> dict[str, Any]:
    rights = rights_of(request)
    rows: list[TrainOrder] = list(members_of(found))
    members = standing.standings(rights, found, rows)
    may_promote = rights.can("promote", space=found.space)
    return {
        **_chosen(request, found, members, number),
        **_comments(rights, found),
        "train": found,
        "state": SIGNS[found.state],
        "waves": waves_of(members),
        "tally": tally_of(members),
        "count": len(rows),
        "over": standing.over(rows),
        "failure": failure_of(members),
        "here": reverse("trains:train", args=[found.pk]),
        "topic": f"project:{found.space.project_id},space:{found.space_id}",
        "no": refusal(rights, "deploy", space=found.space),
        "may_change": rights.can("create_order", project_id=found.space.project_id),
        "may_start": found.state in (TrainState.DRAFT, TrainState.PAUSED),
        "may_pause": found.state == TrainState.RUNNING,
        "is_over": found.state in ENDED,
        "is_back": found.state == TrainState.ROLLED_BACK,
        "steps": plan_back(found, rows),
        "may_roll_back": found.state in (TrainState.PAUSED, TrainState.DONE),
        "verdicts": TestVerdict.choices if may_promote else [],
        "others": _others(found, rows) if found.state not in ENDED else [],
        "most_waves": MOST_WAVES,
        "next_wave": max((row.wave for row in rows), default=0) + 1,
    }


def _chosen(request: HttpRequest, found: Train, members: list[Member], number: str) -> dict[str, Any]:
    """The order that is open: its review while it waits and has one, with the ones before and after it."""
    one = chosen_of(members, number)
    if one is None:
        return {"chosen": None}
    at = members.index(one)
    order = one.row.order
    is_reviewed = one.row.state == MemberState.WAITING and latest_review(order, found.space) is not None
    around = {
        "chosen": one,
        "position": at + 1,
        "former": members[at - 1].row.order.number if at else "",
        "latter": members[at + 1].row.order.number if at + 1 < len(members) else "",
        "order_page": panel_url(order.number, found.space.environment.slug),
        "is_reviewed": is_reviewed,
    }
    return {**review_context(request, order, found.space), **around} if is_reviewed else around


def _page_of(pk: int, number: str) -> str:
    return f"{reverse('trains:train', args=[pk])}?{query_of({'order': number})}"


def _comments(rights: Rights, found: Train) -> dict[str, Any]:
    texts, is_cut = shown_texts(selectors.comments_of_train(found))
    may_comment = rights.can("comment", project_id=found.space.project_id)
    return {"texts": texts, "texts_are_cut": is_cut, "may_comment": may_comment}


def _others(found: Train, rows: list[TrainOrder]) -> list[Component]:
    """Components that may still join."""
    taken = [row.order.component_id for row in rows]
    return list(Component.objects.filter(project=found.space.project_id, is_archived=False).exclude(pk__in=taken))


@api_route("approvals_create", from_form={"environment": lambda form: form.text("environment")})
@form_view
def decide(request: HttpRequest, pk: int, number: str) -> HttpResponse:
    """Approve or reject one of its orders; the next one that waits for this person is open then."""
    member = selectors.member_by_number(actor_of(request), pk, number)
    if request.method != "POST":
        return redirect(_page_of(pk, number))
    snapshot, decision = decision_in(request, member.order, member.train.space)
    try:
        is_yes = decide_on(request, snapshot, decision)
    except Invalid as missing:
        context = _context(request, member.train, number) | {"comment_errors": missing.fields.get("comment", [])}
        return page(request, "trains/train.html", context, status=400)
    message = _("Approved.") if is_yes else _("Rejected.")
    members = standing.standings(rights_of(request), member.train, list(members_of(member.train)))
    return redirect_with(request, message, _page_of(pk, next_for_viewer(members, number)))


@api_route("trains_start")
@act_view
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Start it, or let it go on."""
    found = selectors.train_by_id(actor_of(request), pk)
    driving.start_train(actor=actor_of(request), train=found, test_verdict=request.POST.get("test_verdict", ""))
    return redirect_with(request, _("The train is running."), "trains:train", pk)


@api_route("trains_pause")
@act_view
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Let nothing more begin."""
    found = selectors.train_by_id(actor_of(request), pk)
    driving.pause_train(actor=actor_of(request), train=found, reason=request.POST.get("reason", ""))
    return redirect_with(request, _("The train is paused."), "trains:train", pk)


@api_route("train_comments_create")
@act_view
def comment(request: HttpRequest, pk: int) -> HttpResponse:
    """Say something of the train; leads back to its page."""
    found = selectors.train_by_id(actor_of(request), pk)
    comments.comment_on_train(actor=actor_of(request), train=found, text=request.POST.get("text", ""))
    return redirect_with(request, _("Your comment is on the page."), "trains:train", pk)


@api_route("trains_add")
@act_view
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """One order more."""
    found, given = selectors.train_by_id(actor_of(request), pk), request.POST
    wanted = making.Wanted(given.get("component", ""), given.get("branch", "")[:250], wave_of(given.get("wave", "")))
    planned = making.plan(actor=actor_of(request), space=found.space, wanted=[wanted])
    making.add_order(actor=actor_of(request), train=found, wanted=wanted, planned=planned)
    return redirect_with(request, _("The order is part of the train."), "trains:train", pk)


@api_route("trains_skip")
@act_view
def skip(request: HttpRequest, pk: int, number: str) -> HttpResponse:
    """Go on without one."""
    member = selectors.member_by_number(actor_of(request), pk, number)
    driving.skip_order(actor=actor_of(request), member=member, reason=request.POST.get("reason", ""))
    return redirect_with(request, _("The train goes on without it."), _page_of(pk, number))


@api_route("trains_retry")
@act_view
def retry(request: HttpRequest, pk: int, number: str) -> HttpResponse:
    """Try one that failed again."""
    member = selectors.member_by_number(actor_of(request), pk, number)
    driving.retry_order(actor=actor_of(request), member=member)
    return redirect_with(request, _("It is tried again."), _page_of(pk, number))


@api_route("trains_remove")
@act_view
def remove(request: HttpRequest, pk: int, number: str) -> HttpResponse:
    """Take one out before its wave."""
    member = selectors.member_by_number(actor_of(request), pk, number)
    making.remove_order(actor=actor_of(request), member=member)
    return redirect_with(request, _("The order left the train."), "trains:train", pk)


@api_route("trains_roll_back")
@act_view
def roll_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Start the next step of rolling it back in reverse order."""
    found = selectors.train_by_id(actor_of(request), pk)
    returning.roll_back_next(actor=actor_of(request), train=found, number=request.POST.get("order", ""))
    return redirect_with(request, _("The step is begun."), "trains:train", pk)
