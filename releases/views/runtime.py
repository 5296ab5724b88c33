"""运行态: what serves of a component in an environment, and acting on it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from components.selectors import current_allocation
from environments.access import Rights
from foundation.problems import Invalid, Missing, Refused
from foundation.runs.choices import ACTIVE
from releases import gates, looks, selectors
from releases.forms import DeployForm, ScaleForm
from releases.logs import pods
from releases.models import Deployment, Placement
from releases.services import deployments
from releases.views.pages import is_partial, page, person
from releases.views.reviews import full_snapshot, running_there
from releases.views.shown.acts import Act, refusal
from releases.views.shown.facts import compare
from releases.views.shown.logs import pod_log_of
from releases.views.shown.standing import settling_of
from releases.views.shown.tiles import tiles_of

HISTORY = 30


@login_required
@require_safe
def runtime(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """What serves here now?"""
    place = selectors.placement_by_names(person(request), project, slug, environment)
    template = "releases/_runtime.html" if is_partial(request) else "releases/runtime.html"
    return page(request, template, _context(request, place))


def _context(request: HttpRequest, place: Placement) -> dict[str, Any]:
    rights = Rights(person(request))
    space = place.space
    allocation = current_allocation(place.component, space.environment)
    rows = Deployment.objects.filter(component=place.component, space=space).select_related("order", "deployed_by")
    earlier = selectors.good_deployments(place.component_id, space, limit=HISTORY)
    return {
        "place": place,
        "component": place.component,
        "space": space,
        "environment": space.environment,
        "tiles": tiles_of(place.pods),
        "settling": settling_of(place, place.good),
        "allocation": allocation,
        "history": list(rows.order_by("-id")[:HISTORY]),
        "is_active": place.active is not None and place.active.state in ACTIVE,
        "restart": _again_act(place, rights, "restart", _("Restart")),
        "scale": _again_act(place, rights, "scale", _("Scale")),
        "scale_form": ScaleForm(initial={"replicas": place.wanted}),
        "targets": _targets(place, earlier, rights),
        "nav": "home",
        "topic": f"space:{space.pk}",
    }


def _names(place: Placement) -> list[str]:
    return [place.space.project.slug, place.component.slug, place.space.environment.slug]


def _again_act(place: Placement, rights: Rights, name: str, label: Any) -> Act:
    url = reverse(f"releases:{name}", args=_names(place))
    good = place.good
    if good is None or good.snapshot is None:
        return Act(label, url, "post", why=_("Nothing of this component has succeeded here yet: deploy it first."))
    found = gates.roll_back_gates(good.order, place.space, snapshot=good.snapshot, deployer=None)
    no = refusal(rights, "deploy", space=place.space, gates=found)
    return Act(label, url, "post", why=no.why, who=no.who)


def _targets(place: Placement, earlier: list[Deployment], rights: Rights) -> list[tuple[Deployment, Act]]:
    """Every snapshot that succeeded there once, newest first, except the one that stands there now."""
    standing = place.applied.snapshot_id if place.applied else None
    found: dict[int, tuple[Deployment, Act]] = {}
    may = refusal(rights, "deploy", space=place.space)
    for row in earlier:
        if row.snapshot_id is None or row.snapshot_id == standing or row.snapshot_id in found:
            continue
        url = f"{reverse('releases:roll-back', args=_names(place))}?to={row.pk}"
        found[row.snapshot_id] = (row, Act(_("Roll back to this"), url, why=may.why, who=may.who))
    return list(found.values())


@login_required
@require_POST
def restart(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """Replace the pods, change nothing else."""
    place = selectors.placement_by_names(person(request), project, slug, environment)
    deployment = deployments.restart(actor=person(request), space=place.space, placement=place)
    return redirect("releases:rollout", deployment.pk)


@login_required
@require_POST
def scale(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """Another number of replicas until the next snapshot."""
    place = selectors.placement_by_names(person(request), project, slug, environment)
    form = ScaleForm(request.POST)
    if not form.is_valid():
        raise Invalid({name: [str(said) for said in sentences] for name, sentences in form.errors.items()})
    deployment = deployments.scale(
        actor=person(request), space=place.space, placement=place, replicas=form.cleaned_data["replicas"]
    )
    return redirect("releases:rollout", deployment.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def roll_back(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """The review page backwards: what would be applied again against what stands there; POST does it."""
    user = person(request)
    place = selectors.placement_by_names(user, project, slug, environment)
    target = _chosen(place, request.POST.get("to", "") or request.GET.get("to", ""))
    number = target.order.number
    form = DeployForm(
        request.POST or None, number=number, is_production=place.space.environment.is_production
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        deployment = deployments.roll_back(actor=user, space=place.space, to=target)
        return redirect("releases:rollout", deployment.pk)
    assert target.snapshot is not None
    found = gates.roll_back_gates(target.order, place.space, snapshot=target.snapshot, deployer=user)
    no = refusal(Rights(user), "deploy", space=place.space, gates=found)
    context = {
        "place": place, "target": target, "form": form, "gates": found, "why": no.why, "who": no.who,
        "component": place.component, "environment": place.space.environment,
        "compared": compare(full_snapshot(target.snapshot.pk), running_there(place)),
    }  # fmt: skip
    return page(request, "releases/roll_back.html", context, status=400 if form.is_bound else 200)


def _chosen(place: Placement, pk: str) -> Deployment:
    rows = Deployment.objects.select_related("order__author", "snapshot", "deployed_by")
    found = rows.filter(
        component=place.component_id, space=place.space, pk=int(pk) if pk.isascii() and pk.isdigit() else 0
    )  # fmt: skip
    target = found.first()
    if target is None or target.snapshot is None:
        raise Missing(_("There is no such deployment there."))
    return target


@login_required
@require_safe
def pod_log(request: HttpRequest, project: str, slug: str, environment: str, pod: str) -> HttpResponse:
    """The last lines of a pod, asked for now; ``?previous=1``: of the container before its restart."""
    place = selectors.placement_by_names(person(request), project, slug, environment)
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
        text = looks.pod_log(place.space, pod, container=container, previous=previous, tail_lines=pods.MOST_LINES)
    except Refused as refusal:
        # Said in the page: one click further is the log that there is.
        return page(request, "releases/pod_log.html", {**context, "trouble": refusal.sentence}, status=refusal.status)
    log = pod_log_of(place, pod, text, container=container, previous=previous)
    return page(request, "releases/pod_log.html", {**context, "log": log})
