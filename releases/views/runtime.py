"""运行态: what serves of a component in an environment, and acting on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from components.selectors import current_allocation, find_component
from environments.access import Rights
from environments.models import Space
from foundation.api.routes import api_route
from foundation.digits import parse_digits
from foundation.messages import message as _
from foundation.pages import read_view, wanted_part
from foundation.problems import Missing, Refused
from foundation.runs.choices import ACTIVE
from releases import live_reads, scaling, selectors
from releases.forms import AskForm, DeployForm, ScaleForm
from releases.gate import Gate
from releases.logs import pods
from releases.models import Deployment, Placement, SpaceObservation
from releases.presenters.acts import Act, Refusal
from releases.presenters.autoscaler import autoscaler_of
from releases.presenters.build import usual_rollout
from releases.presenters.diff import diff_of_snapshots
from releases.presenters.facts import amounts_of, compare, folded
from releases.presenters.holds import hold_act, shown_holds
from releases.presenters.place_acts import PlaceAct, PlaceActs, acts_there, restart_act, roll_back_to, scale_act
from releases.presenters.review import decisions_on, effect_of
from releases.presenters.roll_back_asks import ask_act, asked_there, asked_to, withdraw_act
from releases.presenters.rollout import back_act, told_by_cluster
from releases.presenters.runtime import pod_groups, pod_log_of, tiles_of
from releases.presenters.scale_requests import shown_there
from releases.presenters.states import place_state
from releases.presenters.topology import read_topology, topology_of
from releases.scale_requests import request_for
from releases.services import deployments
from releases.services.ticks import roll_back_ticks
from releases.turns import line_of
from releases.views.pages import live, page
from releases.views.pods import open_pod
from releases.views.reviews import full_snapshot, running_there, words_on

HISTORY = 30
MOST_PODS = 8


@read_view
def runtime(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """What serves here now?"""
    try:
        place = selectors.placement_by_names(actor_of(request), project, slug, environment)
    except Missing:
        return _never(request, project, slug, environment)
    part = wanted_part(request)
    if part == "topology":
        return page(request, "releases/_runtime_topology.html", _topology(place))
    if part == "events":
        return page(request, "releases/_runtime_events.html", _events(place))
    context = _context(request, place)
    context |= {"topology": topology_of(place, None)}
    if part == "runtime":
        return page(request, "releases/_runtime_live.html", context)
    context |= open_pod(request, place.space, place.component, place.pods)
    if request.GET.get("events"):
        context |= _events(place)
    return page(request, "releases/_pod_part.html" if part == "pod" else "releases/runtime.html", context)


def _never(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """The component and the environment are there, but they never met; raises Missing where one of them is not."""
    component = find_component(actor_of(request), project, slug)
    rows = Space.objects.filter(project=component.project, environment__slug=environment.lower(), is_archived=False)
    space = rows.select_related("environment", "project", "cluster").first()
    if space is None:
        raise Missing(_("This project has no such environment."))
    context = {"component": component, "space": space, "environment": space.environment}
    return page(request, "releases/runtime_empty.html", context)


def _events(place: Placement) -> dict[str, Any]:
    """What the cluster itself tells of the workload and its pods; a cluster that is away is no fault."""
    applied = place.last_succeeded.applied if place.last_succeeded else []
    uids = [str(row.get("uid", "")) for row in applied if row.get("kind") == "Deployment"]
    uids += [str(pod.get("uid", "")) for pod in place.pods][:MOST_PODS]
    context = {"place": place, **_names_of(place), "are_events_read": True}
    try:
        return context | {"events": told_by_cluster(live_reads.events_of(place.space, uids))}
    except Refused as trouble:
        return context | {"events": [], "events_trouble": trouble.message}


def _topology(place: Placement) -> dict[str, Any]:
    return {"place": place, **_names_of(place), "topology": read_topology(place), "is_asked": True}


def _names_of(place: Placement) -> dict[str, Any]:
    return {"component": place.component, "space": place.space, "environment": place.space.environment}


def _context(request: HttpRequest, place: Placement) -> dict[str, Any]:
    rights = Rights(actor_of(request))
    space = place.space
    allocation = current_allocation(place.component, space.environment)
    acts = acts_there(place, rights)
    rows = Deployment.objects.filter(component=place.component, space=space).select_related("order", "deployed_by")
    return {
        "place": place,
        "observation": SpaceObservation.objects.filter(space=space).first(),
        **_names_of(place),
        "autoscaler": autoscaler_of(place),
        "tiles": tiles_of(place.pods, place.wanted),
        "groups": pod_groups(place),
        "drift_since": _first_seen(place),
        "shown": place_state(place),
        "allocation": allocation,
        "amounts": amounts_of(allocation) if allocation else {},
        "history": list(rows.order_by("-id")[:HISTORY]),
        "line": line_of(place),
        "is_active": place.in_progress is not None and place.in_progress.state in ACTIVE,
        "acts": acts,
        "restart": replace(_again_act(acts.restart, "restart"), method="get"),
        "scale": _again_act(acts.scale, "scale"),
        "roll_back": _way_back(acts),
        "scale_back": back_act(place, rights),
        "removed": selectors.removal_there(place),
        "scale_form": ScaleForm(initial={"replicas": place.wanted}),
        "scale_ask": _scale(place),
        "asked": shown_there(place, rights),
        "holds": shown_holds(acts.held.over(place.component_id, space.pk), rights),
        "hold": hold_act(space, rights, place.component),
        "asked_back": asked_there(place.component, space),
        "nav": "home",
        "topic": f"space:{space.pk}",
    }


def _first_seen(place: Placement) -> datetime | None:
    """Since when anything here is not as we applied it."""
    moments = (parse_datetime(str(row.get("at") or "")) for row in place.drift)
    return min((moment for moment in moments if moment), default=None)


def _restart(place: Placement) -> Any:
    name = place.space.environment.label
    return _("Every pod in %(name)s is replaced; nothing else changes.", name=name)


def _scale(place: Placement) -> Any:
    name = place.space.environment.label
    return _("The number of pods in %(name)s changes until the next snapshot.", name=name)


def _names(place: Placement) -> list[str]:
    return [place.space.project.slug, place.component.slug, place.space.environment.slug]


def _again_act(asked: PlaceAct, name: str) -> Act:
    url = reverse(f"releases:{name}", args=_names(asked.place))
    return Act(asked.label, url, "post", no=asked.refusal, sign=asked.sign)


def _way_back(acts: PlaceActs) -> Act | None:
    """The way to the choice of what succeeded there before, for everybody who has the right; None without any."""
    if acts.target is None:
        return None
    asked = acts.roll_back
    no = asked.refusal if asked.closed is asked.gates[0] else Refusal()
    return Act(asked.label, reverse("releases:roll-back", args=_names(asked.place)), no=no, sign=asked.sign)


def _asking(
    request: HttpRequest,
    place: Placement,
    act: Act,
    ask: Any,
    form: ScaleForm | None = None,
    preview: scaling.ScalePreview | None = None,
    gates: Sequence[Gate] = (),
) -> HttpResponse:
    """The page that asks before an act, and says what it does."""
    context = {
        "place": place, **_names_of(place), "act": act, "ask": ask, "form": form, "preview": preview, "gates": gates,
        "usual": usual_rollout(place.component_id, place.space_id),
    }  # fmt: skip
    return page(request, "releases/again.html", context, status=400 if form and form.is_bound else 200)


@api_route("restarts_create")
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def restart(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """Replace the pods, change nothing else; GET asks."""
    place = selectors.placement_by_names(actor_of(request), project, slug, environment)
    if request.method != "POST":
        asked = restart_act(place, Rights(actor_of(request)))
        return _asking(request, place, _again_act(asked, "restart"), _restart(place), gates=asked.gates)
    deployment = deployments.restart(actor=actor_of(request), space=place.space, placement=place)
    return redirect("releases:rollout", deployment.pk)


@api_route("scalings_create")
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def scale(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """Another number of replicas until the next snapshot; GET asks for the number and says what it needs."""
    place = selectors.placement_by_names(actor_of(request), project, slug, environment)
    wanted = parse_digits(request.GET.get("replicas", ""))
    preview = None if wanted is None else scaling.preview(place, wanted)
    if wanted_part(request) == "preview":
        part = {"preview": preview, "gates": [] if wanted is None else _gates_of_scale(request, place, wanted)}
        return page(request, "releases/_scale_capacity.html", {**part, **_names_of(place)})
    form = ScaleForm(request.POST or None, initial={"replicas": place.wanted if wanted is None else wanted})
    if request.method != "POST" or not form.is_valid():
        asked = scale_act(place, Rights(actor_of(request)))
        found = asked.gates if wanted is None else _gates_of_scale(request, place, wanted)
        return _asking(request, place, _again_act(asked, "scale"), _scale(place), form, preview, found)
    replicas, good = form.cleaned_data["replicas"], place.last_succeeded
    if good and scaling.needs_second(place.space, good, replicas) and request_for(good, replicas) is None:
        return redirect(f"{reverse('releases:ask-scale', args=_names(place))}?replicas={replicas}")
    deployment = deployments.scale(actor=actor_of(request), space=place.space, placement=place, replicas=replicas)
    return redirect("releases:rollout", deployment.pk)


def _gates_of_scale(request: HttpRequest, place: Placement, wanted: int) -> list[Gate]:
    return scale_act(place, Rights(actor_of(request)), wanted).gates


@api_route("roll_backs_create", more=lambda form: {"deployment": form.number("to")})
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def roll_back(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """The review page backwards: what would be applied again against what stands there; POST does it."""
    user = actor_of(request)
    try:
        place = selectors.placement_by_names(user, project, slug, environment)
    except Missing:
        return _never(request, project, slug, environment)
    targets = selectors.earlier_successes(place)
    target = _chosen(place, targets, request.POST.get("to", "") or request.GET.get("to", ""))
    if target is None or target.snapshot is None:
        return page(request, "releases/roll_back.html", {"place": place, **_names_of(place), "targets": []})
    form = back_form(place, target, request.POST or None)
    if request.method == "POST" and form.is_valid():
        removals = form.cleaned_data.get("removals", [])
        deployment = deployments.roll_back(actor=user, space=place.space, to=target, removals=removals)
        return redirect("releases:rollout", deployment.pk)
    context = back_context(place, target, Rights(user)) | {"targets": targets, "form": form}
    return page(request, "releases/roll_back.html", context, status=400 if form.is_bound else 200)


def back_form(place: Placement, target: Deployment, given: Any = None) -> DeployForm:
    """The form that rolls back to ``target``; ``given``: what was sent."""
    assert target.snapshot is not None
    return DeployForm(
        given, number=target.order.number, is_production=place.space.environment.is_production,
        removals=roll_back_ticks(place, target.snapshot),
    )  # fmt: skip


def back_context(place: Placement, target: Deployment, rights: Rights) -> dict[str, Any]:
    """What the page tells of going back to ``target``, but for the other targets and its form."""
    assert target.snapshot is not None
    asked = roll_back_to(place, rights, target)
    no = asked.refusal
    approved = next((gate for gate in asked.gates if gate.code == "approved"), None)
    running, snapshot = running_there(place), full_snapshot(target.snapshot.pk)
    return {
        "place": place, **_names_of(place), "target": target, "gates": asked.gates,
        "why": no.why, "who": no.who, "explain": no.explain,
        "running": running, "effect": effect_of(snapshot, place, running),
        **folded(compare(snapshot, running)),
        "diff": diff_of_snapshots(running.snapshot if running else None, snapshot),
        "first_closed": asked.closed,
        "is_approved_anew": approved is not None,
        **_asking_for(target, place.space, rights, approved),
        **words_on(
            decisions_on(target.snapshot.pk), snapshot, rights.user, is_deploying=approved is None or not no.why
        ),
        **live(target.order, place.space_id),
    }  # fmt: skip


def _asking_for(target: Deployment, space: Space, rights: Rights, approved: Gate | None) -> dict[str, Any]:
    """Who asked for approval of it; the button that asks, while one is missing."""
    if approved is None:
        return {}
    asked = asked_to(target, space)
    return {
        "asked_back": asked, "ask_back": None if approved.is_open else ask_act(target, space, rights),
        "ask_form": AskForm(initial={"to": target.pk}),
        "withdraw_back": withdraw_act(asked, rights),
    }  # fmt: skip


def _chosen(place: Placement, targets: list[Deployment], pk: str) -> Deployment | None:
    """The one that was asked for; without a wish the newest, which is what one wants in the night."""
    if not pk:
        return targets[0] if targets else None
    rows = Deployment.objects.select_related("order__author", "snapshot", "deployed_by")
    target = rows.filter(component=place.component_id, space=place.space, pk=parse_digits(pk) or 0).first()
    if target is None or target.snapshot is None:
        raise Missing(_("There is no such deployment there."))
    return target


@read_view
def pod_log(request: HttpRequest, project: str, slug: str, environment: str, pod: str) -> HttpResponse:
    """The last lines of a pod, asked for now; ``?previous=1``: of the container before its restart."""
    place = selectors.placement_by_names(actor_of(request), project, slug, environment)
    if pod not in {known["name"] for known in place.pods}:
        raise Missing(_("This component has no such pod there."))
    previous = request.GET.get("previous") == "1"
    containers = pods.containers_of(place)
    container = request.GET.get("container", "")
    if container not in containers:
        container = containers[0] if containers else ""
    context: dict[str, Any] = {
        "place": place, "component": place.component, "environment": place.space.environment, "pod": pod,
        "previous": previous, "container": container, "containers": containers, "most_lines": pods.MOST_LINES,
    }  # fmt: skip
    try:
        text = live_reads.pod_log(place.space, pod, container=container, previous=previous, tail_lines=pods.MOST_LINES)
    except (Missing, Refused) as refusal:
        # Shown in the page: one click further is the log that there is.
        return page(request, "releases/pod_log.html", {**context, "trouble": refusal.message}, status=refusal.status)
    log = pod_log_of(place, pod, text, container=container, previous=previous)
    return page(request, "releases/pod_log.html", {**context, "log": log})
